"""Gradients of a loss by all of a scene's parameters, from its gradient by the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.blend import blend_gradients, rasterise
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import colour_gradients, colours_from
from hemgs_codec.render.projection import Ellipses, opacities_of, project, projection_gradients
from hemgs_codec.render.tiles import Tiles, bin_tiles
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
    scene, camera, background
        What was asked for.
    opacities, colours, ellipses, tiles
        What the image is made of: see `opacities_of`, `colours_from`, `project`, `bin_tiles`.
    """

    def __init__(
        self, scene: GaussianScene, camera: Camera, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        self.scene, self.camera = scene, camera
        self.background = np.asarray(background, dtype=np.float32)
        self.opacities = opacities_of(scene)
        self.ellipses: Ellipses = project(scene, self.opacities, camera)
        self.colours = colours_from(scene, camera.position)
        self.tiles: Tiles = bin_tiles(self.ellipses, camera.width, camera.height)
        self.image, self._light = rasterise(
            self.ellipses, self.opacities, self.colours, self.tiles, camera.width, camera.height
        )
        self.image += self._light[..., None] * self.background
        self.alpha = 1.0 - self._light

    def gradients(self, by_image: Float32Array, by_alpha: Float32Array | None = None) -> Gradients:
        """Return gradients by the scene from those by the image (H, W, 3) and by alpha (H, W)."""
        scene, camera = self.scene, self.camera
        rest = (self.image * by_image).sum(axis=2)
        if by_alpha is not None:
            rest -= self._light * by_alpha
        given = blend_gradients(
            self.ellipses, self.opacities, self.colours, self.tiles, np.ascontiguousarray(by_image), rest
        )
        by_mean, by_log_scale, by_quat = projection_gradients(scene, camera, self.ellipses, given)
        by_sh0, by_rest = colour_gradients(scene, camera.position, self.colours, given[:, 6:9], by_mean)
        opacity = self.opacities.astype(np.float64)
        by_logit = given[:, 5] * opacity * (1 - opacity)
        return Gradients(by_mean, by_log_scale, by_quat, by_logit, by_sh0, by_rest)
