"""From Gaussians in the world to ellipses on the image (EWA splatting), and back, with gsplat's conventions.

Near plane 0.01, Jacobian clamped at 1.3 times the field of view, 0.3 pixels² of blur, no antialiasing.
An ellipse reaches as far as its opacity is at least 1/255, and a pixel beyond gets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.strokes import ALPHA_CUT
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]

NEAR = 0.01
BLUR = 0.3
_MARGIN = 0.15  # of the image's size, on each side: where the Jacobian is clamped


class Shapes(Protocol):
    """Gaussians without their colours, as in a `GaussianScene`."""

    @property
    def means(self) -> Float32Array:
        """(N, 3)."""

    @property
    def log_scales(self) -> Float32Array:
        """(N, 3)."""

    @property
    def quats(self) -> Float32Array:
        """(N, 4)."""

    @property
    def opacity_logits(self) -> Float32Array:
        """(N,)."""


@dataclass(frozen=True)
class Ellipses:
    """What the rasteriser draws, one row per Gaussian.

    Attributes
    ----------
    centres : (N, 2) float32
        In pixels, x and y.
    depths : (N,) float32
        Along the camera's z; 0 where nothing is drawn.
    conics : (N, 3) float32
        Inverse covariance: xx, xy, yy.
    reaches : (N, 2) float32
        Half extents in x and y.
    """

    centres: Float32Array
    depths: Float32Array
    conics: Float32Array
    reaches: Float32Array


# Every number in these loops is a scalar of its own: small arrays would be allocated for each Gaussian.

Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]


@compiled
def unit_and_length(quat: Float32Array) -> tuple[float, float, float, float, float]:
    """Return a quaternion of unit length, and the length that it had."""
    w, x, y, z = np.float64(quat[0]), np.float64(quat[1]), np.float64(quat[2]), np.float64(quat[3])
    length = np.sqrt(w * w + x * x + y * y + z * z)
    return w / length, x / length, y / length, z / length, length


@compiled
def rotation(w: float, x: float, y: float, z: float) -> Matrix:
    """Return the matrix of a unit quaternion."""
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


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


@compiled
def seen_by(mean: Float32Array, pose: Float64Array) -> Row:
    """Return a position before the camera."""
    x, y, z = np.float64(mean[0]), np.float64(mean[1]), np.float64(mean[2])
    return (
        pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3],
        pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3],
        pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3],
    )


@compiled
def slope_limits(lens: Float64Array) -> tuple[float, float, float, float]:
    """Return the least and greatest x / z, then y / z, that the Jacobian is taken at."""
    fx, fy, cx, cy, width, height = lens[0], lens[1], lens[2], lens[3], lens[4], lens[5]
    return (
        (-cx - _MARGIN * width) / fx,
        (width - cx + _MARGIN * width) / fx,
        (-cy - _MARGIN * height) / fy,
        (height - cy + _MARGIN * height) / fy,
    )


@compiled
def to_image(focal: float, slope: float, along: int, pose: Float64Array) -> Row:
    """Return the derivative of one pixel coordinate by the position in the world; focal: over the depth."""
    return (
        focal * (pose[along, 0] - slope * pose[2, 0]),
        focal * (pose[along, 1] - slope * pose[2, 1]),
        focal * (pose[along, 2] - slope * pose[2, 2]),
    )


@compiled
def through(row: Row, own: Matrix, scale: Row) -> Row:
    """Return one image coordinate of a Gaussian's axes, each of one standard deviation."""
    return (
        (row[0] * own[0][0] + row[1] * own[1][0] + row[2] * own[2][0]) * scale[0],
        (row[0] * own[0][1] + row[1] * own[1][1] + row[2] * own[2][1]) * scale[1],
        (row[0] * own[0][2] + row[1] * own[1][2] + row[2] * own[2][2]) * scale[2],
    )


@compiled
def dot(a: Row, b: Row) -> float:
    """Return a · b."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def scales_of(log_scale: Float32Array) -> Row:
    """Return standard deviations."""
    return (
        np.exp(np.float64(log_scale[0])),
        np.exp(np.float64(log_scale[1])),
        np.exp(np.float64(log_scale[2])),
    )


@cached_parallel
def _project(
    means: Float32Array,
    log_scales: Float32Array,
    quats: Float32Array,
    opacities: Float32Array,
    pose: Float64Array,
    lens: Float64Array,
    cut: float,
    centres: Float32Array,
    depths: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
) -> None:
    low_x, high_x, low_y, high_y = slope_limits(lens)
    for i in numba.prange(means.shape[0]):
        seen_x, seen_y, z = seen_by(means[i], pose)
        if not z > NEAR or opacities[i] < cut:
            continue
        slope_x, slope_y = seen_x / z, seen_y / z
        w, x, y, v, _ = unit_and_length(quats[i])
        own, scale = rotation(w, x, y, v), scales_of(log_scales[i])
        row_x = to_image(lens[0] / z, min(high_x, max(low_x, slope_x)), 0, pose)
        row_y = to_image(lens[1] / z, min(high_y, max(low_y, slope_y)), 1, pose)
        axes_x, axes_y = through(row_x, own, scale), through(row_y, own, scale)
        xx, xy, yy = dot(axes_x, axes_x) + BLUR, dot(axes_x, axes_y), dot(axes_y, axes_y) + BLUR
        determinant = xx * yy - xy * xy
        if not (determinant > 0 and determinant < 1e30):
            continue
        reach = np.sqrt(2.0 * np.log(np.float64(opacities[i]) / cut))
        reach_x, reach_y = reach * np.sqrt(xx), reach * np.sqrt(yy)
        at_x, at_y = lens[0] * slope_x + lens[2], lens[1] * slope_y + lens[3]
        if at_x + reach_x < 0 or at_x - reach_x > lens[4] or at_y + reach_y < 0 or at_y - reach_y > lens[5]:
            continue
        centres[i, 0], centres[i, 1] = at_x, at_y
        depths[i] = z
        conics[i, 0], conics[i, 1], conics[i, 2] = yy / determinant, -xy / determinant, xx / determinant
        reaches[i, 0], reaches[i, 1] = reach_x, reach_y


@cached_parallel
def _project_back(
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
            -(dot(by_row_x, row_x) + dot(by_row_y, row_y) + by_x_slope * slope_x + by_y_slope * slope_y) / z
        )
        for c in range(3):
            by_mean[i, c] = pose[0, c] * by_x_slope / z + pose[1, c] * by_y_slope / z + pose[2, c] * by_z


def opacities_of(shapes: Shapes) -> Float32Array:
    """Return the opacities (N,) of Gaussians: sigmoids of the logits."""
    logits = shapes.opacity_logits.astype(np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)), dtype=np.float32)


def lens_of(camera: Camera) -> Float64Array:
    """Return focal lengths, principal point, width and height (6,)."""
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    return np.array(numbers, dtype=np.float64)


def project(shapes: Shapes, opacities: Float32Array, camera: Camera) -> Ellipses:
    """Project Gaussians, with opacities (N,), to a camera's image."""
    count = len(shapes.means)
    ellipses = Ellipses(
        centres=np.zeros((count, 2), np.float32),
        depths=np.zeros(count, np.float32),
        conics=np.zeros((count, 3), np.float32),
        reaches=np.zeros((count, 2), np.float32),
    )
    _project(
        shapes.means,
        shapes.log_scales,
        shapes.quats,
        opacities,
        np.ascontiguousarray(camera.world_to_camera),
        lens_of(camera),
        ALPHA_CUT,
        ellipses.centres,
        ellipses.depths,
        ellipses.conics,
        ellipses.reaches,
    )
    return ellipses


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
