"""One Gaussian for two: the same mass, mean and covariance, and colours in the proportion of the masses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.scene import GaussianScene

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

_LEAST_SCALE = 1e-12


def rotations(quats: npt.NDArray[np.floating]) -> Float64Array:
    """Return rotation matrices (N, 3, 3) of quaternions wxyz (N, 4) of any length but zero."""
    q = quats.astype(np.float64)
    q /= np.abs(q).max(axis=1, keepdims=True)
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1),
        ],
        axis=1,
    )


def quaternions(matrices: Float64Array) -> Float64Array:
    """Return unit quaternions wxyz (N, 4) of rotation matrices (N, 3, 3)."""
    m = matrices
    trace = m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2]
    # Four times q qᵀ; its largest column is the safest to divide by.
    outer = np.empty((len(m), 4, 4))
    outer[:, 0, 0] = 1 + trace
    outer[:, 0, 1] = outer[:, 1, 0] = m[:, 2, 1] - m[:, 1, 2]
    outer[:, 0, 2] = outer[:, 2, 0] = m[:, 0, 2] - m[:, 2, 0]
    outer[:, 0, 3] = outer[:, 3, 0] = m[:, 1, 0] - m[:, 0, 1]
    for a in range(3):
        outer[:, a + 1, a + 1] = 1 - trace + 2 * m[:, a, a]
        for b in range(a):
            outer[:, a + 1, b + 1] = outer[:, b + 1, a + 1] = m[:, a, b] + m[:, b, a]
    best = np.einsum("nii->ni", outer).argmax(axis=1)
    columns = outer[np.arange(len(m)), best]
    return np.asarray(columns / np.linalg.norm(columns, axis=1, keepdims=True))


def covariances(scene: GaussianScene) -> Float64Array:
    """Return the covariances (N, 3, 3) of a scene's Gaussians."""
    axes = rotations(scene.quats) * np.exp(scene.log_scales.astype(np.float64))[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def merge_moments(
    means: npt.NDArray[np.floating], covariance: Float64Array, shares: Float64Array, pairs: Int64Array
) -> tuple[Float64Array, Float64Array]:
    """Return the means (P, 3) and covariances (P, 3, 3) of pairs taken as one.

    Parameters
    ----------
    means, covariance : (N, 3), (N, 3, 3)
    shares : (P, 2) float64
        Of the pair's mass; a row sums to 1.
    pairs : (P, 2) int64
    """
    first, second = pairs[:, 0], pairs[:, 1]
    a, b = shares[:, :1], shares[:, 1:]
    one, two = means[first].astype(np.float64), means[second].astype(np.float64)
    apart = one - two
    spread = (a * b)[..., None] * (apart[:, :, None] * apart[:, None, :])
    whole = a[..., None] * covariance[first] + b[..., None] * covariance[second] + spread
    return a * one + b * two, whole


def axes_of(covariance: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return log-scales (P, 3), the largest first, and quaternions wxyz (P, 4) of covariances (P, 3, 3)."""
    squares, axes = np.linalg.eigh(covariance)
    squares, axes = squares[:, ::-1], axes[:, :, ::-1].copy()
    axes[np.linalg.det(axes) < 0, :, 2] *= -1
    return 0.5 * np.log(np.maximum(squares, _LEAST_SCALE**2)), quaternions(axes)


def merge_pairs(
    scene: GaussianScene, pairs: Int64Array, shares: Float64Array, opacities: Float64Array
) -> GaussianScene:
    """Return the scene (P Gaussians) of pairs taken as one.

    Parameters
    ----------
    pairs, shares : (P, 2)
        As for `merge_moments`.
    opacities : (P,) float64
        In 0 .. 1, exclusive.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    means, covariance = merge_moments(scene.means, covariances(scene), shares, pairs)
    log_scales, quats = axes_of(covariance)

    def mix(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        shape = (-1,) + (1,) * (values.ndim - 1)
        mixed = shares[:, 0].reshape(shape) * values[first] + shares[:, 1].reshape(shape) * values[second]
        return np.ascontiguousarray(mixed, dtype=np.float32)

    return GaussianScene(
        np.ascontiguousarray(means, dtype=np.float32),
        np.ascontiguousarray(log_scales, dtype=np.float32),
        np.ascontiguousarray(quats, dtype=np.float32),
        np.log(opacities / (1 - opacities)).astype(np.float32),
        mix(scene.sh0),
        mix(scene.shN),
    )
