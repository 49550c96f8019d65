"""Bits through the range coder, from inside compiled loops (SPEC: "Range coder").

The model adapts after every bit, so the decoder needs each bit before it can know the next probability, and
a call out of the loop for each would be far too slow. The encoder therefore collects bits and
probabilities, which `hemgs_codec.range_coder` codes in bulk; the decoder reads the same stream here, bit by
bit. Both meet in `code_bit`, so that encoding and decoding are one walk over the tree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled
from hemgs_codec.range_reading import Stream

TOTAL_BITS = 24  # probabilities are in 1/2**24, as for every symbol of the format
_TOP = np.uint64(1 << 32)
_32 = np.uint64(32)
_24 = np.uint64(TOTAL_BITS)
_ZERO = np.uint64(0)

STATE_OK, STATE_TRUNCATED, STATE_IMPOSSIBLE = 0, 1, 2


class Channel(NamedTuple):
    """Where bits come from (decoding: `words`) or go (encoding: `bits`, `weights`)."""

    is_decoder: bool
    words: npt.NDArray[np.uint32]
    registers: npt.NDArray[np.uint64]  # lower, range, point
    cursor: npt.NDArray[np.int64]  # words read (decoder) or bits collected (encoder); a STATE_ value
    bits: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.int32]


def open_encoder(max_bits: int) -> Channel:
    """Make a channel that collects up to max_bits bits before it is drained."""
    empty = np.zeros(0, np.uint32), np.zeros(3, np.uint64)
    return Channel(
        False, *empty, np.zeros(2, np.int64), np.empty(max_bits, np.uint8), np.empty(max_bits, np.int32)
    )


def open_decoder(words: npt.NDArray[np.uint32]) -> Channel:
    """Make a channel that reads words (W,), W >= 1."""
    first = int(words[0]) << 32 | (int(words[1]) if len(words) > 1 else 0)
    registers = np.array([0, (1 << 64) - 1, first], np.uint64)
    nothing = np.zeros(0, np.uint8), np.zeros(0, np.int32)
    return Channel(True, words, registers, np.array([2, STATE_OK], np.int64), *nothing)


def stream_of(channel: Channel) -> Stream:
    """Return where a decoder has come to, as `range_reading` has it."""
    lower, width, point = map(int, channel.registers)
    state = np.array([width, (point - lower) % (1 << 64)], np.uint64)
    return Stream(channel.words, state, channel.cursor[:1])


@compiled
def code_bit(channel: Channel, bit: int, weight_of_one: int) -> int:
    """Code a bit that is 1 with probability weight_of_one / 2**24; return it.

    The encoder collects the given bit. The decoder ignores it and reads one; on impossible data or beyond the
    last word it sets the channel's state, to what came first, and goes on with any bit, which is harmless:
    every bit sequence describes some tree, or some list.
    """
    cursor = channel.cursor
    if not channel.is_decoder:
        channel.bits[cursor[0]] = bit
        channel.weights[cursor[0]] = weight_of_one
        cursor[0] += 1
        return bit
    registers = channel.registers
    lower, width, point = registers[0], registers[1], registers[2]
    scale = width >> _24
    offset, zeros = point - lower, scale * np.uint64((1 << TOTAL_BITS) - weight_of_one)
    if offset >= scale << _24:  # products are compared, for a division takes longer
        # A word that wasn't there reads as 0, and may make nonsense before the next one is missed.
        if cursor[1] == STATE_OK:
            cursor[1] = STATE_TRUNCATED if cursor[0] > len(channel.words) else STATE_IMPOSSIBLE
        offset = _ZERO
    if offset >= zeros:
        bit = 1
        lower += zeros
        width = scale * np.uint64(weight_of_one)
    else:
        bit = 0
        width = zeros
    if width < _TOP:
        lower <<= _32
        width <<= _32
        point <<= _32
        if cursor[0] < len(channel.words):
            point |= np.uint64(channel.words[cursor[0]])
        elif cursor[0] > len(channel.words) and cursor[1] == STATE_OK:
            cursor[1] = STATE_TRUNCATED  # the encoder's seal leaves at most one word unwritten
        cursor[0] += 1
    registers[0], registers[1], registers[2] = lower, width, point
    return bit
