"""Morton-sorted lattice points to bytes and back (SPEC: "Locations").

The stream is the range coder's words and nothing else: the number of points and the bits an axis are the
container's to store. Trailing zero words may pad it, so that every stream holds at least one byte for each 64
points: that bounds what a reader allocates by what it was given, and only scenes of massive duplicates
notice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.location.coder import (
    STATE_IMPOSSIBLE,
    STATE_OK,
    Channel,
    open_decoder,
    open_encoder,
    stream_of,
)
from hemgs_codec.location.contexts import NUM_CONTEXTS, NUM_SETS
from hemgs_codec.location.mixing import open_mixer
from hemgs_codec.location.morton import MAX_BITS, check_coords, morton_encode
from hemgs_codec.location.neighbours import Int32Array, Level, link_children, open_level
from hemgs_codec.location.octree import code_level, open_scratch
from hemgs_codec.range_coder import SymbolEncoder
from hemgs_codec.range_reading import ends_right, words_written
from hemgs_format.errors import CorruptError, LimitError, TruncatedError

__all__ = ["MAX_POINTS", "POINTS_PER_BYTE", "decode_locations", "encode_locations"]

MAX_POINTS = 1 << 28  # ranks, node numbers and 3 bits a point and level fit in 31 bits with room to spare
POINTS_PER_BYTE = 64
_DRAIN = 1 << 16  # bits handed to the range coder at once

Int64Array = npt.NDArray[np.int64]
_NO_COORDS: Int32Array = np.zeros((0, 3), np.int32)


def encode_locations(coords: npt.NDArray[np.integer], bits: int) -> bytes:
    """Encode lattice points.

    Parameters
    ----------
    coords
        (N, 3) integers in 0 .. 2**bits - 1, Morton sorted; duplicates are kept.
    bits
        Bits an axis, 1 .. 21.

    Returns
    -------
    bytes
        A whole number of 4-byte words; none for no points.

    Raises
    ------
    LimitError
        bits, N or a coordinate is out of range, or the points aren't sorted.
    """
    _check_limits(len(coords), bits)
    points = check_coords(coords)
    if points.size and points.max() >> bits:
        raise LimitError(f"coords reach {points.max()}, expected less than 2**{bits}")
    if (np.diff(morton_encode(points)) < 0).any():
        raise LimitError("coords aren't in Morton order: sort them with morton_sort first")
    if not len(points):
        return b""
    encoder = SymbolEncoder()
    # A split of n points takes at most n bits, so a level's three take at most 3 N.
    channel = open_encoder(3 * len(points))
    _walk(points.astype(np.int32), len(points), bits, channel, encoder)
    data = encoder.finish()
    return data + bytes(max(_least_bytes(len(points)) - len(data), 0))


def decode_locations(data: bytes | memoryview, num_points: int, bits: int) -> Int64Array:
    """Decode lattice points.

    Parameters
    ----------
    data
        The bytes of `encode_locations`.
    num_points
        N, as encoded.
    bits
        Bits an axis, as encoded.

    Returns
    -------
    numpy.ndarray
        (N, 3) int64, Morton sorted.

    Raises
    ------
    LimitError
        bits or num_points is out of range, or data is too short for any num_points points.
    TruncatedError
        The data ends early.
    CorruptError
        The data goes on after its last point, or can't have come from an encoder.

    Notes
    -----
    Damage that keeps the length mostly goes unnoticed: any bits describe some points. Checksums are the
    container's.
    """
    _check_limits(num_points, bits)
    if len(data) % 4:
        raise TruncatedError(f"location data has {len(data)} bytes, expected a multiple of 4")
    least = _least_bytes(num_points)
    if len(data) < least:
        raise LimitError(
            f"{len(data)} bytes of location data for {num_points} points, expected at least {least}"
        )
    if num_points == 0:
        if len(data):
            raise CorruptError(f"{len(data)} bytes of location data for no points, expected none")
        return np.empty((0, 3), np.int64)
    words = np.frombuffer(data, "<u4").astype(np.uint32)
    channel = open_decoder(words)
    leaves = _walk(_NO_COORDS, num_points, bits, channel, None)
    stream = stream_of(channel)
    written = words_written(stream)
    if len(words) < written:
        raise TruncatedError(f"location data has {len(words)} words, expected {written}: it ends early")
    if words[written:].any() or len(data) != max(4 * written, least):
        raise CorruptError(f"location data goes on after its last point: {len(words)} words, {written} used")
    if not ends_right(stream):
        raise CorruptError("location data doesn't end as an encoder ends it: damaged")
    return np.repeat(leaves.corner.astype(np.int64), leaves.num_points, axis=0)


def _check_limits(num_points: int, bits: int) -> None:
    """Refuse counts and widths that the format doesn't have."""
    if not 1 <= bits <= MAX_BITS:
        raise LimitError(f"{bits} bits an axis, expected 1 .. {MAX_BITS}")
    if not 0 <= num_points <= MAX_POINTS:
        raise LimitError(f"{num_points} points, expected 0 .. {MAX_POINTS}")


def _least_bytes(num_points: int) -> int:
    """Return the length that a stream of num_points points is padded to: a multiple of 4."""
    return -(-num_points // (4 * POINTS_PER_BYTE)) * 4


def _walk(
    coords: Int32Array, num_points: int, bits: int, channel: Channel, encoder: SymbolEncoder | None
) -> Level:
    """Code all levels, root to leaves; return the leaves."""
    mixer, scratch = open_mixer(NUM_CONTEXTS, NUM_SETS), open_scratch()
    level = open_level(1)
    level.num_points[0] = num_points
    for node_bits in range(bits, 0, -1):
        num_nodes = len(level.num_points)
        room = open_level(min(8 * num_nodes, num_points))
        first_child = np.empty(num_nodes + 1, np.int32)
        middle = np.empty_like(level.corner)
        num_children = code_level(
            coords, node_bits, level, first_child, room, middle, scratch, mixer, channel
        )
        if encoder is None:
            _check_state(channel)
        else:
            _drain(channel, encoder)
        children = Level(*(field[:num_children] for field in room))
        if node_bits > 1:
            link_children(level, first_child, children, node_bits - 1)
        level = children
    return level


def _drain(channel: Channel, encoder: SymbolEncoder) -> None:
    """Hand the collected bits to the range coder."""
    num_bits = int(channel.cursor[0])
    for start in range(0, num_bits, _DRAIN):
        part = slice(start, min(start + _DRAIN, num_bits))
        encoder.encode_binary(channel.bits[part], channel.weights[part])
    channel.cursor[0] = 0


def _check_state(channel: Channel) -> None:
    """Raise what the decoder met."""
    state = int(channel.cursor[1])
    if state == STATE_OK:
        return
    if state == STATE_IMPOSSIBLE:
        raise CorruptError("location data is impossible under its probabilities: damaged")
    raise TruncatedError(f"location data ends early: {len(channel.words)} words are too few")
