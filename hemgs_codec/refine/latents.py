"""Rounding latents as the encoder rounds, and the slope of the rate.

A latent is a value in symbols, not rounded. Pictures are drawn of what a decoder would put in its place, and
their gradient is taken as the latent's own (straight through). The rate's slope at a latent is what the next
symbol above costs more than the next below: that of the expected bits if it were rounded at random, and it
doesn't vanish in a dead zone nor far from the mean, as that of a bin's exact bits would.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.centroids import DISTANCES, SIGMA_CLASSES
from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.refine.costs import cost_table, wide_costs
from hemgs_codec.refine.tables import Tables

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

_NEAR = np.float32(0.25)  # as in `coding.quantise`
_HALF, _ZERO, _SIXTEENTH = np.float32(0.5), np.float32(0), np.float32(1 / 16)


@compiled
def _cost(
    symbol: np.int64, mean: np.int64, sigma: np.int64, narrow: Float32Array, wide: Float32Array
) -> np.float32:
    """Return the bits of a symbol under a table."""
    if sigma >= narrow.shape[0]:
        distance = np.float32(symbol) - np.float32(mean) * _SIXTEENTH
        return np.float32(wide[sigma, 0] + wide[sigma, 1] * distance * distance)
    centre = (mean + 8) >> 4
    reach = narrow.shape[2] // 2
    residual = min(max(symbol - centre, -reach), reach)
    return np.float32(narrow[sigma, mean - 16 * centre + 8, residual + reach])


@cached_parallel
def _round(
    latents: Float32Array,
    means: npt.NDArray[np.int32],
    sigmas: npt.NDArray[np.uint8],
    steps: Float32Array,
    prices: Float32Array,
    shifts: Float32Array,
    classes: npt.NDArray[np.int64],
    distances: npt.NDArray[np.int64],
    narrow: Float32Array,
    wide: Float32Array,
    values: Float32Array,
    slopes: Float32Array,
    bits: Float64Array,
) -> None:
    """Fill in what a decoder would have for latents (N, C), the rate's slopes (N, C), and bits by row (N,).

    Parameters
    ----------
    means, sigmas, steps, shifts
        As in `Tables`.
    prices : (N, C)
        Bits that an error of one symbol, squared, is worth.
    classes, distances
        Of `coding.centroids`: class of each sigma index, and where distance classes begin.
    narrow, wide
        See `costs`.
    values : (N, C)
        In channel scales.
    """
    num_rows, num_channels = latents.shape
    num_distances = len(distances) + 1
    num_classes = (shifts.shape[1] - 1) // num_distances
    for i in numba.prange(num_rows):
        total = np.float64(0)
        for c in range(num_channels):
            step = steps[i, c]
            if step == _ZERO:
                continue
            u, mean, sigma = latents[i, c], np.int64(means[i, c]), np.int64(sigmas[i, c])
            below = np.int64(np.floor(u))
            low = _cost(below, mean, sigma, narrow, wide)
            high = _cost(below + 1, mean, sigma, narrow, wide)
            slopes[i, c] = high - low
            # the nearer symbol, or the other where that is toward the mean, not near, and worth it
            up = u - np.float32(below)
            symbol, cost = (below + 1, high) if up >= _HALF else (below, low)
            other, other_cost = (below, low) if up >= _HALF else (below + 1, high)
            error, far = u - np.float32(symbol), u - np.float32(other)
            is_toward = (other - symbol) * (mean - 16 * symbol) > 0 and abs(error) > _NEAR
            if is_toward and cost - other_cost > prices[i, c] * (far * far - error * error):
                symbol, cost = other, other_cost
            total += np.float64(cost)
            toward = mean - 16 * symbol
            shift = _ZERO
            if toward != 0 and classes[sigma] < num_classes:
                place = 0
                while place < len(distances) and abs(toward) >= distances[place]:
                    place += 1
                shift = shifts[c, classes[sigma] * num_distances + place + 1]
                if toward < 0:
                    shift = -shift
            values[i, c] = (np.float32(symbol) + shift) * step
        bits[i] = total


class Rounding:
    """What a decoder would have in the place of latents, and what that costs.

    Parameters
    ----------
    prices : (N, C)
        Bits that an error of one symbol, squared, is worth.

    Attributes
    ----------
    values : (N, C) float32
        In channel scales; 0 where nothing is coded.
    slopes : (N, C) float32
        Bits by latent.
    bits : (N,) float64
    """

    def __init__(self, tables: Tables, prices: Float64Array) -> None:
        self._tables, self._prices = tables, prices.astype(np.float32)
        self.values, self.slopes = np.zeros_like(self._prices), np.zeros_like(self._prices)
        self.bits = np.zeros(len(prices))

    def update(self, latents: Float32Array) -> None:
        """Round latents (N, C)."""
        _round(
            latents,
            self._tables.means,
            self._tables.sigmas,
            self._tables.steps,
            self._prices,
            self._tables.shifts,
            SIGMA_CLASSES,
            DISTANCES,
            cost_table(),
            wide_costs(),
            self.values,
            self.slopes,
            self.bits,
        )
