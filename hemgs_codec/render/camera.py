"""A pinhole camera, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import SceneError

MAX_PIXELS = 1 << 28


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera without distortion.

    Attributes
    ----------
    name : str
        The image's name, without folder.
    width, height : int
        In pixels.
    fx, fy, cx, cy : float
        Focal lengths and principal point in pixels; the first pixel's centre is at (0.5, 0.5).
    world_to_camera : (4, 4) float64
        Rotation and translation to camera axes: x right, y down, z forward.
    split : "train", "test" or None
        What the file says the view is for.

    Raises
    ------
    SceneError
        Not such a camera.
    """

    name: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: npt.NDArray[np.float64]
    split: str | None = None

    def __post_init__(self) -> None:
        size = (self.width, self.height)
        if min(size) < 1 or self.width * self.height > MAX_PIXELS:
            raise SceneError(f"camera {self.name}: {size[0]} by {size[1]} pixels, expected 1 .. 2^28 in all")
        numbers = np.array([self.fx, self.fy, self.cx, self.cy])
        if not np.isfinite(numbers).all() or min(self.fx, self.fy) <= 0:
            raise SceneError(f"camera {self.name}: focal lengths and principal point are {numbers.tolist()}")
        pose = self.world_to_camera
        if pose.shape != (4, 4) or not np.isfinite(pose).all():
            raise SceneError(f"camera {self.name}: the pose isn't a finite 4 by 4 matrix")
        rotation = pose[:3, :3]
        if (
            np.abs(rotation).max() > 2
            or np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3
            or np.linalg.det(rotation) < 0
        ):
            raise SceneError(f"camera {self.name}: the pose's 3 by 3 part isn't a rotation")

    @property
    def position(self) -> npt.NDArray[np.float64]:
        """The camera's centre (3,) in the world."""
        return np.asarray(-self.world_to_camera[:3, :3].T @ self.world_to_camera[:3, 3])
