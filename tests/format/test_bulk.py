from __future__ import annotations

import contextlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hemgs_format.bulk import compress, decompress
from hemgs_format.errors import CorruptError, HgsError, LimitError

DATA = compress(b"some bytes, some bytes, some more bytes" * 20)


@given(st.binary(max_size=3000))
def test_bytes_round_trip(data: bytes) -> None:
    assert decompress(compress(data), max_bytes=len(data)) == data


def test_content_beyond_the_limit_raises_limit_error_before_it_is_made() -> None:
    bomb = compress(bytes(100_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(LimitError, match="100000000"):
        decompress(bomb, max_bytes=1 << 20)


def test_a_frame_without_its_size_raises_corrupt_error() -> None:
    with pytest.raises(CorruptError, match="state its size"):
        decompress(zstandard.ZstdCompressor(write_content_size=False).compress(b"abc"), max_bytes=100)


def test_every_truncation_raises_corrupt_error() -> None:
    for length in range(len(DATA)):
        with pytest.raises(CorruptError):
            decompress(DATA[:length], max_bytes=10_000)


@pytest.mark.parametrize("content", [b"", b"abc"])
def test_bytes_after_the_frame_raise_corrupt_error(content: bytes) -> None:
    with pytest.raises(CorruptError):
        decompress(compress(content) + b"x", max_bytes=10_000)
    with pytest.raises(CorruptError):
        decompress(compress(content) * 2, max_bytes=10_000)


def test_a_skippable_frame_raises_corrupt_error() -> None:
    with pytest.raises(CorruptError):
        decompress(b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc", max_bytes=10_000)


def test_every_flipped_bit_gives_bounded_bytes_or_an_hgs_error() -> None:
    for position in range(len(DATA)):
        for bit in range(8):
            damaged = bytearray(DATA)
            damaged[position] ^= 1 << bit
            with contextlib.suppress(HgsError):
                assert len(decompress(bytes(damaged), max_bytes=10_000)) <= 10_000
