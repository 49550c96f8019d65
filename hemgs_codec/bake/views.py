"""The views of a baking: those it is fitted to, and those it is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.render import render_anchors
from hemgs_codec.cameras import held_out
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.metrics.psnr import psnr
from hemgs_codec.render import render
from hemgs_codec.render.autograd import Background
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import eight_bit
from hemgs_codec.scene import Float32Array, GaussianScene
from hemgs_format.errors import SceneError

MOST_FITTED, MOST_JUDGED = 128, 32
"""Views at most."""


@dataclass(frozen=True)
class BakeViews:
    """Cameras by their use, and what should be seen from them: renders of the anchor scene.

    Attributes
    ----------
    fitted, judged : tuple of Camera
        Disjoint, but where all would be held out.
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
        """Yield fitted cameras for ever, all of them before one comes again."""
        while True:
            yield from (self.fitted[int(number)] for number in rng.permutation(len(self.fitted)))


def split_views(tensors: AnchorTensors, cameras: Sequence[Camera], background: Background) -> BakeViews:
    """Hold out the test views, or every eighth.

    Raises
    ------
    SceneError
        There are no cameras.
    """
    if not cameras:
        raise SceneError("there are no cameras; expected at least one")
    judged = held_out(list(cameras))
    test = {id(camera) for camera in judged}
    fitted = [camera for camera in cameras if id(camera) not in test] or cameras
    return BakeViews(
        tensors, spread_views(fitted, MOST_FITTED), spread_views(judged, MOST_JUDGED), background
    )
