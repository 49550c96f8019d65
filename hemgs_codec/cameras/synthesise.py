"""Cameras for a scene that comes without any: enough to tell what is seen much, little and never.

More candidates than wanted are placed by the scene's layout and judged by a small render. Where a
scene was trained, many Gaussians share the image; from a side that no photo shows, or from within a wall, few
large ones fill it. So candidates that see many Gaussians are kept: that finds the front of a desk and the
open side of a room without being told.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.cameras.layout import Layout, layout_of
from hemgs_codec.cameras.look_at import Vector, directions, look_at
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.visibility import visibility
from hemgs_codec.scene import GaussianScene

_UP = np.array([0.0, 0.0, 1.0])
_DEGREES = 55.0
_FAR = 2.3
"""Times the extent: a little more than fills the view, 1 / sin(55° / 2) = 2.17."""
_NEAR = 2.2
"""Times the core: half of the detail fills the view."""
_ROOM_SHELLS = (1.0, 1.4, 2.0)
"""Times the core. People take photos of what is in the middle from about so far."""
_OUTWARD = 0.25
"""Share of a room's cameras that look outward from its middle, at what lies behind the others."""
_SMALL = 128
"""Larger side in pixels of the renders that candidates are judged by."""


def synthesise_cameras(
    scene: GaussianScene,
    *,
    count: int = 32,
    width: int = 400,
    height: int = 400,
    progress: Progress | None = None,
) -> list[Camera]:
    """Return ``count`` cameras, the same for the same scene, that together see what viewers would.

    An object is seen from all around, mostly whole; a room from around what is most detailed in it,
    mostly inward. The first is named `synthetic_000`. Takes about 0.1 s per camera and 100,000 Gaussians.

    Parameters
    ----------
    count
        16 to 64 do; at least 1.
    width, height
        In pixels.
    """
    layout = layout_of(scene)
    groups = _candidates(layout, count, width, height)
    total = sum(len(cameras) for cameras, _ in groups)
    kept: list[Camera] = []
    done = 0
    for cameras, wanted in groups:
        scores = []
        for camera in cameras:
            scores.append(detail_seen(scene, camera))
            done += 1
            if progress is not None:
                progress("place cameras", done, total)
        best = np.sort(np.argsort(-np.array(scores), kind="stable")[:wanted])
        kept += [cameras[place] for place in best]
    return [replace(camera, name=f"synthetic_{number:03d}") for number, camera in enumerate(kept)]


def detail_seen(scene: GaussianScene, camera: Camera) -> float:
    """Return how much detail a camera sees: the sum of the roots of the pixels that Gaussians fill.

    The root makes many small Gaussians worth more than a few large ones that fill the same image.
    """
    factor = min(1.0, _SMALL / max(camera.width, camera.height))
    small = replace(
        camera,
        width=max(1, round(camera.width * factor)),
        height=max(1, round(camera.height * factor)),
        fx=camera.fx * factor,
        fy=camera.fy * factor,
        cx=camera.cx * factor,
        cy=camera.cy * factor,
    )
    return float(np.sqrt(np.maximum(visibility(scene, small), 0.0)).sum())


def _candidates(layout: Layout, count: int, width: int, height: int) -> list[tuple[list[Camera], int]]:
    """Return groups of cameras with the number to keep of each."""

    def camera(eye: Vector, target: Vector) -> Camera:
        return look_at("", eye, target, _UP, width=width, height=height, degrees=_DEGREES)

    focus = layout.focus
    outward = int(count * _OUTWARD) if layout.inside else 0
    if layout.inside:
        shells = [factor * layout.core for factor in _ROOM_SHELLS]
    else:
        far = _FAR * layout.extent
        near = min(_NEAR * layout.core, far)
        shells = [far, (far * near) ** 0.5, near]
    inward_count = 2 * (count - outward)
    inward = []
    for number, radius in enumerate(shells):
        share = (inward_count * (number + 1)) // 3 - (inward_count * number) // 3
        inward += [camera(focus + radius * way, focus) for way in directions(share, turn=number)]
    groups = [(inward, count - outward)]
    if outward:
        middle = 0.3 * layout.core
        ways = directions(4 * outward)  # many: from the middle, something near often hides all else
        groups.append(([camera(focus + middle * way, focus + layout.extent * way) for way in ways], outward))
    return groups
