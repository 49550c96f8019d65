"""The views of a baking: those it is fitted to, those between them, and those it is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.render import render_anchors
from hemgs_codec.cameras import held_out
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.metrics.psnr import psnr
from hemgs_codec.render import render
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import eight_bit
from hemgs_codec.scene import Float32Array, GaussianScene
from hemgs_format.errors import SceneError

MOST_FITTED, MOST_JUDGED = 128, 32
"""Views that networks are asked from, and that judge."""
_NEIGHBOURS = 3
_LEAST_COSINE = 0.5
"""Of the axes of two cameras that another is put between."""

Background = tuple[float, float, float]


@dataclass(frozen=True)
class BakeViews:
    """Cameras by their use, and what should be seen from them: renders of the anchor scene.

    Attributes
    ----------
    fitted, judged : tuple of Camera
        Disjoint, but where there are too few.
    """

    tensors: AnchorTensors
    fitted: tuple[Camera, ...]
    judged: tuple[Camera, ...]
    background: Background

    def target(self, camera: Camera) -> Float32Array:
        """Return what should be seen (H, W, 3)."""
        return render_anchors(self.tensors, camera, self.background)

    def psnr(self, scene: GaussianScene, cameras: Sequence[Camera]) -> float:
        """Return the mean PSNR of a scene's 8-bit renders to the anchor scene's."""
        values = [
            psnr(eight_bit(render(scene, camera, self.background)[0]), eight_bit(self.target(camera)))
            for camera in cameras
        ]
        return float(np.mean(values))

    def order(self, rng: np.random.Generator) -> Iterator[Camera]:
        """Yield cameras for ever: the fitted in random order, and after each one between it and another."""
        while True:
            for number in rng.permutation(len(self.fitted)):
                camera = self.fitted[int(number)]
                yield camera
                yield self._between(camera, rng)

    def _between(self, camera: Camera, rng: np.random.Generator) -> Camera:
        """Put a camera between one and a neighbour of it; without neighbours return it."""
        axis = camera.world_to_camera[2, :3]
        near = [
            (float(np.linalg.norm(other.position - camera.position)), number)
            for number, other in enumerate(self.fitted)
            if other is not camera and other.world_to_camera[2, :3] @ axis > _LEAST_COSINE
        ]
        share, pick = rng.random(), rng.random()  # drawn in any case: the order doesn't depend on poses
        if not near:
            return camera
        choices = sorted(near)[:_NEIGHBOURS]
        return camera_between(camera, self.fitted[choices[int(pick * len(choices))][1]], share)


def split_views(
    tensors: AnchorTensors, cameras: Sequence[Camera], background: Background
) -> BakeViews:
    """Hold out the test views, or every eighth.

    Raises
    ------
    SceneError
        There are no cameras.
    """
    if not cameras:
        raise SceneError("there are no cameras; expected at least one")
    judged = held_out(list(cameras))
    names = {id(camera) for camera in judged}
    fitted = [camera for camera in cameras if id(camera) not in names] or cameras
    return BakeViews(tensors, spread_views(fitted, MOST_FITTED), spread_views(judged, MOST_JUDGED), background)


def camera_between(first: Camera, second: Camera, share: float) -> Camera:
    """Return the first camera moved and turned by a share of the way to the second."""
    mixed = (1 - share) * first.world_to_camera[:3, :3] + share * second.world_to_camera[:3, :3]
    left, _, right = np.linalg.svd(mixed)
    rotation = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right  # the nearest
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ ((1 - share) * first.position + share * second.position)
    return replace(first, world_to_camera=pose)
