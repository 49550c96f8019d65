"""Which steps errors ask for: of each anchor and step channel, at the reference λ (SPEC "Encoder notes")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.spec import ModelSpec, position_steps
from hemgs_codec.model.units import UNIT_STEP

Float64Array = npt.NDArray[np.float64]
_LARGEST = 4.0  # octaves: nothing is as worthless as a step of more


def wanted_octaves(weights: Float64Array) -> Float64Array:
    """Return log2 (N, C) of the steps that values want at the reference λ, by what squared errors cost."""
    return np.asarray(-0.5 * np.log2(np.clip(weights, 1e-12, 1e12)))


def wanted_steps(
    spec: ModelSpec,
    octaves: Float64Array,
    position_octaves: Float64Array,
    coded: npt.NDArray[np.bool] | None = None,
) -> tuple[Float64Array, Float64Array]:
    """Return log2 (N, S) of the steps wanted at the reference λ, and each one's share (N, S) of all values.

    Parameters
    ----------
    octaves : (N, C)
        Of `wanted_octaves`, in channel scales.
    position_octaves : (N,)
        log2 of the steps that positions want, relative to the position step.
    coded : (N, C) bool or None
        Which values no gate keeps from being coded; None: all.
    """
    number, channel = sum(group.num_steps for group in spec.groups), np.array(spec.step_channels)
    of_step = np.zeros((spec.channels, number))
    of_step[np.arange(spec.channels), channel] = 1
    mask = np.ones((1, spec.channels)) if coded is None else coded.astype(np.float64)
    total, count = (octaves * mask) @ of_step, mask @ of_step
    has_predictor = np.ones(number)
    for g, group in enumerate(spec.groups):
        if g in spec.constant or group.flags:
            has_predictor[spec.first_step(g) : spec.first_step(g + 1)] = 0
    for step in position_steps(spec):
        total[:, step] = 3 * position_octaves
        count[:, step] = 3
    mean = total / np.maximum(count, 1)
    if coded is not None:  # where nothing is coded, what others want
        some = count > 0
        mean = np.where(some, mean, (mean * some).sum(0) / np.maximum(some.sum(0), 1))
    return mean, np.broadcast_to(count * has_predictor / spec.channels, mean.shape)


def mean_steps(wanted: Float64Array) -> Float64Array:
    """Return log2 (S,) of steps wanted (N, S), averaged over anchors."""
    return np.asarray(np.clip(wanted.mean(0), -UNIT_STEP / 8, _LARGEST))
