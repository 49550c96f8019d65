"""Static tables: what symbols cost when each channel has one distribution for the whole scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BOUND_BITS = 16  # of the least and of the greatest symbol


@dataclass(frozen=True)
class StaticCost:
    """Bits of one channel: its symbols under their own empirical distribution, and the table itself."""

    symbol_bits: float
    table_bits: float


def static_cost(symbols: npt.NDArray[np.integer]) -> StaticCost:
    """Return what a channel's symbols (N,) cost under one static table.

    Symbol bits are N times the empirical entropy: no static table does better. The table is charged as in
    minimum description length: half of log2 N for each probability but one, and the bounds of the alphabet.
    """
    _, counts = np.unique(symbols, return_counts=True)
    total = len(symbols)
    if len(counts) < 2:
        return StaticCost(0.0, 0.0 if total == 0 else float(_BOUND_BITS))
    bits = float((counts * (np.log2(total) - np.log2(counts))).sum())
    return StaticCost(bits, 0.5 * (len(counts) - 1) * float(np.log2(total)) + 2 * _BOUND_BITS)


def weighted_error(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], steps: npt.NDArray[np.float64] | float
) -> float:
    """Return the weighted squared error of rounding a channel's values (N,) to multiples of its steps."""
    return float(weights @ (values - np.round(values / steps) * steps) ** 2)


def step_of_equal_error(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], error: float
) -> float:
    """Return the widest step, one for all values (N,), that costs at most this error, within a thousandth."""
    low, high = 1e-4, 64.0
    while high / low > 1.001:
        middle = float(np.sqrt(low * high))
        if weighted_error(values, weights, middle) <= error:
            low = middle
        else:
            high = middle
    return low
