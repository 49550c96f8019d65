"""A reader's own limit: files of more points than it has memory for are refused before any is asked for."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from hemgs_codec import decode, verify
from hemgs_codec.attribute_bits import attribute_bits
from hemgs_codec.decoder import points
from hemgs_codec.partial import decode_partial
from hemgs_format.errors import LimitError
from tests.small import ROOT

VALID = ROOT / "format" / "vectors" / "valid"
READERS: dict[str, Callable[[bytes, int], object]] = {
    "decode": lambda data, most: decode(data, max_points=most),
    "verify": lambda data, most: verify(data, max_points=most),
    "decode_partial": lambda data, most: decode_partial(data, max_points=most),
    "decode_partial of whole files": lambda data, most: decode_partial(
        data, allow_truncated=False, max_points=most
    ),
    "attribute_bits": lambda data, most: attribute_bits(data, max_points=most),
}


def vector(name: str) -> bytes:
    return (VALID / f"{name}.hgs").read_bytes()


@pytest.mark.parametrize("name", ["sh3-permuted", "anchors"])
@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_more_points_is_refused_and_one_of_as_many_is_read(reader: str, name: str) -> None:
    count = points(decode(vector(name)))[1]
    READERS[reader](vector(name), count)
    with pytest.raises(LimitError, match=rf"num_points at byte 12 is {count}, expected at most {count - 1}"):
        READERS[reader](vector(name), count - 1)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_refused_took_no_memory(reader: str) -> None:
    """5,000 points, whose decoding takes megabytes."""
    data = vector("identical-points")
    tracemalloc.start()
    try:
        with pytest.raises(LimitError):
            READERS[reader](data, 4999)
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def test_a_part_of_a_file_is_refused_by_the_points_of_the_whole() -> None:
    data = vector("sh3-permuted")
    with pytest.raises(LimitError, match="max_points"):
        decode_partial(data[:-100], max_points=39)
