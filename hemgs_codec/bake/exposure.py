"""How much of a view the Gaussian of every slot fills, were it opaque: what its errors there weigh.

Slots that a view doesn't show have a say in the opacity of what stands for them everywhere, so they are drawn
too, nearly transparent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.neural import AnchorTensors, neural_gaussians
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.splats import Splats, SplatView
from hemgs_codec.render.strokes import ALPHA_CUT
from hemgs_codec.scene import Float32Array

LEAST_OPACITY = 0.01
"""Of what a view doesn't show: above the renderer's cut, and hardly in the way of others."""


@torch.no_grad()
def view_exposures(
    tensors: AnchorTensors, cameras: Sequence[Camera], progress: Progress | None = None
) -> Float32Array:
    """Return the pixels (V, S) that each slot in use fills in each view, after what is in front of it.

    S slots, in the order of `neural_gaussians` with a least opacity.
    """
    rows: list[npt.NDArray[np.float32]] = []
    for number, camera in enumerate(cameras, 1):
        g = neural_gaussians(tensors, camera.position, least_opacity=LEAST_OPACITY)
        parts = (g.means, g.log_scales, g.quats, g.opacity_logits, torch.zeros_like(g.colours))
        view = SplatView(Splats(*(np.ascontiguousarray(part.cpu().numpy()) for part in parts)), camera)
        # the gradients by colours are the blending weights, see `visibility`
        drawn = view.gradients(np.ones((camera.height, camera.width, 3), np.float32)).colours[:, 0]
        # the volume of a Gaussian above the cut is proportional to its opacity less the cut
        rows.append((drawn / (view.opacities - ALPHA_CUT)).astype(np.float32))
        if progress is not None:
            progress("look at slots", number, len(cameras))
    return np.stack(rows)
