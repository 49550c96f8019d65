"""Layers in compiled passes, four rows at once: products, sums, scaling, floor and clamp.

A matrix product of a library shares small batches among threads that wait for each other, which takes longer
than the product, above all where other processes have the cores. Sums are of integers that float64 holds
exactly, so their order doesn't matter.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel_reordered, compiled_reordered

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@compiled_reordered
def _multiply(x: Float64Array, weights: Float64Array, biases: Float64Array, sums: Float64Array) -> None:
    """Fill sums (4, fan_out) with x @ weights + biases of x (4, fan_in): a read serves many products."""
    fan_in, fan_out = weights.shape
    for h in range(fan_out):
        sums[0, h] = sums[1, h] = sums[2, h] = sums[3, h] = biases[h]
    even = fan_in - fan_in % 2
    for k in range(0, even, 2):
        a, b, c, d = x[0, k], x[1, k], x[2, k], x[3, k]
        e, f, g, o = x[0, k + 1], x[1, k + 1], x[2, k + 1], x[3, k + 1]
        for h in range(fan_out):
            w, v = weights[k, h], weights[k + 1, h]
            sums[0, h] += a * w + e * v
            sums[1, h] += b * w + f * v
            sums[2, h] += c * w + g * v
            sums[3, h] += d * w + o * v
    for k in range(even, fan_in):
        for r in range(4):
            value = x[r, k]
            for h in range(fan_out):
                sums[r, h] += value * weights[k, h]


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
    count = x.shape[0]
    for block in numba.prange((count + 3) // 4):
        rows, sums = np.empty((4, fan_in)), np.empty((4, fan_out))
        for r in range(4):
            i = min(4 * block + r, count - 1)  # the last one again where there are no more
            for k in range(fan_in):
                rows[r, k] = x[i, k]
        _multiply(rows, weights, biases, sums)
        for r in range(4):
            i = min(4 * block + r, count - 1)
            for h in range(fan_out):
                y[i, h] = min(max(np.floor(sums[r, h] * scale), low), high)


@cached_parallel_reordered
def slice_pass(
    ranks: Int64Array,
    prior: Float64Array,
    steps: Int64Array,
    unit_step: int,
    half_eighth: int,
    seen: npt.NDArray[np.int16],
    first: int,
    done: int,
    own: int,
    pooled: Float64Array,
    attended: Float64Array,
    weights: Float64Array,
    biases: Float64Array,
    scale: float,
    limit: float,
    out_weights: Float64Array,
    out_biases: Float64Array,
    out_scale: float,
    skip: Float64Array,
    skip_scale: float,
    table: Int64Array,
    mean_limit: float,
    half_step: float,
    per_eighth: float,
    unit_sigma: int,
    most_sigma: int,
    means: Int64Array,
    sigmas: Int64Array,
) -> None:
    """Fill means and sigma indices (n, W) of anchors ``ranks`` (n,).

    What the network sees is prior, steps, own earlier slices, pooled and attended; its second layer sees the
    first's activations and own earlier slices.
    """
    fan_in, hidden = weights.shape
    joined_width, outs = out_weights.shape
    count, width = means.shape
    channels_per_step = width // steps.shape[1]
    for block in numba.prange((count + 3) // 4):
        seen_by, joined = np.empty((4, fan_in)), np.empty((4, joined_width))
        sums, out = np.empty((4, hidden)), np.empty((4, outs))
        for r in range(4):
            i = min(4 * block + r, count - 1)  # the last one again where there are no more
            rank = ranks[i]
            at = prior.shape[1]
            for h in range(at):
                seen_by[r, h] = prior[i, h]
            for s in range(steps.shape[1]):
                seen_by[r, at + s] = (steps[i, s] - unit_step) * half_eighth
            at += steps.shape[1]
            for c in range(own):
                seen_by[r, at + c] = seen[rank, first + c]
            at += own
            for h in range(pooled.shape[1]):
                seen_by[r, at + h] = pooled[i, h]
            at += pooled.shape[1]
            for head in range(attended.shape[1]):
                for c in range(width):
                    seen_by[r, at + c] = attended[i, head, done + c]
                at += width
            for c in range(joined_width - hidden):
                joined[r, hidden + c] = seen[rank, first + c]
        _multiply(seen_by, weights, biases, sums)
        for r in range(4):
            for h in range(hidden):
                joined[r, h] = min(max(np.floor(sums[r, h] * scale), 0.0), limit)
        _multiply(joined, out_weights, out_biases, out)
        for r in range(4):
            i = min(4 * block + r, count - 1)
            for c in range(width):
                index = steps[i, c // channels_per_step]
                step = table[index]
                mean = np.floor(out[r, c] * out_scale)
                near = 0.0
                for head in range(attended.shape[1]):
                    near += attended[i, head, done + c] * skip[head, c]
                mean += np.floor(near * skip_scale)
                whole = np.int64(min(max(mean, -mean_limit), mean_limit))
                means[i, c] = (16 * whole + step // 2) // step
                eighths = np.int64(
                    np.floor((np.floor(out[r, width + c] * out_scale) + half_step) * per_eighth)
                )
                sigmas[i, c] = min(max(eighths - (index - unit_step) + unit_sigma, 0), most_sigma)
