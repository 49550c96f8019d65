"""A slice's networks in one compiled pass: `predictor.slice_parameters` of exact arithmetic, sooner.

Batches are small, so arrays that are joined, multiplied, floored and clamped one by one cost more than the
sums themselves, and the threads of a matrix product more than the product. Here an anchor's activations stay
in the cache from what the network sees to the means and sigmas that symbols are coded with. Every number is
an integer that float64 holds exactly, so results are those of the arithmetic's own operations, bit by bit.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel_reordered
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import (
    LIMIT,
    MEAN_LIMIT,
    NUM_SIGMAS,
    UNIT,
    UNIT_BITS,
    UNIT_SIGMA,
    UNIT_STEP,
    VALUE_BITS,
    step_table,
)

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
_WIDE = 2.0 ** (VALUE_BITS - UNIT_BITS)
_PER_EIGHTH = 2.0 ** (3 - VALUE_BITS)
_HALF_STEP = 0.5 / _PER_EIGHTH  # sigmas are rounded to eighths of an octave
_HALF_EIGHTH = UNIT // 16  # of an octave: steps are halved before a network sees them


@cached_parallel_reordered
def _slice(
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
    width = means.shape[1]
    channels_per_step = width // steps.shape[1]
    for i in numba.prange(ranks.shape[0]):
        rank = ranks[i]
        seen_by = np.empty(fan_in)
        at = prior.shape[1]
        for h in range(at):
            seen_by[h] = prior[i, h]
        for s in range(steps.shape[1]):
            seen_by[at + s] = (steps[i, s] - unit_step) * half_eighth
        at += steps.shape[1]
        for c in range(own):
            seen_by[at + c] = seen[rank, first + c]
        at += own
        for h in range(pooled.shape[1]):
            seen_by[at + h] = pooled[i, h]
        at += pooled.shape[1]
        for head in range(attended.shape[1]):
            for c in range(width):
                seen_by[at + c] = attended[i, head, done + c]
            at += width
        joined = np.zeros(joined_width)
        for h in range(hidden):
            joined[h] = biases[h]
        for k in range(fan_in):
            for h in range(hidden):
                joined[h] += seen_by[k] * weights[k, h]
        for h in range(hidden):
            joined[h] = min(max(np.floor(joined[h] * scale), 0.0), limit)
        for c in range(joined_width - hidden):
            joined[hidden + c] = seen[rank, first + c]
        sums = out_biases.copy()
        for k in range(joined_width):
            for h in range(outs):
                sums[h] += joined[k] * out_weights[k, h]
        for c in range(width):
            index = steps[i, c // channels_per_step]
            step = table[index]
            mean = np.floor(sums[c] * out_scale)
            near = 0.0
            for head in range(attended.shape[1]):
                near += attended[i, head, done + c] * skip[head, c]
            mean += np.floor(near * skip_scale)
            whole = np.int64(min(max(mean, -mean_limit), mean_limit))
            means[i, c] = (16 * whole + step // 2) // step
            eighths = np.int64(np.floor((np.floor(sums[width + c] * out_scale) + half_step) * per_eighth))
            sigmas[i, c] = min(max(eighths - (index - unit_step) + unit_sigma, 0), most_sigma)


def slice_tables(
    m: ExactArithmetic,
    spec: ModelSpec,
    group: int,
    number: int,
    ranks: Int64Array,
    prior: Float64Array,
    seen: npt.NDArray[np.int16],
    pooled: Float64Array,
    attended: Float64Array,
    steps: Int64Array,
) -> tuple[Int64Array, Int64Array]:
    """Return what the values (n, W) of one slice are coded with: means and sigma indices.

    Parameters
    ----------
    m
        An arithmetic on NumPy.
    ranks : (n,)
        Anchors.
    prior : (n, H)
        Their prior features.
    seen : (N, C)
        Activations of what was decoded, by rank.
    pooled, attended : (n, H), (n, heads, V)
        From `edge_kernel.pool_edges`; (n, 0) and (n, 0, V) without an autoregressive network.
    steps : (n, steps of the slice)
        Step indices.

    Returns
    -------
    means, sigmas : (n, W) int64
        Means in sixteenths of a symbol, sigma indices.
    """
    name, group_spec = f"{group}.{number}", spec.groups[group]
    width, first = group_spec.slices[number], spec.first_channel(group)
    done = sum(group_spec.slices[:number])
    weights, biases, scale = m.layer(f"{name}.hidden")
    out_weights, out_biases, out_scale = m.layer(f"{name}.out")
    skip, skip_scale = np.zeros((0, width)), 1.0
    if attended.shape[1]:
        skip, _, skip_scale = m.layer(f"{name}.skip")
    means = np.empty((len(ranks), width), dtype=np.int64)
    sigmas = np.empty_like(means)
    _slice(
        ranks,
        prior,
        steps,
        UNIT_STEP,
        _HALF_EIGHTH,
        seen,
        first,
        done,
        spec.earlier_own(done),
        pooled,
        attended,
        weights,
        biases,
        scale,
        float(LIMIT),
        out_weights,
        out_biases,
        out_scale * _WIDE,
        skip,
        skip_scale * _WIDE,
        step_table(),
        float(MEAN_LIMIT),
        _HALF_STEP,
        _PER_EIGHTH,
        UNIT_SIGMA,
        NUM_SIGMAS - 1,
        means,
        sigmas,
    )
    return means, sigmas


def tables_for(
    mean: Float64Array, log_sigma: Float64Array, steps: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Return what values are coded with, as `slice_tables` does, from `predictor.slice_parameters`.

    Parameters
    ----------
    mean, log_sigma, steps : (n, W)
        Steps are their indices.
    """
    step = step_table()[steps]
    means = (16 * np.clip(mean, -MEAN_LIMIT, MEAN_LIMIT).astype(np.int64) + step // 2) // step
    eighths = np.floor((log_sigma + _HALF_STEP) * _PER_EIGHTH).astype(np.int64)
    return means, np.clip(eighths - (steps - UNIT_STEP) + UNIT_SIGMA, 0, NUM_SIGMAS - 1)
