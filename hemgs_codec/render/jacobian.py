"""How a Gaussian's ellipse changes with its mean, its log-scales and its quaternion.

The forward derivatives of what `projection` computes; its own way back gives products with them only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.projection import BLUR, Shapes, slope_limits

Float64Array = npt.NDArray[np.float64]

MEAN, LOG_SCALE, QUAT = slice(0, 3), slice(3, 6), slice(6, 10)
"""Where each array's values are among the parameters P = 10."""


def _turns(unit: Float64Array) -> Float64Array:
    """Return the derivatives (V, 4, 3, 3) of rotation matrices by their unit quaternions (V, 4)."""
    w, x, y, z = unit.T
    o = np.zeros_like(w)
    rows = [
        [[o, -z, y], [z, o, -x], [-y, x, o]],
        [[o, y, z], [y, -2 * x, -w], [z, w, -2 * x]],
        [[-2 * y, x, w], [x, o, z], [-w, z, -2 * y]],
        [[-2 * z, -w, x], [w, -2 * z, y], [x, y, o]],
    ]
    return np.moveaxis(2 * np.array(rows), 3, 0)


def _rotations(unit: Float64Array) -> Float64Array:
    """Return the rotation matrices (V, 3, 3) of unit quaternions (V, 4)."""
    w, x, y, z = unit.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def ellipse_jacobian(
    shapes: Shapes, camera: Camera, rows: npt.NDArray[np.int64]
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return derivatives of the ellipses of chosen Gaussians (V,), which are all in front of the camera.

    Returns
    -------
    centre : (V, 10, 2)
        Of the centre's x and y.
    form : (V, 10, 3)
        Half the covariance's derivative as a quadratic form: coefficients of x², xy, y².
    variance_y : (V,)
        The covariance's yy itself.
    """
    pose, focal = camera.world_to_camera, np.array([camera.fx, camera.fy])
    turn = pose[:3, :3]
    seen = shapes.means[rows].astype(np.float64) @ turn.T + pose[:3, 3]
    z = seen[:, 2]
    slope = seen[:, :2] / z[:, None]
    low_x, high_x, low_y, high_y = slope_limits(camera)
    low, high = np.array([low_x, low_y]), np.array([high_x, high_y])
    free = (slope > low) & (slope < high)

    quat = shapes.quats[rows].astype(np.float64)
    length = np.sqrt((quat * quat).sum(axis=1))
    unit = quat / length[:, None]
    scale = np.exp(shapes.log_scales[rows].astype(np.float64))
    to_image = (focal / z[:, None])[:, :, None] * (turn[:2] - slope.clip(low, high)[:, :, None] * turn[2])
    own = _rotations(unit) * scale[:, None, :]
    axes = to_image @ own  # (V, 2, 3), one standard deviation each

    centre = np.zeros((len(rows), 10, 2))
    by_axes = np.zeros((len(rows), 10, 2, 3))
    by_slope = (turn[:2] - slope[:, :, None] * turn[2]) / z[:, None, None]  # (V, 2, 3)
    centre[:, MEAN] = (focal[:, None] * by_slope).transpose(0, 2, 1)
    nearer = (turn[2] / z[:, None])[:, :, None, None] * axes[:, None]
    tilted = (focal / z[:, None])[:, :, None] * np.where(free[:, :, None], by_slope, 0.0)
    depth_of_axes = turn[2] @ own  # (V, 3)
    by_axes[:, MEAN] = -nearer - tilted.transpose(0, 2, 1)[..., None] * depth_of_axes[:, None, None]
    for k in range(3):
        by_axes[:, 3 + k, :, k] = axes[:, :, k]
    turns = _turns(unit)
    turns -= unit[:, :, None, None] * np.einsum("vi,viab->vab", unit, turns)[:, None]  # its length is free
    turns *= scale[:, None, None, :] / length[:, None, None, None]
    by_axes[:, QUAT] = to_image[:, None] @ turns

    form = np.empty((len(rows), 10, 3))
    form[..., 0] = (by_axes[:, :, 0] * axes[:, None, 0]).sum(axis=-1)
    form[..., 1] = (by_axes[:, :, 0] * axes[:, None, 1] + by_axes[:, :, 1] * axes[:, None, 0]).sum(axis=-1)
    form[..., 2] = (by_axes[:, :, 1] * axes[:, None, 1]).sum(axis=-1)
    return centre, form, (axes[:, 1] ** 2).sum(axis=-1) + BLUR
