"""Where training starts: points of structure from motion, or random ones where there are none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera
from hemgs_codec.train.dataset import Dataset
from hemgs_codec.train.hull import hull_points
from hemgs_codec.train.photo import read_alpha
from hemgs_format.errors import SceneError

Points = npt.NDArray[np.float64]

_OUTER = 0.005
_WIDER = 4.0
_OPAQUE = 26  # of 255, a tenth: the edges of thin things are hardly more


def initial_points(dataset: Dataset, count: int, seed: int) -> Points:
    """Return points to start from, (P, 3) float64, the same for the same seed; P is ``count`` or less.

    Points of structure from motion if the set has any, without far outliers, and a random choice of them if
    they are more than ``count``. Else random points in the visual hull of what transparent training photos
    show. Else, and where that hull is empty, random points in the sphere of radius `scene_extent` about the
    cameras' middle.

    Parameters
    ----------
    count
        At least 1. Structure from motion gives no more than it found.

    Raises
    ------
    SceneError
        A photo is damaged.
    """
    rng = np.random.default_rng(seed)
    if dataset.points is not None and len(dataset.points):
        points = without_outliers(dataset.points)
        if len(points) > count:
            points = points[np.sort(rng.choice(len(points), count, replace=False))]
        return points
    masks = []
    for photo in dataset.train:
        alpha = read_alpha(photo)
        if alpha is not None:
            masks.append((photo.camera, alpha >= _OPAQUE))
    if masks:
        points = hull_points(masks, count, rng)
        if len(points):
            return points
    return _in_sphere([photo.camera for photo in dataset.train], count, rng)


def without_outliers(points: Points) -> Points:
    """Return the points (P, 3) in a box four times as wide, on each axis, as that of their middle 99 %.

    Backgrounds reach far and are wanted. What lies beyond that box was matched wrongly, and would stretch
    every grid that is laid over the points.
    """
    low, high = np.quantile(points, [_OUTER, 1 - _OUTER], axis=0)
    centre, half = (low + high) / 2, _WIDER * (high - low) / 2
    inside: npt.NDArray[np.bool_] = (np.abs(points - centre) <= half).all(axis=1)
    return points[inside]


def scene_extent(cameras: Sequence[Camera]) -> float:
    """Return the radius of the camera centres about their mean, and a tenth more, in units of the world.

    The field scales learning rates of positions and thresholds of densification by it (Kerbl et al. 2023).

    Raises
    ------
    SceneError
        All cameras have one place.
    """
    _, radius = _sphere(cameras)
    if not radius > 0:
        raise SceneError(f"all {len(cameras)} training cameras have one place: expected photos from several")
    return 1.1 * radius


def _sphere(cameras: Sequence[Camera]) -> tuple[Points, float]:
    places = np.array([camera.position for camera in cameras])
    centre = places.mean(axis=0)
    return centre, float(np.linalg.norm(places - centre, axis=1).max())


def _in_sphere(cameras: Sequence[Camera], count: int, rng: np.random.Generator) -> Points:
    centre, _ = _sphere(cameras)
    ways = rng.standard_normal((count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    distances = scene_extent(cameras) * np.cbrt(rng.random((count, 1)))
    return np.asarray(centre + distances * ways)
