"""How an integer is spelt with Gaussian tables (SPEC: "Gaussian symbols"): row, escape, low bits, cost.

The encoder, the decoder and the cost report share this file, so they can't disagree on it. All of it is
integer and vectorised over symbols; the order in which the parts are coded is the range coder's business.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import CorruptError, LimitError
from hemgs_format.tables import (
    CLASS_ENDS,
    HALF_WIDTHS,
    NUM_FRACTIONS,
    NUM_SIGMAS,
    NUM_TABLE_SIGMAS,
    PRECISION,
    class_weights,
)

MAX_SYMBOL = 1 << 30
"""Largest |symbol|: residuals then fit 32 bits, and so an escape's length fits its five."""

MAX_MEAN16 = MAX_SYMBOL * 16

ESCAPE_LENGTH_BITS = 5
"""An escape's bit count is sent in this many uniform bits."""

MAX_UNIFORM_BITS = 16
"""Uniform values of more bits are coded in two parts, top bits first: tables have 24 bits of precision."""

BLOCK_SYMBOLS = 1 << 16
"""Symbols of one call are coded in blocks of this many, each ordered by class: this bounds memory."""

Int64Array = npt.NDArray[np.int64]

_SIGMAS = np.arange(NUM_SIGMAS, dtype=np.int64)
# Sigma index -> low bits, class and, for its first row, the row in that class.
_SHIFT: Int64Array = np.maximum(0, (_SIGMAS - NUM_TABLE_SIGMAS) // 8 + 1)
_TABLE_SIGMA = _SIGMAS - 8 * _SHIFT
_CLASS = np.searchsorted(CLASS_ENDS, _TABLE_SIGMA, side="right").astype(np.uint8)
_FIRST_ROW = (_TABLE_SIGMA - np.array([0, *CLASS_ENDS])[_CLASS]) * NUM_FRACTIONS + 8
_SHIFTED_MEAN = 8 * ((1 << _SHIFT) - 1)
TABLES_OF_SIGMAS = (_SHIFT, _CLASS, _FIRST_ROW, _SHIFTED_MEAN)
"""What `find_rows` reads by sigma index, for loops that do the same."""


class Rows(NamedTuple):
    """Where the table of each symbol is.

    Attributes
    ----------
    width_class
        (n,) uint8, index into `HALF_WIDTHS`.
    row
        (n,) int64, row of `class_weights(width_class)`.
    centre
        (n,) int64, the (high part of a) symbol with residual 0.
    shift
        (n,) int64, how many low bits are coded uniformly, or None where no symbol has any.
    """

    width_class: npt.NDArray[np.uint8]
    row: Int64Array
    centre: Int64Array
    shift: Int64Array | None


def _beyond(values: Int64Array, limit: int) -> bool:
    """Whether some ``|value| > limit``; as unsigned, values too low are huge, so one pass finds both ends."""
    return values.size > 0 and int((values + limit).view(np.uint64).max()) > 2 * limit


def find_rows(mean16: npt.NDArray[np.integer], sigma_index: npt.NDArray[np.integer]) -> Rows:
    """Pick each symbol's table from its predicted distribution.

    Parameters
    ----------
    mean16
        (n,) integers: mean in sixteenths of a symbol, ``|mean16| <= 2**34``.
    sigma_index
        (n,) integers, 0 .. 127.

    Returns
    -------
    Rows

    Raises
    ------
    LimitError
        A parameter is out of range.

    Examples
    --------
    >>> rows = find_rows(np.array([-9, 100]), np.array([32, 60]))  # sigma 1, and 2**3.5: one low bit
    >>> rows.centre.tolist(), rows.row.tolist()
    ([-1, 3], [527, 70])
    """
    mean = np.asarray(mean16, np.int64)
    sigma = np.asarray(sigma_index, np.int64)
    if mean.ndim != 1 or mean.shape != sigma.shape:
        raise LimitError(f"means {mean.shape} and sigma indices {sigma.shape}: expected two equal lengths")
    if not mean.size:
        return Rows(np.empty(0, np.uint8), sigma, mean, None)
    largest = int(sigma.view(np.uint64).max())
    if largest >= NUM_SIGMAS:
        raise LimitError(f"sigma index {sigma.min()} .. {sigma.max()}, expected 0 .. {NUM_SIGMAS - 1}")
    if _beyond(mean, MAX_MEAN16):
        raise LimitError(f"mean {mean.min()} .. {mean.max()} sixteenths, expected within {MAX_MEAN16}")
    shift = None
    if largest >= NUM_TABLE_SIGMAS:
        shift = _SHIFT[sigma]
        # The high part h stands for symbols h * 2**shift + (0 .. 2**shift - 1): aim at their middle.
        mean = (mean - _SHIFTED_MEAN[sigma]) >> shift
    centre = (mean + 8) >> 4
    return Rows(_CLASS[sigma], _FIRST_ROW[sigma] + mean - 16 * centre, centre, shift)


def check_symbols(symbols: npt.NDArray[np.integer]) -> Int64Array:
    """Return symbols (n,) as int64, or raise LimitError if one is beyond ``MAX_SYMBOL``."""
    wide = np.asarray(symbols, np.int64)
    if wide.ndim != 1:
        raise LimitError(f"symbols have shape {wide.shape}, expected one dimension")
    if _beyond(wide, MAX_SYMBOL):
        raise LimitError(f"symbol {wide.min()} .. {wide.max()}, expected within {MAX_SYMBOL}")
    return wide


def check_fits(values: Int64Array, bits: Int64Array) -> None:
    """Raise LimitError unless values (n,) are in ``0 .. 2**bits - 1``."""
    if values.shape != bits.shape or (values >> bits).any():  # a negative value leaves -1
        raise LimitError("a value doesn't fit the bits it is to be coded in")


class Escapes(NamedTuple):
    """Residuals beyond a table: ``|r| = H + 2**length + low``.

    Attributes
    ----------
    negative
        (e,) int64, 1 where r < 0.
    length
        (e,) int64, number of bits of `low`, 0 .. 31.
    low
        (e,) int64, below ``2**length``.
    """

    negative: Int64Array
    length: Int64Array
    low: Int64Array


def bit_length(values: Int64Array) -> Int64Array:
    """Return the position of the highest set bit plus one, of (n,) values in 1 .. 2**52."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)  # exact: float64 holds 53 bits


def split_escapes(residuals: Int64Array, half_width: int) -> Escapes:
    """Spell residuals (e,) with ``|r| > half_width``."""
    excess = np.abs(residuals) - half_width  # e + 1 >= 1
    length = bit_length(excess) - 1
    return Escapes((residuals < 0).astype(np.int64), length, excess - (1 << length))


def join_escapes(escapes: Escapes, half_width: int) -> Int64Array:
    """Undo `split_escapes`: (e,) residuals."""
    magnitude = half_width + (1 << escapes.length) + escapes.low
    return np.where(escapes.negative == 1, -magnitude, magnitude)


def check_decoded(symbols: Int64Array) -> Int64Array:
    """Return decoded symbols (n,), or raise CorruptError if one is beyond ``MAX_SYMBOL``."""
    if _beyond(symbols, MAX_SYMBOL):
        raise CorruptError(f"decoded a symbol beyond the limit of {MAX_SYMBOL}: damaged data")
    return symbols


def gaussian_bits(
    symbols: npt.NDArray[np.integer],
    mean16: npt.NDArray[np.integer],
    sigma_index: npt.NDArray[np.integer],
) -> npt.NDArray[np.float64]:
    """Cost of each symbol under its integer table, escapes and low bits included.

    For reports: this decides nothing in a file. A stream's size is the sum, plus 16 to 30 bits to seal it.

    Parameters
    ----------
    symbols, mean16, sigma_index
        (n,) integers, as for `find_rows`.

    Returns
    -------
    (n,) float64
        Bits.
    """
    rows = find_rows(mean16, sigma_index)
    wide = check_symbols(symbols)
    if wide.shape != rows.row.shape:
        raise LimitError(f"{wide.size} symbols for {rows.row.size} means: expected equal lengths")
    bits = np.zeros(wide.size)
    if rows.shift is not None:
        bits += rows.shift
        wide = wide >> rows.shift
    residual = wide - rows.centre
    for width_class, half_width in enumerate(HALF_WIDTHS):
        index = np.flatnonzero(rows.width_class == width_class)
        r = residual[index]
        escaped = np.abs(r) > half_width
        entry = np.where(escaped, 2 * half_width + 1, r + half_width)
        weights = class_weights(width_class)[rows.row[index], entry]
        bits[index] += PRECISION - np.log2(weights)
        extra = split_escapes(r[escaped], half_width).length
        bits[index[escaped]] += 1 + ESCAPE_LENGTH_BITS + extra
    return bits
