"""From Gaussians in the world to ellipses on the image (EWA splatting), and back, with gsplat's conventions.

Near plane 0.01, Jacobian clamped at 1.3 times the field of view, 0.3 pixels² of blur, no antialiasing.
An ellipse reaches as far as its opacity is at least 1/255, and a pixel beyond gets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.render.blend import ALPHA_CUT
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]

NEAR = 0.01
BLUR = 0.3
_MARGIN = 0.15  # of the image's size, on each side: where the Jacobian is clamped


@dataclass(frozen=True)
class Ellipses:
    """What the rasteriser draws, one row per Gaussian of the scene.

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


@compiled
def _rotation(unit: Float64Array) -> Float64Array:
    w, x, y, z = unit
    out = np.empty((3, 3))
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)
    return out


@compiled
def _rotation_back(unit: Float64Array, given: Float64Array) -> Float64Array:
    """Return the gradient by a unit quaternion from that by its matrix."""
    w, x, y, z = unit
    out = np.empty(4)
    across = given - given.T
    both = given + given.T
    out[0] = 2 * (z * across[1, 0] + y * across[0, 2] + x * across[2, 1])
    out[1] = 2 * (y * both[0, 1] + z * both[0, 2] + w * across[2, 1]) - 4 * x * (given[1, 1] + given[2, 2])
    out[2] = 2 * (x * both[0, 1] + z * both[1, 2] + w * across[0, 2]) - 4 * y * (given[0, 0] + given[2, 2])
    out[3] = 2 * (x * both[0, 2] + y * both[1, 2] + w * across[1, 0]) - 4 * z * (given[0, 0] + given[1, 1])
    return out


@compiled
def _seen(mean: Float32Array, pose: Float64Array) -> Float64Array:
    out = np.empty(3)
    for r in range(3):
        out[r] = pose[r, 0] * mean[0] + pose[r, 1] * mean[1] + pose[r, 2] * mean[2] + pose[r, 3]
    return out


@compiled
def _slope_limits(lens: Float64Array) -> tuple[float, float, float, float]:
    """Return the least and greatest x / z, then y / z, that the Jacobian is taken at."""
    fx, fy, cx, cy, width, height = lens
    return (
        (-cx - _MARGIN * width) / fx,
        (width - cx + _MARGIN * width) / fx,
        (-cy - _MARGIN * height) / fy,
        (height - cy + _MARGIN * height) / fy,
    )


@compiled
def _jacobian(seen: Float64Array, lens: Float64Array) -> Float64Array:
    """Return the derivative (2, 3) of the pixel by the position before the camera."""
    low_x, high_x, low_y, high_y = _slope_limits(lens)
    z = seen[2]
    out = np.zeros((2, 3))
    out[0, 0] = lens[0] / z
    out[0, 2] = -lens[0] / z * min(high_x, max(low_x, seen[0] / z))
    out[1, 1] = lens[1] / z
    out[1, 2] = -lens[1] / z * min(high_y, max(low_y, seen[1] / z))
    return out


@compiled
def _axes(to_image: Float64Array, own: Float64Array, scale: Float64Array) -> Float64Array:
    """Return a Gaussian's axes (2, 3) on the image, each of one standard deviation."""
    out = np.zeros((2, 3))
    for a in range(2):
        for b in range(3):
            for c in range(3):
                out[a, b] += to_image[a, c] * own[c, b]
            out[a, b] *= scale[b]
    return out


@compiled
def _covariance(axes: Float64Array) -> tuple[float, float, float]:
    xx, xy, yy = BLUR, 0.0, BLUR
    for b in range(3):
        xx += axes[0, b] * axes[0, b]
        xy += axes[0, b] * axes[1, b]
        yy += axes[1, b] * axes[1, b]
    return xx, xy, yy


@compiled
def _to_image(jacobian: Float64Array, pose: Float64Array) -> Float64Array:
    out = np.zeros((2, 3))
    for a in range(2):
        for b in range(3):
            for c in range(3):
                out[a, b] += jacobian[a, c] * pose[c, b]
    return out


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
    for i in numba.prange(means.shape[0]):
        seen = _seen(means[i], pose)
        if not seen[2] > NEAR or opacities[i] < cut:
            continue
        quat = quats[i].astype(np.float64)
        own = _rotation(quat / np.sqrt((quat * quat).sum()))
        to_image = _to_image(_jacobian(seen, lens), pose)
        xx, xy, yy = _covariance(_axes(to_image, own, np.exp(log_scales[i].astype(np.float64))))
        determinant = xx * yy - xy * xy
        if not (determinant > 0 and determinant < 1e30):
            continue
        reach = np.sqrt(2.0 * np.log(np.float64(opacities[i]) / cut))
        reach_x, reach_y = reach * np.sqrt(xx), reach * np.sqrt(yy)
        x, y = lens[0] * seen[0] / seen[2] + lens[2], lens[1] * seen[1] / seen[2] + lens[3]
        if x + reach_x < 0 or x - reach_x > lens[4] or y + reach_y < 0 or y - reach_y > lens[5]:
            continue
        centres[i, 0], centres[i, 1] = x, y
        depths[i] = seen[2]
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
    low_x, high_x, low_y, high_y = _slope_limits(lens)
    for i in numba.prange(means.shape[0]):
        if depths[i] == 0.0:
            continue
        seen = _seen(means[i], pose)
        z = seen[2]
        quat = quats[i].astype(np.float64)
        length = np.sqrt((quat * quat).sum())
        unit = quat / length
        own, scale = _rotation(unit), np.exp(log_scales[i].astype(np.float64))
        to_image = _to_image(_jacobian(seen, lens), pose)
        axes = _axes(to_image, own, scale)
        xx, xy, yy = _covariance(axes)
        determinant = xx * yy - xy * xy
        k00, k01, k11 = yy / determinant, -xy / determinant, xx / determinant
        # by the covariance: -K G K, with the conic's gradient G as a symmetric matrix
        g00, g01, g11 = given[i, 2], 0.5 * given[i, 3], given[i, 4]
        t00, t01 = g00 * k00 + g01 * k01, g00 * k01 + g01 * k11
        t10, t11 = g01 * k00 + g11 * k01, g01 * k01 + g11 * k11
        s00, s01, s11 = -(k00 * t00 + k01 * t10), -(k00 * t01 + k01 * t11), -(k01 * t01 + k11 * t11)
        by_own = np.zeros((3, 3))
        by_to_image = np.zeros((2, 3))
        for b in range(3):
            by_x = 2 * (s00 * axes[0, b] + s01 * axes[1, b])
            by_y = 2 * (s01 * axes[0, b] + s11 * axes[1, b])
            along = 0.0
            for c in range(3):
                part = to_image[0, c] * by_x + to_image[1, c] * by_y
                by_own[c, b] = part * scale[b]
                along += part * own[c, b]
                by_to_image[0, c] += by_x * own[c, b] * scale[b]
                by_to_image[1, c] += by_y * own[c, b] * scale[b]
            by_log_scale[i, b] = along * scale[b]
        by_unit = _rotation_back(unit, by_own)
        radial = (by_unit * unit).sum()
        for c in range(4):
            by_quat[i, c] = (by_unit[c] - radial * unit[c]) / length
        by_jacobian = np.zeros((2, 3))
        for a in range(2):
            for b in range(3):
                for c in range(3):
                    by_jacobian[a, b] += by_to_image[a, c] * pose[b, c]
        slope_x, slope_y = seen[0] / z, seen[1] / z
        across, down = min(high_x, max(low_x, slope_x)), min(high_y, max(low_y, slope_y))
        by_x_slope, by_y_slope = lens[0] * given[i, 0], lens[1] * given[i, 1]
        if low_x < slope_x < high_x:
            by_x_slope -= lens[0] / z * by_jacobian[0, 2]
        if low_y < slope_y < high_y:
            by_y_slope -= lens[1] / z * by_jacobian[1, 2]
        by_z = -lens[0] * (by_jacobian[0, 0] - across * by_jacobian[0, 2])
        by_z -= lens[1] * (by_jacobian[1, 1] - down * by_jacobian[1, 2])
        by_z = by_z / (z * z) - (by_x_slope * slope_x + by_y_slope * slope_y) / z
        for c in range(3):
            by_mean[i, c] = pose[0, c] * by_x_slope / z + pose[1, c] * by_y_slope / z + pose[2, c] * by_z


def opacities_of(scene: GaussianScene) -> Float32Array:
    """Return the opacities (N,) of a scene: sigmoids of the logits."""
    logits = scene.opacity_logits.astype(np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)), dtype=np.float32)


def slope_limits(camera: Camera) -> tuple[float, float, float, float]:
    """Return the least and greatest x / z, then y / z, that the Jacobian is taken at."""
    return _slope_limits(_lens(camera))


def _lens(camera: Camera) -> Float64Array:
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    return np.array(numbers, dtype=np.float64)


def project(scene: GaussianScene, opacities: Float32Array, camera: Camera) -> Ellipses:
    """Project a scene's Gaussians, with opacities (N,), to a camera's image."""
    count = scene.num_gaussians
    ellipses = Ellipses(
        centres=np.zeros((count, 2), np.float32),
        depths=np.zeros(count, np.float32),
        conics=np.zeros((count, 3), np.float32),
        reaches=np.zeros((count, 2), np.float32),
    )
    _project(
        scene.means,
        scene.log_scales,
        scene.quats,
        opacities,
        np.ascontiguousarray(camera.world_to_camera),
        _lens(camera),
        ALPHA_CUT,
        ellipses.centres,
        ellipses.depths,
        ellipses.conics,
        ellipses.reaches,
    )
    return ellipses


def projection_gradients(
    scene: GaussianScene, camera: Camera, ellipses: Ellipses, given: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return gradients by means (N, 3), log-scales (N, 3) and quaternions (N, 4).

    Parameters
    ----------
    given : (N, 5 or more) float64
        Gradients by centre x, y and conic xx, xy, yy.
    """
    count = scene.num_gaussians
    by_mean, by_log_scale, by_quat = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, 4))
    _project_back(
        scene.means,
        scene.log_scales,
        scene.quats,
        ellipses.depths,
        np.ascontiguousarray(camera.world_to_camera),
        _lens(camera),
        given,
        by_mean,
        by_log_scale,
        by_quat,
    )
    return by_mean, by_log_scale, by_quat
