"""The features of one split, quantised to what contexts can be made of (SPEC: "Locations", evidence)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled, divide_floor
from hemgs_codec.location.features import Surroundings, half_octaves, predict, pull


class Evidence(NamedTuple):
    """What the features say about one split, quantised."""

    axis: int
    level: int  # node bits, 1 .. 21
    has_fit: int  # 0 or 1
    fit_sign: int  # +1, or -1 where the lower half is predicted
    fit_distance: int  # 0 .. 15 of the estimate from the boundary
    fit_variance: int  # 0 .. 23
    pull_sign: int
    pull_ratio: int  # 0 .. 14, of the halves' densities
    pull_mass: int  # 0 .. 15, density here
    node_count: int  # points in the whole node
    num_boxes: int  # boxes that the node has been split into before this axis
    num_masses: int  # neighbours seen, by their children where known


@compiled
def witness(
    near: Surroundings,
    num_masses: int,
    num_pulling: int,
    axis: int,
    centre: npt.NDArray[np.int64],
    level: int,
    node_count: int,
    num_boxes: int,
) -> Evidence:
    """Gather what is known about halving the box at centre (3,); num_pulling counts its own boxes too."""
    has_fit, fit_sign, fit_distance, fit_variance = 0, 1, 0, 0
    if near.scale[0] > 0:
        estimate, variance = predict(near, axis, centre)
        has_fit = 1
        fit_sign = 1 if estimate >= 0 else -1
        fit_distance = min(half_octaves(abs(estimate) >> 1), 15)
        fit_variance = min(half_octaves(variance >> 5), 23)
    lower, upper = pull(near, num_pulling, axis, centre)
    density = lower + upper
    return Evidence(
        axis=axis,
        level=level,
        has_fit=has_fit,
        fit_sign=fit_sign,
        fit_distance=fit_distance,
        fit_variance=fit_variance,
        pull_sign=1 if upper >= lower else -1,
        pull_ratio=divide_floor(15 * abs(upper - lower), density + 1),
        pull_mass=min(half_octaves(density >> 12) >> 1, 15),
        node_count=node_count,
        num_boxes=num_boxes,
        num_masses=num_masses,
    )
