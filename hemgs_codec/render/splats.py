"""Gaussians with a plain colour each: their image from a camera, and the way back.

Where colours come from (harmonics of a scene, a network) is the caller's, and so are gradients beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.blend import rasterise
from hemgs_codec.render.blend_back import blend_gradients
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.projection import Ellipses, opacities_of, project
from hemgs_codec.render.projection_back import projection_gradients
from hemgs_codec.render.strokes import write_strokes
from hemgs_codec.render.tiles import Tiles, bin_tiles
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Splats:
    """N Gaussians, float32 and C-contiguous: shapes as in `GaussianScene`, and colours.

    Attributes
    ----------
    means, log_scales, quats, opacity_logits : (N, 3), (N, 3), (N, 4), (N,)
    colours : (N, 3)
        RGB as it is blended.
    """

    means: Float32Array
    log_scales: Float32Array
    quats: Float32Array
    opacity_logits: Float32Array
    colours: Float32Array


@dataclass(frozen=True)
class SplatGradients:
    """Gradients by the arrays of `Splats`, named and shaped like them, float64."""

    means: Float64Array
    log_scales: Float64Array
    quats: Float64Array
    opacity_logits: Float64Array
    colours: Float64Array


class SplatView:
    """Splats seen from a camera.

    Attributes
    ----------
    image, alpha : (H, W, 3), (H, W) float32
        As `render` returns them.
    splats, camera, background
        What was asked for.
    opacities, ellipses, strokes, tiles
        What the image is made of: see `opacities_of`, `project`, `write_strokes`, `bin_tiles`.
    """

    def __init__(
        self, splats: Splats, camera: Camera, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        self.splats, self.camera = splats, camera
        self.background = np.asarray(background, dtype=np.float32)
        self.opacities = opacities_of(splats)
        self.ellipses: Ellipses = project(splats, self.opacities, camera)
        self.strokes = write_strokes(self.ellipses, self.opacities, splats.colours)
        self.tiles: Tiles = bin_tiles(self.ellipses, self.strokes, camera.width, camera.height)
        self.image, self._light = rasterise(
            self.strokes, self.tiles, camera.width, camera.height, self.background
        )
        self.alpha = 1.0 - self._light

    def gradients(self, by_image: Float32Array, by_alpha: Float32Array | None = None) -> SplatGradients:
        """Return gradients by the splats from those by the image (H, W, 3) and by alpha (H, W)."""
        given = blend_gradients(
            self.ellipses,
            self.strokes,
            self.tiles,
            self.image,
            self._light,
            np.ascontiguousarray(by_image),
            np.ascontiguousarray(by_alpha) if by_alpha is not None else None,
        )
        shapes = projection_gradients(self.splats, self.camera, self.ellipses, given)
        opacities = self.opacities.astype(np.float64)
        return SplatGradients(*shapes, given[:, 5] * opacities * (1.0 - opacities), given[:, 6:])
