"""A layer in one compiled pass: products, sums, scaling, floor and clamp, row after row.

A matrix product of a library shares small batches among threads that wait for each other, which takes longer
than the product, above all where other processes have the cores. Sums are of integers that float64 holds
exactly, so their order doesn't matter.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel_reordered

Float64Array = npt.NDArray[np.float64]


@cached_parallel_reordered
def dense(
    x: Float64Array,
    weights: Float64Array,
    biases: Float64Array,
    scale: float,
    low: float,
    high: float,
    y: Float64Array,
) -> None:
    """Fill y (n, fan_out) with floor((x @ weights + biases) * scale), clamped, of x (n, fan_in)."""
    fan_in, fan_out = weights.shape
    for i in numba.prange(x.shape[0]):
        sums = biases.copy()
        for k in range(fan_in):
            value = x[i, k]
            for h in range(fan_out):
                sums[h] += value * weights[k, h]
        for h in range(fan_out):
            y[i, h] = min(max(np.floor(sums[h] * scale), low), high)
