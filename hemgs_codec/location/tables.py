"""Integer tables of the location model, computed exactly at import (SPEC: "Locations", constants).

The logistic curve comes from decimal arithmetic at 50 digits, which is specified to the last digit and so the
same everywhere; all else is integer division. Floats say most of the curve's entries sooner: wherever they
are farther from a tie than any library's errors, rounding gives the same integer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import partial

import numpy as np
import numpy.typing as npt

STRETCH_LIMIT = 3071  # log-odds are held in 1/256, within +-12
MAX_EXACT_COUNT = 30  # up to here a fair split of n points has its binomial weights, below 2**30, tabled
MAX_AGE = 1023  # a context's adaptation slows down until it has seen this many bits
KERNEL_REACH = 8192  # kernel table size; squared distances are in 1/256 cell**2, so 5.7 cells

_EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN)
_DOUBT = 1e-6


def round_near(near: float, exact: Callable[[], Decimal]) -> int:
    """Round a value, known by a float that is off by less than 1e-7; none is a tie."""
    if abs(near - math.floor(near) - 0.5) < _DOUBT:
        return int(exact().to_integral_value(rounding=ROUND_HALF_EVEN))
    return math.floor(near + 0.5)


def _squash(x: int) -> Decimal:
    tail = _EXACT.exp(_EXACT.divide(Decimal(-x), Decimal(256)))
    return _EXACT.divide(Decimal(65536), 1 + tail)


def _stretch(i: int) -> Decimal:
    odds = _EXACT.divide(Decimal(2 * i + 1), Decimal(8191 - 2 * i))
    return _EXACT.multiply(Decimal(256), _EXACT.ln(odds))


def _squash_table() -> npt.NDArray[np.int64]:
    """Probability in 1/65536 for each log-odds -3071 .. 3071, kept off 0 and 65536."""
    values = [
        round_near(65536 / (1 + math.exp(-x / 256)), partial(_squash, x))
        for x in range(-STRETCH_LIMIT, STRETCH_LIMIT + 1)
    ]
    return np.clip(np.array(values, np.int64), 1, 65535)


def _stretch_table() -> npt.NDArray[np.int64]:
    """Log-odds in 1/256 for each probability (i + 1/2) / 4096."""
    values = [
        round_near(256 * math.log((2 * i + 1) / (8191 - 2 * i)), partial(_stretch, i)) for i in range(4096)
    ]
    return np.array(values, np.int64)


def _binomial_below() -> npt.NDArray[np.int64]:
    """Entry [n, k] is the sum of C(n, j) over j < k, for n up to `MAX_EXACT_COUNT`."""
    below = np.zeros((MAX_EXACT_COUNT + 1, MAX_EXACT_COUNT + 2), np.int64)
    for n in range(MAX_EXACT_COUNT + 1):
        below[n, 1:] = np.cumsum([math.comb(n, j) for j in range(MAX_EXACT_COUNT + 1)])
    return below


SQUASH = _squash_table()  # (6143,)
STRETCH = _stretch_table()  # (4096,)
BINOMIAL_BELOW = _binomial_below()  # (31, 32)
# A context that has seen n bits moves by about 1 / (n + 1.6) of its error: a running mean with a weak prior.
RATE = np.array([65536 * 10 // (10 * n + 16) for n in range(MAX_AGE + 1)], np.int64)
# How far a context is trusted: 2 (n + 1) / (2 (n + 1) + 3) of its log-odds, all of it from 16 bits on.
TRUST = np.array([256 * 2 * (n + 1) // (2 * (n + 1) + 3) for n in range(16)] + [256], np.int64)
# Weight of a neighbour at squared distance u: u**-2, a scale-free kernel.
KERNEL = np.array([0] + [(1 << 34) // (u * u) for u in range(1, KERNEL_REACH)], np.int64)
