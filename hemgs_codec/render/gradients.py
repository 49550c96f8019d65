"""Gradients of a loss by all of a scene's parameters, from its gradient by the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import colour_gradients, colours_from
from hemgs_codec.render.splats import Splats, SplatView
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gradients:
    """Gradients by a scene's arrays, named and shaped like them, float64."""

    means: Float64Array
    log_scales: Float64Array
    quats: Float64Array
    opacity_logits: Float64Array
    sh0: Float64Array
    shN: Float64Array  # noqa: N815  as in GaussianScene


class View:
    """A scene seen from a camera: its image, and the way back.

    Attributes
    ----------
    image, alpha : (H, W, 3), (H, W) float32
        As `render` returns them.
    scene
        What was asked for.
    splats : SplatView
        The same view of the scene's Gaussians in the colours that they have from there.
    """

    def __init__(
        self, scene: GaussianScene, camera: Camera, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        self.scene = scene
        colours = colours_from(scene, camera.position)
        splats = Splats(scene.means, scene.log_scales, scene.quats, scene.opacity_logits, colours)
        self.splats = SplatView(splats, camera, background)
        self.image, self.alpha = self.splats.image, self.splats.alpha

    def gradients(self, by_image: Float32Array, by_alpha: Float32Array | None = None) -> Gradients:
        """Return gradients by the scene from those by the image (H, W, 3) and by alpha (H, W)."""
        given = self.splats.gradients(by_image, by_alpha)
        eye, colours = self.splats.camera.position, self.splats.splats.colours
        by_sh0, by_rest = colour_gradients(self.scene, eye, colours, given.colours, given.means)
        return Gradients(given.means, given.log_scales, given.quats, given.opacity_logits, by_sh0, by_rest)
