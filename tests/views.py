"""Cameras and clouds of Gaussians to look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.render import Camera
from hemgs_codec.scene import GaussianScene


def look_at(
    eye: tuple[float, float, float], *, width: int = 60, height: int = 44, focal: float = 50.0
) -> Camera:
    """Return a camera at ``eye`` that looks at the origin."""
    position = np.array(eye, dtype=np.float64)
    forward = -position / np.linalg.norm(position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ position
    return Camera("view", width, height, focal, 0.9 * focal, width / 2 + 1.5, height / 2 - 0.5, pose)


def cloud(count: int, seed: int, *, sh_degree: int = 3) -> GaussianScene:
    rng = np.random.default_rng(seed)

    def normal(*shape: int, size: float = 1.0) -> npt.NDArray[np.float32]:
        return (size * rng.standard_normal((count, *shape))).astype(np.float32)

    rest = (sh_degree + 1) ** 2 - 1
    scales = (rng.standard_normal((count, 3)) * 0.7 - 2.5).astype(np.float32)
    return GaussianScene(
        normal(3, size=0.6), scales, normal(4), normal(size=2.0), normal(3), normal(rest, 3, size=0.2)
    )
