"""One training view: what is drawn, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from hemgs_codec.anchors.neural import AnchorTensors, NeuralGaussians, neural_gaussians
from hemgs_codec.render.autograd import Background, render_coloured_tensors
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_codec.train.loss import loss_against

VOLUME_WEIGHT = 0.01


@dataclass
class Seen:
    """A view's Gaussians, its image (H, W, 3) and its loss."""

    gaussians: NeuralGaussians
    image: torch.Tensor
    loss: torch.Tensor


def draw(
    tensors: AnchorTensors, camera: Camera, background: Background
) -> tuple[NeuralGaussians, torch.Tensor]:
    """Render an anchor scene: its Gaussians from there, and the image (H, W, 3)."""
    gaussians = neural_gaussians(tensors, camera.position)
    image, _ = render_coloured_tensors(
        gaussians.means,
        gaussians.log_scales,
        gaussians.quats,
        gaussians.opacity_logits,
        gaussians.colours,
        camera,
        background,
        backend="cuda" if tensors.anchors.device.type == "cuda" else "cpu",
    )
    return gaussians, image


def look(tensors: AnchorTensors, camera: Camera, photo: UInt8Array, background: Background) -> Seen:
    """Draw a view and compare it with its photo: 0.8 L1 + 0.2 (1 - SSIM), and the volume of Gaussians."""
    gaussians, image = draw(tensors, camera, background)
    volume = torch.exp(gaussians.log_scales.sum(dim=1)).mean() if len(gaussians.slots) else image.sum() * 0
    target = np.ascontiguousarray(photo, dtype=np.float32) / np.float32(255)
    return Seen(gaussians, image, loss_against(image, target) + VOLUME_WEIGHT * volume)
