"""Plain Gaussians without any view: enough to place cameras by, not to look at."""

from __future__ import annotations

import numpy as np

from hemgs_codec.anchors.neural import AnchorTensors, tensors_of
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.bake.average import average
from hemgs_codec.cameras import synthesise_cameras
from hemgs_codec.cameras.look_at import directions
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene

MADE_UP = 64
"""Cameras for a scene that comes without."""
_LOOKS = 16
_DISTANCE = 3.0
"""Of the eyes, in radii that hold 90 % of the anchors."""


def rough_gaussians(scene: AnchorScene) -> GaussianScene:
    """Return what the networks say on average from all around, of one colour each."""
    return _rough(tensors_of(scene))


def made_up_cameras(
    tensors: AnchorTensors, *, count: int = MADE_UP, progress: Progress | None = None
) -> list[Camera]:
    """Return cameras that together see what viewers would: see `synthesise_cameras`."""
    return synthesise_cameras(_rough(tensors), count=count, progress=progress)


def _rough(tensors: AnchorTensors) -> GaussianScene:
    anchors = tensors.anchors.cpu().numpy().astype(np.float64)
    middle = np.median(anchors, axis=0)
    radius = max(float(np.quantile(np.linalg.norm(anchors - middle, axis=1), 0.9)), 1e-3)
    eyes = [middle + _DISTANCE * radius * way for way in directions(_LOOKS)]
    evenly = np.ones((_LOOKS, int((tensors.masks > 0).sum())), np.float32)
    return average(tensors, eyes, evenly, 0)
