"""Payloads that claim, nest or unfold to far more than they hold: msgpack and zstandard."""

from __future__ import annotations

import struct
from functools import cache

import msgpack
import numpy as np
import zstandard

from hemgs_format.constants import MAX_METADATA_BYTES

_HUGE = struct.pack(">I", 2**32 - 1)
_DEPTHS = (7, 8, 9, 100, 511, 512, 1024, 5000, 100_000)
_UNFOLDED = 1 << 28


def msgpack_bomb(rng: np.random.Generator, metadata: bytes) -> bytes:
    """Return a map that nests, claims or repeats too much; every third is the good map with such a value."""
    bombs = (_nested, _claim, _wrong, _crowd)
    bomb = bombs[int(rng.choice(4, p=(0.34, 0.32, 0.32, 0.02)))](rng)  # crowds take a second each
    if rng.random() < 0.3 and metadata[0] & 0xF0 == 0x80 and metadata[0] < 0x8F:
        return bytes([metadata[0] + 1]) + metadata[1:] + b"\xa1~" + bomb
    if metadata[0] == 0xDE and rng.random() < 0.5:
        count = int.from_bytes(metadata[1:3], "big") + 1
        return b"\xde" + count.to_bytes(2, "big") + metadata[3:] + b"\xa1~" + bomb
    return bomb


def _nested(rng: np.random.Generator) -> bytes:
    opening, end = ((b"\x91", b"\xc0"), (b"\x81\xa1a", b"\xc0"), (b"\x92\xc0", b"\x90"))[rng.integers(0, 3)]
    return opening * int(rng.choice(_DEPTHS)) + end


def _claim(rng: np.random.Generator) -> bytes:
    tag = (b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9")[
        rng.integers(0, 5)
    ]  # list, map, text, binary, extension
    return (b"", b"\x81\xa1a")[rng.integers(0, 2)] + tag + _HUGE + rng.bytes(int(rng.integers(0, 9)))


def _crowd(rng: np.random.Generator) -> bytes:
    """Fill what metadata may take, or one byte more, with the smallest items."""
    item = (b"\x80", b"\x90", b"\xc0", b"\xa0", b"\xcb" + bytes(8), b"\x91\x90")[rng.integers(0, 6)]
    room = MAX_METADATA_BYTES + int(rng.integers(-300, 2)) - 8
    if rng.random() < 0.2:
        count = room // 6
        keys = b"".join(b"\xa4" + f"{number:04x}".encode()[-4:] + b"\xc0" for number in range(count))
        return b"\xdf" + struct.pack(">I", count) + keys
    count = room // len(item)
    return b"\x81\xa1a\xdd" + struct.pack(">I", count) + item * count


def _wrong(rng: np.random.Generator) -> bytes:
    kinds = (
        b"\x82\xa1a\x01\xa1a\x02",  # a key twice
        b"\x81\x01\x02",  # a key that isn't text
        b"\x81\xa2\xff\xfe\x01",  # no UTF-8
        b"\x81\xa1a\xca\x7f\xc0\x00\x00",  # NaN
        b"\x81\xa1a\xcb\x7f\xf0" + bytes(6),  # infinity
        b"\x81\xa1a\xd6\xff" + bytes(4),  # a time stamp
        b"\x81\xa1a\xc1",  # a tag that there isn't
        b"\x81\x90\x01",  # a list as key
        msgpack.packb({"a": 1}) * 2,
        rng.bytes(int(rng.integers(0, 64))),
    )
    return bytes(kinds[int(rng.integers(0, len(kinds)))])


@cache
def _zeros() -> bytes:
    """Return a valid frame of 256 MiB of zeros: 8 kB."""
    return zstandard.ZstdCompressor(level=1).compress(bytes(_UNFOLDED))


def zstandard_bomb(rng: np.random.Generator) -> bytes:
    """Return a frame that unfolds or claims too much, lies about its size, or is damaged."""
    good = zstandard.ZstdCompressor(level=3).compress(bytes(rng.integers(0, 4, 300, dtype=np.uint8)))
    size = struct.pack("<Q", int(rng.choice([0, 1, 299, 301, 2**16, 2**31, 2**62])))
    header = b"\x28\xb5\x2f\xfd"
    stream = zstandard.ZstdCompressor(level=1, write_content_size=False).compress(bytes(1 << 20))
    kinds = (
        _zeros(),
        header + b"\xe0" + size + good[6:],  # states another content size, in eight bytes
        header + b"\x80\xf8" + size[:4] + good[6:],  # and needs a window of 2^41 bytes
        stream,  # states none
        header + b"\x63" + rng.bytes(4) + size[:2] + good[6:],  # needs a dictionary
        good + good,
        b"\x50\x2a\x4d\x18" + struct.pack("<I", 2**32 - 1),  # a skippable frame
        good[: int(rng.integers(0, len(good)))],
        _flipped(rng, good),
    )
    return bytes(kinds[int(rng.integers(0, len(kinds)))])


def _flipped(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[int(rng.integers(0, len(changed)))] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)
