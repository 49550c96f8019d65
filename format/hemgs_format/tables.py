"""Integer Gaussian symbol tables (SPEC: "Symbol tables"): from a sigma index and a mean fraction to weights.

Everything here is integer arithmetic on one checked-in table of the normal CDF, so every machine builds the
same weights. Which table a symbol uses, and how symbols beyond a table are spelt, is in `symbols.py`.

Notes
-----
Sigma index i means ``sigma = 2**((i - 32) / 8)`` symbols, i = 0 .. 127. Only the first 56 (sigma < 8) have
tables of their own; wider ones borrow one of the last eight and code their low bits uniformly.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import CorruptError

PRECISION = 24
TOTAL = 1 << PRECISION
"""Weights of every table sum to this."""

NUM_SIGMAS = 128
NUM_TABLE_SIGMAS = 56
NUM_FRACTIONS = 16
"""Means are integers in 1/16 symbol, so a table exists per sixteenth."""

HALF_WIDTHS = (8, 16, 32)
"""Half-width H of each class. A row covers residuals -H .. H, then one escape entry: K = 2H + 2 entries."""

CLASS_ENDS = (39, 48, 56)
"""Class h holds sigma indices CLASS_ENDS[h-1] .. CLASS_ENDS[h] - 1: the smallest H with H >= 4 sigma + 1.

Beyond 4 sigma an escape (weight at least 2**10, about 20 bits in all) is as cheap as a table entry would be,
and three classes keep the number of coder calls for a small batch low.
"""

ESCAPE_WEIGHT = 1 << 10
"""Least weight of the escape entry: costs 0.0001 bits a symbol, and caps the cost of a badly missed one."""

MIN_WEIGHT = 1 << 4
"""Least weight of any other entry: 20 bits, what an escape costs; rounding alone would make it 24."""

INVERSE_SIGMA = (
    4294967296, 3938502376, 3611622603, 3311872529, 3037000500, 2784941738, 2553802834, 2341847524,
)  # fmt: skip
"""``round(2**(32 - j / 8))``: a sixteenth of a symbol is ``INVERSE_SIGMA[i % 8] >> i // 8`` 2**-32 sigmas."""

NORMAL_TABLE_SHA256 = "a9168ed1ef3e7c9b40457dee8a88109708121b930fc559fe75dbefe44711093a"
_NORMAL_TABLE_ENTRIES = 1665
_HALF = 1 << 31


@cache
def normal_table() -> npt.NDArray[np.int64]:
    """Load ``round(2**32 * (Phi(k / 256) - 1/2))``, k = 0 .. 1664.

    Returns
    -------
    (1665,) int64
        Read-only.

    Raises
    ------
    CorruptError
        The installed file isn't the one that the format is defined by.
    """
    data = resources.files("hemgs_format").joinpath("normal_table.bin").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != NORMAL_TABLE_SHA256:
        raise CorruptError(f"normal_table.bin has sha-256 {digest}, not the format's: reinstall")
    table = np.frombuffer(data, "<u4").astype(np.int64)
    table.flags.writeable = False
    return table


def scaled_cdf(edges: npt.NDArray[np.int64], sigma_index: int) -> npt.NDArray[np.int64]:
    """Evaluate ``2**32 * (Phi(x / sigma) - 1/2)`` by integer linear interpolation.

    Parameters
    ----------
    edges
        (…,) int64, x in sixteenths of a symbol, ``|x| <= 1024``: products stay below 2**47.
    sigma_index
        0 .. 55.

    Returns
    -------
    (…,) int64
        An odd function of `edges`, in -2**31 .. 2**31.
    """
    table = normal_table()
    # z = |x| / sigma in units of 2**-32; eight bits of its fraction pick the cell, 24 interpolate inside it.
    z = (np.abs(edges) * INVERSE_SIGMA[sigma_index % 8]) >> (sigma_index // 8)
    cell = np.minimum(z >> 24, _NORMAL_TABLE_ENTRIES - 2)
    low, high = table[cell], table[cell + 1]
    value = low + (((high - low) * (z & 0xFFFFFF) + (1 << 23)) >> 24)
    value = np.where(z >> 24 >= _NORMAL_TABLE_ENTRIES - 1, _HALF, value)
    return np.where(edges < 0, -value, value)


def half_width(sigma_index: int) -> int:
    """Return H for a sigma index 0 .. 55."""
    return next(h for h, end in zip(HALF_WIDTHS, CLASS_ENDS, strict=True) if sigma_index < end)


def gaussian_row(sigma_index: int, fraction: int) -> npt.NDArray[np.int64]:
    """Build the weights of one table row.

    Parameters
    ----------
    sigma_index
        0 .. 55.
    fraction
        -8 .. 7: the mean, in sixteenths, relative to residual 0.

    Returns
    -------
    (2H + 2,) int64
        Weights of residuals -H .. H and of the escape; each at least `MIN_WEIGHT`, summing to 2**24.
    """
    weights: npt.NDArray[np.int64] = _gaussian_rows(sigma_index, np.array([fraction]))[0]
    return weights


def _gaussian_rows(sigma_index: int, fractions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Build the weights (n, 2H + 2) of rows of one sigma index."""
    h = half_width(sigma_index)
    # (n, 2H + 2) left edge of each residual
    edges = 16 * np.arange(-h, h + 2, dtype=np.int64) - 8 - fractions[:, None]
    cdf = scaled_cdf(edges, sigma_index)
    weights = np.empty(edges.shape, np.int64)
    weights[:, :-1] = np.maximum((np.diff(cdf, axis=1) + 128) >> 8, MIN_WEIGHT)
    tails = (1 << 32) - (cdf[:, -1] - cdf[:, 0])
    weights[:, -1] = np.maximum((tails + 128) >> 8, ESCAPE_WEIGHT)
    # argmax: the lowest index among equals
    weights[np.arange(len(weights)), weights.argmax(axis=1)] += TOTAL - weights.sum(axis=1)
    return weights


@cache
def class_weights(width_class: int) -> npt.NDArray[np.uint32]:
    """Build all rows of a half-width class.

    Parameters
    ----------
    width_class
        Index into `HALF_WIDTHS`.

    Returns
    -------
    (16 * number of sigma indices in the class, 2H + 2) uint32
        Row ``16 * (i - first i of the class) + fraction + 8``. Read-only.
    """
    first = CLASS_ENDS[width_class - 1] if width_class else 0
    fractions = np.arange(-8, 8)
    rows = [_gaussian_rows(i, fractions) for i in range(first, CLASS_ENDS[width_class])]
    weights = np.concatenate(rows).astype(np.uint32)
    weights.flags.writeable = False
    return weights


def check_weights(weights: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Check that weights are usable by the range coder.

    The coder library takes anything silently, negative weights included, so nothing reaches it unchecked.

    Parameters
    ----------
    weights
        (…, K) integers, K >= 2; each last-axis row at least 1 and summing to 2**24.

    Returns
    -------
    (…, K) int64

    Raises
    ------
    CorruptError
        Not such a table.
    """
    table = np.asarray(weights)
    if table.dtype.kind not in "iu" or table.ndim == 0 or not 2 <= table.shape[-1] <= TOTAL:
        raise CorruptError(f"table: {table.dtype} {table.shape}, expected rows of 2 or more integers")
    wide = table.astype(np.int64)
    if wide.size and (wide.min() < 1 or wide.max() >= TOTAL):
        raise CorruptError(f"table: weights {wide.min()} .. {wide.max()}, expected 1 .. {TOTAL - 1}")
    if (wide.sum(axis=-1) != TOTAL).any():
        raise CorruptError(f"table: a row of weights doesn't sum to {TOTAL}")
    return wide
