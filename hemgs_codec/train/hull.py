"""Random points inside an object's visual hull, from the silhouettes of its transparent photos.

A point is in the hull if no photo that shows its place shows background there (Laurentini 1994). Masks stay
in memory, one byte a pixel; candidates are drawn in a cube and sieved by one view after another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera

Points = npt.NDArray[np.float64]
Masks = Sequence[tuple[Camera, npt.NDArray[np.bool_]]]

_BATCH = 1 << 18
_BATCHES = 400
"""1e8 candidates: a hull that fills a thousandth of the cube still gives 100,000 points."""
_NONE = 32
"""Batches without a point after which the hull counts as empty."""
_SEEN = 0.25
"""Share of the views that must show a point: those that none shows pass every silhouette."""


def hull_points(masks: Masks, count: int, rng: np.random.Generator) -> Points:
    """Return up to ``count`` points (P, 3) float64, uniform in the hull; fewer if it is tiny, none if empty.

    Parameters
    ----------
    masks
        Cameras, each with where its photo shows the object, (H, W) bool.
    """
    cube = common_view([camera for camera, _ in masks])
    if cube is None:
        return np.empty((0, 3))
    centre, half = cube
    found: list[Points] = []
    missing = count
    for number in range(1, _BATCHES + 1):
        inside = in_hull(centre + rng.uniform(-half, half, (_BATCH, 3)), masks)
        found.append(inside[:missing])
        missing -= len(found[-1])
        if missing == 0 or (missing == count and number == _NONE):
            break
    return np.concatenate(found)


def in_hull(points: Points, masks: Masks) -> Points:
    """Return those of the points (N, 3) that every view that shows their place shows the object at."""
    seen = np.zeros(len(points), np.int64)
    for camera, mask in masks:
        local = points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
        depth = local[:, 2]
        front = depth > 0
        safe = np.where(front, depth, 1.0)
        x = camera.fx * local[:, 0] / safe + camera.cx
        y = camera.fy * local[:, 1] / safe + camera.cy
        shown = front & (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
        keep = ~shown
        keep[shown] = mask[y[shown].astype(np.int64), x[shown].astype(np.int64)]
        points, seen = points[keep], (seen + shown)[keep]
    return points[seen >= _SEEN * len(masks)]


def common_view(cameras: Sequence[Camera]) -> tuple[Points, float] | None:
    """Return the centre (3,) and half the side of a cube around what cameras around an object have in common.

    The centre is the point nearest to all viewing axes; the side is as wide as the widest view there. None if
    the axes are parallel, so that there is no such point, or it is behind a camera.
    """
    axes = np.array([camera.world_to_camera[2, :3] for camera in cameras])
    places = np.array([camera.position for camera in cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]  # (N, 3, 3), onto the plane across each axis
    total = across.sum(axis=0)
    if np.linalg.eigvalsh(total)[0] < 1e-6 * len(cameras):
        return None
    centre = np.linalg.solve(total, (across @ places[:, :, None]).sum(axis=0)[:, 0])
    depths = ((centre - places) * axes).sum(axis=1)
    if depths.min() <= 0:
        return None
    slopes = [
        max(
            max(camera.cx, camera.width - camera.cx) / camera.fx,
            max(camera.cy, camera.height - camera.cy) / camera.fy,
        )
        for camera in cameras
    ]
    return centre, float((depths * np.array(slopes)).max())
