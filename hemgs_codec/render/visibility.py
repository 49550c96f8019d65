"""How much of an image each Gaussian is: its blending weights, summed over pixels."""

from __future__ import annotations

import numpy as np

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.gradients import Float64Array
from hemgs_codec.render.splats import Splats, SplatView
from hemgs_codec.scene import GaussianScene


def visibility(scene: GaussianScene, camera: Camera) -> Float64Array:
    """Return the pixels (N,) float64 that Gaussians fill, after what is in front of them.

    Their sum is the sum of the image's alpha. The weights are the gradients of the image by the colours,
    which is how they are computed here; colours play no part.
    """
    black = np.zeros((scene.num_gaussians, 3), np.float32)
    splats = Splats(scene.means, scene.log_scales, scene.quats, scene.opacity_logits, black)
    ones = np.ones((camera.height, camera.width, 3), np.float32)
    return SplatView(splats, camera).gradients(ones).colours[:, 0]
