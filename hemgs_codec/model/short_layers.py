"""Layers as 16-bit integers: their weights in pairs, and a proof that 32 bits hold their sums."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled
from hemgs_codec.model.lanes import LANES
from hemgs_codec.model.units import LIMIT
from hemgs_codec.model.vectors import multiply_four

_MOST = (1 << 31) - 1
_MOST_WEIGHT = (1 << 15) - 1


class ShortLayer(NamedTuple):
    """A layer of `ExactArithmetic`: floor((x @ W + b) * 2**-shift).

    Outputs are made up to a multiple of `LANES`.

    Attributes
    ----------
    weights : (pairs, outs, 2) int16
        ``weights[k, h, j]`` is that of input 2k + j to output h; 0 where there is no such.
    biases : (outs,) int32
    """

    weights: npt.NDArray[np.int16]
    biases: npt.NDArray[np.int32]
    shift: int


def padded(count: int) -> int:
    """Return a number of lanes that holds so many."""
    return -(-count // LANES) * LANES


def short_layer(
    weights: npt.NDArray[np.float64], biases: npt.NDArray[np.float64], scale: float
) -> ShortLayer | None:
    """Return a layer of integers (fan_in, fan_out), (fan_out,); None: 32 bits may not hold it.

    Sums on the way may leave 32 bits and come back: only where they end counts.
    """
    shift = -int(np.log2(scale))
    if shift < 0:  # to the left: weights may as well be larger
        weights, biases, shift = weights * scale, biases * scale, 0
    worst = np.abs(weights).sum(axis=0) * LIMIT + np.abs(biases)
    if worst.max(initial=0) > _MOST or np.abs(weights).max(initial=0) > _MOST_WEIGHT or shift > 31:
        return None
    fan_in, fan_out = weights.shape
    even = np.zeros((fan_in + fan_in % 2, padded(fan_out)), dtype=np.int16)
    even[:fan_in, :fan_out] = weights
    pairs = np.ascontiguousarray(even.reshape(-1, 2, even.shape[1]).transpose(0, 2, 1))
    all_biases = np.zeros(even.shape[1], dtype=np.int32)
    all_biases[:fan_out] = biases
    return ShortLayer(pairs, all_biases, shift)


def scratch_of(layer: ShortLayer) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Return room for four rows of a layer's inputs, and lanes to spare, and for what they give."""
    pairs, outs, _ = layer.weights.shape
    return np.zeros((4, 2 * pairs + LANES), np.int16), np.empty((4, outs), np.int32)


@compiled
def multiply(x: npt.NDArray[np.int16], layer: ShortLayer, sums: npt.NDArray[np.int32]) -> None:
    """Fill sums (4, outs) with four rows' x @ weights + biases, in units of 2**-shift.

    Rows of x have as many columns as the layer has inputs, or more.
    """
    pairs, outs = layer.weights.shape[0], layer.weights.shape[1]
    for r in range(4):
        for h in range(outs):
            sums[r, h] = layer.biases[h]
    for first in range(0, outs, LANES):
        multiply_four(x, x.shape[1], 0, pairs, layer.weights, outs, first, sums)
