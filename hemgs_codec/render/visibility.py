"""How much of an image each Gaussian is: its blending weights, summed over pixels."""

from __future__ import annotations

import numpy as np

from hemgs_codec.render.blend import blend_gradients
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.gradients import Float64Array
from hemgs_codec.render.projection import opacities_of, project
from hemgs_codec.render.tiles import bin_tiles
from hemgs_codec.scene import GaussianScene


def visibility(scene: GaussianScene, camera: Camera) -> Float64Array:
    """Return the pixels (N,) float64 that Gaussians fill, after what is in front of them.

    Their sum is the sum of the image's alpha. The weights are the gradients of the image by the colours,
    which is how they are computed here; colours play no part.
    """
    opacities = opacities_of(scene)
    ellipses = project(scene, opacities, camera)
    tiles = bin_tiles(ellipses, camera.width, camera.height)
    colours = np.zeros((scene.num_gaussians, 3), np.float32)
    ones = np.ones((camera.height, camera.width, 3), np.float32)
    rest = np.zeros((camera.height, camera.width), np.float32)
    return blend_gradients(ellipses, opacities, colours, tiles, ones, rest)[:, 6]
