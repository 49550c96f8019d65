"""How a Gaussian's ellipse changes with its mean, its log-scales and its quaternion.

The forward derivatives of what `projection` computes; `projection_back` gives products with them only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled
from hemgs_codec.render.projection import (
    BLUR,
    dot,
    rotation,
    scales_of,
    seen_by,
    slope_limits,
    through,
    to_image,
    unit_and_length,
)
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]
Row = tuple[float, float, float]

PARAMETERS = 10
"""Of a Gaussian's shape: the mean's three, then log-scales' three, then the quaternion's four."""


@compiled
def _turns(w: float, x: float, y: float, z: float, out: Float64Array) -> None:
    """Fill the derivatives (4, 3, 3) of a rotation matrix by its quaternion, whose length is held at 1."""
    out[0, 0, 0], out[0, 0, 1], out[0, 0, 2] = 0.0, -2 * z, 2 * y
    out[0, 1, 0], out[0, 1, 1], out[0, 1, 2] = 2 * z, 0.0, -2 * x
    out[0, 2, 0], out[0, 2, 1], out[0, 2, 2] = -2 * y, 2 * x, 0.0
    out[1, 0, 0], out[1, 0, 1], out[1, 0, 2] = 0.0, 2 * y, 2 * z
    out[1, 1, 0], out[1, 1, 1], out[1, 1, 2] = 2 * y, -4 * x, -2 * w
    out[1, 2, 0], out[1, 2, 1], out[1, 2, 2] = 2 * z, 2 * w, -4 * x
    out[2, 0, 0], out[2, 0, 1], out[2, 0, 2] = -4 * y, 2 * x, 2 * w
    out[2, 1, 0], out[2, 1, 1], out[2, 1, 2] = 2 * x, 0.0, 2 * z
    out[2, 2, 0], out[2, 2, 1], out[2, 2, 2] = -2 * w, 2 * z, -4 * y
    out[3, 0, 0], out[3, 0, 1], out[3, 0, 2] = -4 * z, -2 * w, 2 * x
    out[3, 1, 0], out[3, 1, 1], out[3, 1, 2] = 2 * w, -4 * z, 2 * y
    out[3, 2, 0], out[3, 2, 1], out[3, 2, 2] = 2 * x, 2 * y, 0.0
    for a in range(3):
        for b in range(3):
            radial = w * out[0, a, b] + x * out[1, a, b] + y * out[2, a, b] + z * out[3, a, b]
            out[0, a, b] -= w * radial
            out[1, a, b] -= x * radial
            out[2, a, b] -= y * radial
            out[3, a, b] -= z * radial


@compiled
def _set_form(form: Float64Array, k: int, by_x: Row, by_y: Row, axes_x: Row, axes_y: Row) -> None:
    form[k, 0] = dot(by_x, axes_x)
    form[k, 1] = dot(by_x, axes_y) + dot(by_y, axes_x)
    form[k, 2] = dot(by_y, axes_y)


@compiled
def ellipse_jacobian(
    mean: Float32Array,
    log_scale: Float32Array,
    quat: Float32Array,
    pose: Float64Array,
    lens: Float64Array,
    turns: Float64Array,
    centre: Float64Array,
    form: Float64Array,
) -> float:
    """Fill in a Gaussian's derivatives and return its ellipse's covariance yy; it is in front of the camera.

    Parameters
    ----------
    turns : (4, 3, 3)
        Room to work in.
    centre : (10, 2)
        Of the centre's x and y by each parameter; all but the mean's are left as they are, 0.
    form : (10, 3)
        Half the covariance's derivative as a quadratic form: coefficients of x², xy, y².
    """
    seen_x, seen_y, z = seen_by(mean, pose)
    slope_x, slope_y = seen_x / z, seen_y / z
    low_x, high_x, low_y, high_y = slope_limits(lens)
    focal_x, focal_y = lens[0] / z, lens[1] / z
    w, x, y, v, length = unit_and_length(quat)
    own, scale = rotation(w, x, y, v), scales_of(log_scale)
    row_x = to_image(focal_x, min(high_x, max(low_x, slope_x)), 0, pose)
    row_y = to_image(focal_y, min(high_y, max(low_y, slope_y)), 1, pose)
    axes_x, axes_y = through(row_x, own, scale), through(row_y, own, scale)
    deep = through((pose[2, 0], pose[2, 1], pose[2, 2]), own, scale)
    for k in range(3):
        by_slope_x = (pose[0, k] - slope_x * pose[2, k]) / z
        by_slope_y = (pose[1, k] - slope_y * pose[2, k]) / z
        centre[k, 0], centre[k, 1] = lens[0] * by_slope_x, lens[1] * by_slope_y
        nearer = -pose[2, k] / z
        tilt_x = -focal_x * by_slope_x if low_x < slope_x < high_x else 0.0
        tilt_y = -focal_y * by_slope_y if low_y < slope_y < high_y else 0.0
        by_x = (
            nearer * axes_x[0] + tilt_x * deep[0],
            nearer * axes_x[1] + tilt_x * deep[1],
            nearer * axes_x[2] + tilt_x * deep[2],
        )
        by_y = (
            nearer * axes_y[0] + tilt_y * deep[0],
            nearer * axes_y[1] + tilt_y * deep[1],
            nearer * axes_y[2] + tilt_y * deep[2],
        )
        _set_form(form, k, by_x, by_y, axes_x, axes_y)
        form[3 + k, 0] = axes_x[k] * axes_x[k]
        form[3 + k, 1] = 2 * axes_x[k] * axes_y[k]
        form[3 + k, 2] = axes_y[k] * axes_y[k]
    _turns(w, x, y, v, turns)
    for k in range(4):
        turn = (
            (turns[k, 0, 0], turns[k, 0, 1], turns[k, 0, 2]),
            (turns[k, 1, 0], turns[k, 1, 1], turns[k, 1, 2]),
            (turns[k, 2, 0], turns[k, 2, 1], turns[k, 2, 2]),
        )
        _set_form(form, 6 + k, through(row_x, turn, scale), through(row_y, turn, scale), axes_x, axes_y)
        for c in range(3):
            form[6 + k, c] /= length
    return dot(axes_y, axes_y) + BLUR
