"""A slice's networks with compiled loops: `predictor.slice_parameters` of exact arithmetic, sooner.

Batches are small, so arrays that are joined, floored and clamped one by one cost more than the two matrix
products between. Here one loop gathers what the slice network sees, one does what follows its first layer,
and one turns the second layer's sums into the means and sigmas that symbols are coded with. Every number is
an integer that float64 holds exactly, so results are those of the arithmetic's own operations, bit by bit.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel
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


@cached_parallel
def _gather(
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
    width: int,
    inputs: Float64Array,
) -> None:
    """Fill the slice network's inputs (n, …): prior, steps, own earlier slices, pooled, attended."""
    for i in numba.prange(ranks.shape[0]):
        rank, at = ranks[i], 0
        for h in range(prior.shape[1]):
            inputs[i, at + h] = prior[i, h]
        at += prior.shape[1]
        for s in range(steps.shape[1]):
            inputs[i, at + s] = (steps[i, s] - unit_step) * half_eighth
        at += steps.shape[1]
        for c in range(own):
            inputs[i, at + c] = seen[rank, first + c]
        at += own
        for h in range(pooled.shape[1]):
            inputs[i, at + h] = pooled[i, h]
        at += pooled.shape[1]
        for head in range(attended.shape[1]):
            for c in range(width):
                inputs[i, at + c] = attended[i, head, done + c]
            at += width


@cached_parallel
def _activate(
    ranks: Int64Array,
    sums: Float64Array,
    biases: Float64Array,
    scale: float,
    limit: float,
    seen: npt.NDArray[np.int16],
    first: int,
    joined: Float64Array,
) -> None:
    """Fill the second layer's inputs (n, H + done): the first layer's activations, own earlier slices."""
    hidden = sums.shape[1]
    for i in numba.prange(ranks.shape[0]):
        for h in range(hidden):
            joined[i, h] = min(max(np.floor((sums[i, h] + biases[h]) * scale), 0.0), limit)
        for c in range(joined.shape[1] - hidden):
            joined[i, hidden + c] = seen[ranks[i], first + c]


@cached_parallel
def _finish(
    sums: Float64Array,
    biases: Float64Array,
    scale: float,
    attended: Float64Array,
    done: int,
    skip: Float64Array,
    skip_scale: float,
    steps: Int64Array,
    table: Int64Array,
    mean_limit: float,
    half_step: float,
    per_eighth: float,
    unit_step: int,
    unit_sigma: int,
    most_sigma: int,
    means: Int64Array,
    sigmas: Int64Array,
) -> None:
    """Fill means and sigma indices (n, W) from the second layer's sums (n, 2 W) and attended values."""
    width = means.shape[1]
    channels_per_step = width // steps.shape[1]
    for i in numba.prange(sums.shape[0]):
        for c in range(width):
            index = steps[i, c // channels_per_step]
            step = table[index]
            mean = np.floor((sums[i, c] + biases[c]) * scale)
            if attended.shape[1] > 0:
                near = 0.0
                for head in range(attended.shape[1]):
                    near += attended[i, head, done + c] * skip[head, c]
                mean += np.floor(near * skip_scale)
            whole = np.int64(min(max(mean, -mean_limit), mean_limit))
            means[i, c] = (16 * whole + step // 2) // step
            log_sigma = np.floor((sums[i, width + c] + biases[width + c]) * scale)
            eighths = np.int64(np.floor((log_sigma + half_step) * per_eighth))
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
    inputs = np.empty((len(ranks), len(weights)))
    _gather(
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
        width,
        inputs,
    )
    joined = np.empty((len(ranks), len(out_weights)))
    _activate(ranks, inputs @ weights, biases, scale, float(LIMIT), seen, first, joined)
    skip, skip_scale = np.zeros((0, width)), 1.0
    if attended.shape[1]:
        skip, _, skip_scale = m.layer(f"{name}.skip")
    means = np.empty((len(ranks), width), dtype=np.int64)
    sigmas = np.empty_like(means)
    _finish(
        joined @ out_weights,
        out_biases,
        out_scale * _WIDE,
        attended,
        done,
        skip,
        skip_scale * _WIDE,
        steps,
        step_table(),
        float(MEAN_LIMIT),
        _HALF_STEP,
        _PER_EIGHTH,
        UNIT_STEP,
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
