"""The range decoder's loops, in integers (SPEC: "Range coder"): words and tables in, table entries out.

constriction's decoder reads the same streams, but keeps its state to itself, and only the state tells at the
end whether these are the words that an encoder writes. Here the state is an array, and a symbol takes half as
long.

Every loop reads symbols until it has all, or meets data that no encoder writes, and returns how many it read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare, compiled

Int64Array = npt.NDArray[np.int64]

_PRECISION = np.uint64(24)  # of tables; spelt here, for cached loops use nothing of other files
_TOTAL = np.uint64(1 << 24)
_WHOLE = (1 << 64) - 1  # R before the first symbol, each of which takes some away
_WORD_BITS = np.uint64(32)
_WORD = np.uint64(1 << 32)


class Stream(NamedTuple):
    """Words, and how far they are read."""

    words: npt.NDArray[np.uint32]  # (W,)
    state: npt.NDArray[np.uint64]  # R and D: the range, and the code value's offset in it; D < R
    cursor: Int64Array  # (1,) words read, those that are missing among them


def open_stream(words: npt.NDArray[np.uint32]) -> Stream:
    """Begin to read words (W,); missing ones are 0."""
    first, second = (int(words[place]) if place < len(words) else 0 for place in range(2))
    state = np.array([_WHOLE, first << 32 | second], np.uint64)
    return Stream(words, state, np.array([2], np.int64))


def words_written(stream: Stream) -> int:
    """Return how many words the encoder wrote for the symbols that were read.

    Notes
    -----
    It ends with the least code value in its range whose low word is 0, and leaves that word out where any
    would do: where the range goes on beyond them all.
    """
    width, offset = map(int, stream.state)
    if width == _WHOLE:
        return 0
    return int(stream.cursor[0]) - (width - offset >= 1 << 32)


def ends_right(stream: Stream) -> bool:
    """Whether the last of `words_written` words are those that the encoder wrote, if they are all there."""
    read = int(stream.cursor[0])
    low_word = int(stream.words[read - 1]) if read <= len(stream.words) else 0
    return int(stream.state[0]) == _WHOLE or (int(stream.state[1]) < 1 << 32 and low_word == 0)


@compiled
def _narrow(stream: Stream, scale: np.uint64, left: np.uint64, weight: np.uint64) -> None:
    """Go on to the part of the range that belongs to a symbol."""
    offset = stream.state[1] - scale * left
    width = scale * weight
    if width < _WORD:
        place = stream.cursor[0]
        word = np.uint64(stream.words[place]) if place < len(stream.words) else np.uint64(0)
        stream.cursor[0] = place + 1
        width <<= _WORD_BITS
        offset = offset << _WORD_BITS | word
    stream.state[0], stream.state[1] = width, offset


@cached_bare
def read_rows(
    stream: Stream, edges: npt.NDArray[np.uint32], rows: Int64Array, entries: npt.NDArray[np.int64]
) -> int:
    """Read an entry (n,) with each row (n,) of tables.

    Parameters
    ----------
    edges
        (R, K + 1): sums of the weights before each entry, from 0 to 2**24.
    rows
        (n,) below R.
    entries
        (n,), written.
    """
    last = edges.shape[1] - 2
    for n in range(len(rows)):
        scale = stream.state[0] >> _PRECISION
        place = stream.state[1] // scale
        if place >= _TOTAL:
            return n
        row = edges[rows[n]]
        low, high = 0, last
        while low < high:
            middle = (low + high + 1) >> 1
            if np.uint64(row[middle]) <= place:
                low = middle
            else:
                high = middle - 1
        left = np.uint64(row[low])
        _narrow(stream, scale, left, np.uint64(row[low + 1]) - left)
        entries[n] = low
    return len(rows)


@cached_bare
def find_tables(
    means: Int64Array,
    sigmas: Int64Array,
    tables: tuple[Int64Array, npt.NDArray[np.uint8], Int64Array, Int64Array],
    limit: int,
    rows: Int64Array,
    classes: npt.NDArray[np.uint8],
    centres: Int64Array,
    counts: Int64Array,
) -> bool:
    """Do what `symbols.find_rows` does, and count symbols by class, and at the end those with low bits.

    Returns
    -------
    bool
        False: a mean is beyond the limit, or a sigma index.
    """
    shifts, class_of, first_row, shifted_mean = tables
    last = counts.shape[0] - 1
    for n in range(len(means)):
        mean, sigma = means[n], sigmas[n]
        if not 0 <= sigma < len(shifts) or not -limit <= mean <= limit:
            return False
        shift = shifts[sigma]
        mean = (mean - shifted_mean[sigma]) >> shift
        centre = (mean + 8) >> 4
        rows[n], centres[n], classes[n] = first_row[sigma] + mean - 16 * centre, centre, class_of[sigma]
        counts[class_of[sigma]] += 1
        if shift > 0:
            counts[last] += 1
    return True


@cached_bare
def add_centres(residuals: Int64Array, centres: Int64Array, limit: int) -> bool:
    """Turn residuals (n,) into symbols; return whether none is beyond the limit."""
    is_within = True
    for n in range(len(residuals)):
        residuals[n] += centres[n]
        is_within &= abs(residuals[n]) <= limit
    return is_within


@cached_bare
def read_class(
    stream: Stream,
    edges: npt.NDArray[np.uint32],
    wanted: int,
    classes: npt.NDArray[np.uint8],
    rows: Int64Array,
    residuals: Int64Array,
) -> tuple[bool, int]:
    """Read the residuals of one class among those of all (n,): what `read_rows` reads, from the middle.

    Returns
    -------
    is_read
        Whether all were read.
    escaped
        How many of them are escapes: one more than the half width.
    """
    half = edges.shape[1] // 2 - 1
    is_read, escaped = True, 0
    # in registers: a call or an array for each symbol would take longer than all else
    width, offset, place = stream.state[0], stream.state[1], stream.cursor[0]
    for n in range(len(rows)):
        if classes[n] != wanted:
            continue
        row, entry, scale = rows[n], half, width >> _PRECISION
        if offset >= scale << _PRECISION:
            is_read = False
            break
        # products are compared, for a division takes longer than a search
        left = scale * np.uint64(edges[row, entry])
        right = scale * np.uint64(edges[row, entry + 1])
        while offset < left:
            entry -= 1
            left, right = scale * np.uint64(edges[row, entry]), left
        while offset >= right:
            entry += 1
            left, right = right, scale * np.uint64(edges[row, entry + 1])
        offset -= left
        width = right - left
        if width < _WORD:
            word = np.uint64(stream.words[place]) if place < len(stream.words) else np.uint64(0)
            place += 1
            width <<= _WORD_BITS
            offset = offset << _WORD_BITS | word
        residuals[n] = entry - half
        escaped += entry == 2 * half + 1
    stream.state[0], stream.state[1], stream.cursor[0] = width, offset, place
    return is_read, escaped


@cached_bare
def read_uniform(stream: Stream, bits: Int64Array, values: Int64Array) -> int:
    """Read a value (n,) of each number of bits (n,), 0 .. 16; one of no bits is 0 and takes none."""
    for n in range(len(bits)):
        if bits[n] == 0:
            values[n] = 0
            continue
        scale = stream.state[0] >> _PRECISION
        place = stream.state[1] // scale
        if place >= _TOTAL:
            return n
        shift = _PRECISION - np.uint64(bits[n])
        value = place >> shift
        _narrow(stream, scale, value << shift, np.uint64(1) << shift)
        values[n] = np.int64(value)
    return len(bits)


@cached_bare
def read_bits(stream: Stream, weight_of_one: Int64Array, bits: Int64Array) -> int:
    """Read a bit (n,) with each weight (n,) of being 1, 1 .. 2**24 - 1."""
    for n in range(len(weight_of_one)):
        scale = stream.state[0] >> _PRECISION
        place = stream.state[1] // scale
        if place >= _TOTAL:
            return n
        one = np.uint64(weight_of_one[n])
        zero = _TOTAL - one
        if place < zero:
            _narrow(stream, scale, np.uint64(0), zero)
            bits[n] = 0
        else:
            _narrow(stream, scale, zero, one)
            bits[n] = 1
    return len(weight_of_one)
