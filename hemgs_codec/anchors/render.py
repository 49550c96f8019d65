"""An anchor scene as seen from a camera."""

from __future__ import annotations

import torch

from hemgs_codec.anchors.neural import AnchorTensors, NeuralGaussians, neural_gaussians
from hemgs_codec.render.autograd import Background, render_coloured_tensors
from hemgs_codec.render.backends import Backend
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import Float32Array


def backend_of(tensors: AnchorTensors) -> Backend:
    """Return the renderer of the device that a scene is on."""
    return "cuda" if tensors.anchors.device.type == "cuda" else "cpu"


def draw_anchors(
    tensors: AnchorTensors,
    camera: Camera,
    background: Background = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> tuple[NeuralGaussians, torch.Tensor]:
    """Return the Gaussians that the networks make for a camera, and their image (H, W, 3), with gradients."""
    g = neural_gaussians(tensors, camera.position)
    image, _ = render_coloured_tensors(
        g.means, g.log_scales, g.quats, g.opacity_logits, g.colours, camera, background, backend=backend
    )
    return g, image


@torch.no_grad()
def render_anchors(
    tensors: AnchorTensors,
    camera: Camera,
    background: Background = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> Float32Array:
    """Render an anchor scene to an image (H, W, 3), as `render` does."""
    return draw_anchors(tensors, camera, background, backend=backend)[1].cpu().numpy()
