"""Back through `projection`: from gradients by ellipses on the image to those by Gaussians in the world."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.projection import (
    BLUR,
    Ellipses,
    Matrix,
    Shapes,
    dot,
    lens_of,
    rotation,
    scales_of,
    seen_by,
    slope_limits,
    through,
    to_image,
    unit_and_length,
)
from hemgs_codec.render.strokes import FINGERPRINT
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]


@compiled
def _rotation_back(
    w: float, x: float, y: float, z: float, given: Matrix
) -> tuple[float, float, float, float]:
    """Return the gradient by a unit quaternion from that by its matrix."""
    (g00, g01, g02), (g10, g11, g12), (g20, g21, g22) = given
    return (
        2 * (z * (g10 - g01) + y * (g02 - g20) + x * (g21 - g12)),
        2 * (y * (g01 + g10) + z * (g02 + g20) + w * (g21 - g12)) - 4 * x * (g11 + g22),
        2 * (x * (g01 + g10) + z * (g12 + g21) + w * (g02 - g20)) - 4 * y * (g00 + g22),
        2 * (x * (g02 + g20) + y * (g12 + g21) + w * (g10 - g01)) - 4 * z * (g00 + g11),
    )


def _bind(fingerprint: str) -> Callable[..., None]:
    def project_back(
        means: Float32Array,
        log_scales: Float32Array,
        quats: Float32Array,
        depths: Float32Array,
        pose: Float64Array,
        lens: Float64Array,
        given: Float64Array,
        by_mean: Float64Array,
        by_log_scale: Float64Array,
        by_quat: Float64Array,
    ) -> None:
        _ = fingerprint
        low_x, high_x, low_y, high_y = slope_limits(lens)
        for i in numba.prange(means.shape[0]):
            if depths[i] == 0.0:
                continue
            seen_x, seen_y, z = seen_by(means[i], pose)
            slope_x, slope_y = seen_x / z, seen_y / z
            across, down = min(high_x, max(low_x, slope_x)), min(high_y, max(low_y, slope_y))
            focal_x, focal_y = lens[0] / z, lens[1] / z
            w, x, y, v, length = unit_and_length(quats[i])
            own, scale = rotation(w, x, y, v), scales_of(log_scales[i])
            row_x, row_y = to_image(focal_x, across, 0, pose), to_image(focal_y, down, 1, pose)
            axes_x, axes_y = through(row_x, own, scale), through(row_y, own, scale)
            xx, xy, yy = dot(axes_x, axes_x) + BLUR, dot(axes_x, axes_y), dot(axes_y, axes_y) + BLUR
            determinant = xx * yy - xy * xy
            k00, k01, k11 = yy / determinant, -xy / determinant, xx / determinant
            # by the covariance: -K G K, with the conic's gradient G as a symmetric matrix; then by the axes
            g00, g01, g11 = given[i, 2], 0.5 * given[i, 3], given[i, 4]
            t00, t01 = g00 * k00 + g01 * k01, g00 * k01 + g01 * k11
            t10, t11 = g01 * k00 + g11 * k01, g01 * k01 + g11 * k11
            s00, s01, s11 = (
                -2 * (k00 * t00 + k01 * t10),
                -2 * (k00 * t01 + k01 * t11),
                -2 * (k01 * t01 + k11 * t11),
            )
            a0, a1, a2 = axes_x
            b0, b1, b2 = axes_y
            p0, p1, p2 = s00 * a0 + s01 * b0, s00 * a1 + s01 * b1, s00 * a2 + s01 * b2
            q0, q1, q2 = s01 * a0 + s11 * b0, s01 * a1 + s11 * b1, s01 * a2 + s11 * b2
            by_log_scale[i, 0], by_log_scale[i, 1] = p0 * a0 + q0 * b0, p1 * a1 + q1 * b1
            by_log_scale[i, 2] = p2 * a2 + q2 * b2
            # by what the scales stretch: the rotation's columns as the image's rows see them
            x0, x1, x2 = p0 * scale[0], p1 * scale[1], p2 * scale[2]
            y0, y1, y2 = q0 * scale[0], q1 * scale[1], q2 * scale[2]
            by_own = (
                (row_x[0] * x0 + row_y[0] * y0, row_x[0] * x1 + row_y[0] * y1, row_x[0] * x2 + row_y[0] * y2),
                (row_x[1] * x0 + row_y[1] * y0, row_x[1] * x1 + row_y[1] * y1, row_x[1] * x2 + row_y[1] * y2),
                (row_x[2] * x0 + row_y[2] * y0, row_x[2] * x1 + row_y[2] * y1, row_x[2] * x2 + row_y[2] * y2),
            )
            by_w, by_x, by_y, by_v = _rotation_back(w, x, y, v, by_own)
            radial = by_w * w + by_x * x + by_y * y + by_v * v
            by_quat[i, 0], by_quat[i, 1] = (by_w - radial * w) / length, (by_x - radial * x) / length
            by_quat[i, 2], by_quat[i, 3] = (by_y - radial * y) / length, (by_v - radial * v) / length
            by_row_x = (dot((x0, x1, x2), own[0]), dot((x0, x1, x2), own[1]), dot((x0, x1, x2), own[2]))
            by_row_y = (dot((y0, y1, y2), own[0]), dot((y0, y1, y2), own[1]), dot((y0, y1, y2), own[2]))
            depth_row = (pose[2, 0], pose[2, 1], pose[2, 2])
            by_x_slope, by_y_slope = lens[0] * given[i, 0], lens[1] * given[i, 1]
            if low_x < slope_x < high_x:
                by_x_slope -= focal_x * dot(by_row_x, depth_row)
            if low_y < slope_y < high_y:
                by_y_slope -= focal_y * dot(by_row_y, depth_row)
            by_z = (
                -(dot(by_row_x, row_x) + dot(by_row_y, row_y) + by_x_slope * slope_x + by_y_slope * slope_y)
                / z
            )
            for c in range(3):
                by_mean[i, c] = pose[0, c] * by_x_slope / z + pose[1, c] * by_y_slope / z + pose[2, c] * by_z

    return cached_parallel(project_back)


_project_back = _bind(FINGERPRINT)


def projection_gradients(
    shapes: Shapes, camera: Camera, ellipses: Ellipses, given: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return gradients by means (N, 3), log-scales (N, 3) and quaternions (N, 4).

    Parameters
    ----------
    given : (N, 5 or more) float64
        Gradients by centre x, y and conic xx, xy, yy.
    """
    count = len(shapes.means)
    by_mean, by_log_scale, by_quat = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, 4))
    _project_back(
        shapes.means,
        shapes.log_scales,
        shapes.quats,
        ellipses.depths,
        np.ascontiguousarray(camera.world_to_camera),
        lens_of(camera),
        given,
        by_mean,
        by_log_scale,
        by_quat,
    )
    return by_mean, by_log_scale, by_quat
