"""Layers of 16-bit integers whose sums may leave 32 bits: added up in parts that don't, and those in 64 bits.

A PointNet++ is trained with weights that use all of their 16 bits, so that a sum may be a few times what 32
bits hold. How many inputs' products 32 bits do hold is known from the weights: with two inputs it's proven.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled
from hemgs_codec.model.lanes import LANES
from hemgs_codec.model.short_layers import padded
from hemgs_codec.model.units import LIMIT
from hemgs_codec.model.vectors import multiply_four

_MOST = (1 << 31) - 1


class WideLayer(NamedTuple):
    """A layer of `ExactArithmetic`: floor((x @ W + b) * 2**-shift).

    Outputs are made up to a multiple of `LANES`.

    Attributes
    ----------
    weights : (pairs, outs, 2) int16
        ``weights[k, h, j]`` is that of input 2k + j to output h; 0 where there is no such.
    biases : (outs,) int64
    ends : (parts,) int64
        Where parts of the pairs end, of each of which 32 bits hold the sum.
    """

    weights: npt.NDArray[np.int16]
    biases: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    shift: int


class Scratch(NamedTuple):
    """Room for four rows of a layer's inputs, and lanes to spare, for sums of a part, and for all."""

    rows: npt.NDArray[np.int16]
    sums: npt.NDArray[np.int32]
    totals: npt.NDArray[np.int64]


def wide_layer(weights: npt.NDArray[np.int32], biases: npt.NDArray[np.int64], shift: int) -> WideLayer:
    """Return a layer of integers (fan_in, fan_out), (fan_out,), below 2**15 and 2**53 in magnitude."""
    fan_in, fan_out = weights.shape
    even = np.zeros((fan_in + fan_in % 2, padded(fan_out)), dtype=np.int16)
    even[:fan_in, :fan_out] = weights
    pairs = np.ascontiguousarray(even.reshape(-1, 2, even.shape[1]).transpose(0, 2, 1))
    all_biases = np.zeros(even.shape[1], dtype=np.int64)
    all_biases[:fan_out] = biases
    worst = np.abs(pairs.astype(np.int64)).sum(axis=2) * LIMIT
    ends, begin = [], 0
    for end in range(1, len(pairs) + 1):
        if end == len(pairs) or int(worst[begin : end + 1].sum(axis=0).max()) > _MOST:
            ends.append(end)
            begin = end
    return WideLayer(pairs, all_biases, np.array(ends, dtype=np.int64), shift)


def open_scratch(layer: WideLayer) -> Scratch:
    """Make room for a thread's passes with a layer."""
    pairs, outs, _ = layer.weights.shape
    rows = np.zeros((4, 2 * pairs + LANES), np.int16)
    return Scratch(rows, np.empty((4, outs), np.int32), np.empty((4, outs), np.int64))


@compiled
def multiply_wide(layer: WideLayer, scratch: Scratch) -> None:
    """Fill totals (4, outs) with four rows' x @ weights + biases, in units of 2**-shift."""
    rows, sums, totals = scratch
    outs, begin = layer.weights.shape[1], 0
    for r in range(4):
        for h in range(outs):
            totals[r, h] = layer.biases[h]
    for part in range(layer.ends.shape[0]):
        end = layer.ends[part]
        for r in range(4):
            for h in range(outs):
                sums[r, h] = 0
        for first in range(0, outs, LANES):
            multiply_four(rows, rows.shape[1], begin, end, layer.weights, outs, first, sums)
        for r in range(4):
            for h in range(outs):
                totals[r, h] += sums[r, h]
        begin = end
