"""The views that an encoder looks from: some to measure weights, others to judge by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hemgs_codec.cameras import held_out, synthesise_cameras
from hemgs_codec.progress import Progress
from hemgs_codec.render import render
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import eight_bit
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError

T = TypeVar("T")
Background = tuple[float, float, float]
MOST_JUDGED = 16
MADE_UP = 48
_MADE_UP_SIZE = 400  # pixels


@dataclass(frozen=True)
class ViewSet:
    """Cameras by their use, and what is behind the scene."""

    measured: tuple[Camera, ...]
    judged: tuple[Camera, ...]
    background: Background

    def render_judged(self, scene: GaussianScene) -> list[npt.NDArray[np.uint8]]:
        """Render a scene to the judged views, 8 bit."""
        return [eight_bit(render(scene, camera, self.background)[0]) for camera in self.judged]


def spread_views(cameras: Sequence[Camera], count: int) -> tuple[Camera, ...]:
    """Return at most ``count`` of the cameras, evenly spread over the sequence."""
    return spread(cameras, count)


def spread(things: Sequence[T], count: int) -> tuple[T, ...]:
    """Return at most ``count`` of the things, evenly spread over the sequence."""
    places = np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int)
    return tuple(things[i] for i in places)


def choose_views(
    scene: GaussianScene,
    cameras: Sequence[Camera] | None,
    background: Background,
    progress: Progress | None = None,
) -> ViewSet:
    """Split cameras into those that measure and those held out to judge; make some up where there are none.

    Raises
    ------
    SceneError
        An empty sequence of cameras.
    """
    if cameras is None:
        made = synthesise_cameras(
            scene, count=MADE_UP, width=_MADE_UP_SIZE, height=_MADE_UP_SIZE, progress=progress
        )
        return ViewSet(tuple(made), spread_views(made, MOST_JUDGED), background)
    if not cameras:
        raise SceneError("there are no cameras; expected at least one")
    judged = held_out(list(cameras))
    names = {id(camera) for camera in judged}
    measured = tuple(camera for camera in cameras if id(camera) not in names) or tuple(cameras)
    return ViewSet(measured, spread_views(judged, MOST_JUDGED), background)
