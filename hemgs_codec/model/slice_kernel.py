"""A slice's networks in one compiled pass: `predictor.slice_parameters` of exact arithmetic, sooner.

Batches are small, so arrays that are joined, multiplied, floored and clamped one by one cost more than the
sums themselves, and the threads of a matrix product more than the product. Here an anchor's activations stay
in the cache from what the network sees to the means and sigmas that symbols are coded with. Every number is
an integer that float64 holds exactly, so results are those of the arithmetic's own operations, bit by bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.layer_kernels import slice_pass
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
    slice_pass(
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
