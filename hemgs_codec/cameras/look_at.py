"""Cameras by where they stand and what they look at."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera

Vector = npt.NDArray[np.float64]


def look_at(
    name: str, eye: Vector, target: Vector, up: Vector, *, width: int, height: int, degrees: float
) -> Camera:
    """Return a camera at ``eye`` (3,) that looks at ``target`` (3,).

    Parameters
    ----------
    up
        (3,), what is upright in the image; where one looks along it, another direction takes its place.
    degrees
        Field of view across the image's smaller side.
    """
    forward = _unit(target - eye)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-3 * np.linalg.norm(up):
        right = np.cross(forward, np.roll(up, 1) + 0.1)
    right = _unit(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ eye
    focal = min(width, height) / 2 / math.tan(math.radians(degrees) / 2)
    return Camera(name, width, height, focal, focal, width / 2, height / 2, pose)


def directions(count: int, turn: float = 0.0) -> Vector:
    """Return unit vectors (count, 3) spread evenly over the sphere (Fibonacci's), turned about z."""
    steps = np.arange(count) + 0.5
    z = 1 - 2 * steps / count
    angle = math.pi * (1 + math.sqrt(5)) * steps + turn
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector))
