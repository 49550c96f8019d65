"""A turntable: cameras on a ring around what a scene shows, for pictures and videos."""

from __future__ import annotations

import math

import numpy as np

from hemgs_codec.cameras.layout import Layout, layout_of
from hemgs_codec.cameras.look_at import Vector, directions, look_at
from hemgs_codec.cameras.synthesise import detail_seen
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene

_DEGREES = 50.0
_DISTANCE = 3.0
"""Times the extent, around objects: 1 / sin(50° / 2) = 2.4, and room for the tenth beyond the extent."""
_ROOM_DISTANCE = 1.4
"""Times the core, within rooms."""
_ELEVATION = math.radians(20)
_LOOKS = 48  # directions that are tried to find what is up
_SURE = 0.1
_USUAL = np.array([[0.0, 0, 1], [0, -1, 0], [0, 1, 0]])
"""What is up in files of Blender and nerfstudio; of COLMAP; of glTF."""


def orbit_cameras(
    scene: GaussianScene,
    count: int,
    *,
    width: int = 800,
    height: int = 600,
    up: Vector | None = None,
    progress: Progress | None = None,
) -> list[Camera]:
    """Return ``count`` cameras on a ring, once around, from somewhat above.

    Around an object the ring is as wide as shows it whole; in a room it goes around what is most detailed.
    The first is named `orbit_0000`.

    Parameters
    ----------
    up
        (3,), of unit length; guessed by `upright` if not given.
    """
    layout = layout_of(scene)
    if up is None:
        up = upright(scene, layout, progress)
    # two directions on the ring's plane, from the axis that is least along up
    start = np.eye(3)[np.abs(up).argmin()]
    start = start - (start @ up) * up
    start /= np.linalg.norm(start)
    side = np.cross(up, start)
    cameras = []
    for number, turn in enumerate(2 * math.pi * np.arange(count) / count):
        flat = math.cos(turn) * start + math.sin(turn) * side
        way = math.cos(_ELEVATION) * flat + math.sin(_ELEVATION) * up
        eye = layout.focus + _radius(layout) * way
        name = f"orbit_{number:04d}"
        cameras.append(look_at(name, eye, layout.focus, up, width=width, height=height, degrees=_DEGREES))
    return cameras


def upright(scene: GaussianScene, layout: Layout, progress: Progress | None = None) -> Vector:
    """Guess what is up, (3,) of unit length.

    Photos are taken from above rather than from below, and from there one sees most detail. Where that tells
    clearly in a room, it is the answer, as scans of rooms have any orientation; else it picks one of
    the axes that files have as up by custom.
    """
    ways = directions(_LOOKS)
    scores = np.empty(_LOOKS)
    for place, way in enumerate(ways):
        eye = layout.focus + _radius(layout) * way
        view = look_at("", eye, layout.focus, np.array([0.0, 0, 1]), width=128, height=128, degrees=_DEGREES)
        scores[place] = detail_seen(scene, view)
        if progress is not None:
            progress("find what is up", place + 1, _LOOKS)
    shares = (scores / max(float(scores.max()), 1e-12)) ** 2
    mean = (shares[:, None] * ways).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if layout.inside and length > _SURE:
        return np.asarray(mean / length)
    return np.asarray(_USUAL[(_USUAL @ mean).argmax()])


def _radius(layout: Layout) -> float:
    return _ROOM_DISTANCE * layout.core if layout.inside else _DISTANCE * layout.extent
