"""Choose symbols by rate and distortion, as far as a greedy encoder can (SPEC "Encoder notes")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_format.symbols import MAX_SYMBOL, gaussian_bits

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
    symbols = np.clip(np.floor(wanted + 0.5), -MAX_SYMBOL, MAX_SYMBOL).astype(np.int64)
    bits = gaussian_bits(symbols, means, sigmas)
    toward = np.sign(means - 16 * symbols)
    error = wanted - symbols
    candidates = np.flatnonzero((error * toward > _NEAR) & (price < np.inf))
    if candidates.size:
        other = symbols[candidates] + toward[candidates]
        other_bits = gaussian_bits(other, means[candidates], sigmas[candidates])
        near, far = error[candidates], wanted[candidates] - other
        gain = bits[candidates] - other_bits - price[candidates] * (far**2 - near**2)
        better = gain > 0
        chosen = candidates[better]
        symbols[chosen], bits[chosen] = other[better], other_bits[better]
    return symbols, bits
