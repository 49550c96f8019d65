"""Correct colours for what was taken away: one step of least squares, without a line search.

An image is linear in the Gaussians' colours, with blending weights that sum to at most 1 in a pixel. So the
squared error lies below a paraboloid whose curvature by each colour is the sum of its weights (Jensen), and a
step to its minimum never makes the error larger, however many Gaussians overlap.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.compact.measure import Measured
from hemgs_codec.scene import GaussianScene

_C0 = 0.28209479177387814  # as in render.colour
_LEAST_WEIGHT = 1e-3  # pixels: what is seen less keeps its colour, nearly


def correct_colours(scene: GaussianScene, measured: Measured) -> GaussianScene:
    """Return the scene with DC colours one step nearer to the references that it was measured against."""
    step = measured.by_colour / np.maximum(measured.weights, _LEAST_WEIGHT)[:, None]
    return replace(scene, sh0=(scene.sh0 - step / _C0).astype(np.float32))
