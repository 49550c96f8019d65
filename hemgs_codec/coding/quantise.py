"""Choose symbols by rate and distortion, as far as a greedy encoder can (SPEC "Encoder notes")."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, compiled
from hemgs_format.symbols import ESCAPE_LENGTH_BITS, MAX_SYMBOL, find_rows
from hemgs_format.tables import HALF_WIDTHS, PRECISION, class_weights

Int64Array = npt.NDArray[np.int64]
_NEAR = 0.25
"""Values this close to a symbol keep it: the next one would have to save many bits."""


def divide_cells(places: npt.NDArray[np.float64], halvings: Int64Array) -> Int64Array:
    """Return the parts (n, 3) that places 0 .. 1 are in where cells are halved ``halvings`` (n,) times."""
    count = np.int64(1) << halvings[:, None]
    return np.clip(np.floor(places * count).astype(np.int64), 0, count - 1)


def choose_symbols(
    wanted: npt.NDArray[np.float64], means: Int64Array, sigmas: Int64Array, price: npt.NDArray[np.float64]
) -> tuple[Int64Array, npt.NDArray[np.float64]]:
    """Round values to symbols, or to the next one toward the mean where that saves more bits than it costs.

    Parameters
    ----------
    wanted : (n,)
        Values in symbols, not rounded.
    means, sigmas : (n,)
        Of the tables: sixteenths of a symbol, and sigma index.
    price : (n,)
        Bits that an error of one symbol, squared, is worth; infinity: round.

    Returns
    -------
    symbols : (n,) int64
    bits : (n,) float64
        What the tables charge for them.
    """
    symbols, bits = np.empty(len(wanted), dtype=np.int64), np.empty(len(wanted))
    rows = find_rows(means, sigmas)
    shifts = np.zeros(len(wanted), dtype=np.int64) if rows.shift is None else rows.shift
    _choose(
        wanted,
        means,
        price,
        rows.width_class,
        rows.row,
        rows.centre,
        shifts,
        *_costs(),
        float(MAX_SYMBOL),
        float(1 + ESCAPE_LENGTH_BITS),
        _NEAR,
        symbols,
        bits,
    )
    return symbols, bits


@cache
def _costs() -> tuple[npt.NDArray[np.float64], Int64Array, Int64Array]:
    """Return the costs of all tables' entries, class after class, and each class's place and half width."""
    costs = [PRECISION - np.log2(class_weights(width_class)) for width_class in range(len(HALF_WIDTHS))]
    places = np.cumsum([0, *(cost.size for cost in costs[:-1])], dtype=np.int64)
    return np.concatenate([cost.ravel() for cost in costs]), places, np.array(HALF_WIDTHS, dtype=np.int64)


@compiled
def _cost(
    residual: int, row: int, half_width: int, costs: npt.NDArray[np.float64], place: int, escape: float
) -> float:
    """Return what `gaussian_bits` says of a symbol, low bits excepted."""
    first = place + row * (2 * half_width + 2)
    if abs(residual) <= half_width:
        return float(costs[first + residual + half_width])
    extra, excess = 0, abs(residual) - half_width
    while excess > 1:
        excess >>= 1
        extra += 1
    return float(costs[first + 2 * half_width + 1]) + (escape + extra)


@cached
def _choose(
    wanted: npt.NDArray[np.float64],
    means: Int64Array,
    price: npt.NDArray[np.float64],
    width_class: npt.NDArray[np.uint8],
    row: Int64Array,
    centre: Int64Array,
    shift: Int64Array,
    costs: npt.NDArray[np.float64],
    places: Int64Array,
    half_widths: Int64Array,
    max_symbol: float,
    escape: float,
    near_enough: float,
    symbols: Int64Array,
    bits: npt.NDArray[np.float64],
) -> None:
    """Fill in symbols (n,) and what they cost."""
    for i in range(len(wanted)):
        place, half_width = places[width_class[i]], half_widths[width_class[i]]
        symbol = np.int64(min(max(np.floor(wanted[i] + 0.5), -max_symbol), max_symbol))
        cost = shift[i] + _cost((symbol >> shift[i]) - centre[i], row[i], half_width, costs, place, escape)
        toward = np.sign(means[i] - 16 * symbol)
        near = wanted[i] - symbol
        if near * toward > near_enough and price[i] < np.inf:
            other = symbol + toward
            other_cost = shift[i] + _cost(
                (other >> shift[i]) - centre[i], row[i], half_width, costs, place, escape
            )
            far = wanted[i] - other
            if cost - other_cost - price[i] * (far * far - near * near) > 0:
                symbol, cost = other, other_cost
        symbols[i], bits[i] = symbol, cost
