"""From Gaussians in the world to ellipses on the image (EWA splatting), with gsplat's conventions.

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
