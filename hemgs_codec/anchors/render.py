"""An anchor scene as seen from a camera."""

from __future__ import annotations

import torch

from hemgs_codec.anchors.neural import AnchorTensors, neural_gaussians
from hemgs_codec.render.autograd import Background, render_coloured_tensors
from hemgs_codec.render.backends import Backend
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import Float32Array


@torch.no_grad()
def render_anchors(
    tensors: AnchorTensors,
    camera: Camera,
    background: Background = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> Float32Array:
    """Render the Gaussians that the networks make for a camera to an image (H, W, 3), as `render` does."""
    g = neural_gaussians(tensors, camera.position)
    image, _ = render_coloured_tensors(
        g.means, g.log_scales, g.quats, g.opacity_logits, g.colours, camera, background, backend=backend
    )
    return image.cpu().numpy()
