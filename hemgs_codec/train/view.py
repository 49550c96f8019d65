"""One training view: what is drawn, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from hemgs_codec.anchors.neural import AnchorTensors, NeuralGaussians
from hemgs_codec.anchors.render import backend_of, draw_anchors
from hemgs_codec.render.autograd import Background
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


def look(tensors: AnchorTensors, camera: Camera, photo: UInt8Array, background: Background) -> Seen:
    """Draw a view and compare it with its photo: 0.8 L1 + 0.2 (1 - SSIM), and the volume of Gaussians."""
    gaussians, image = draw_anchors(tensors, camera, background, backend=backend_of(tensors))
    volume = torch.exp(gaussians.log_scales.sum(dim=1)).mean() if len(gaussians.slots) else image.sum() * 0
    target = np.ascontiguousarray(photo, dtype=np.float32) / np.float32(255)
    return Seen(gaussians, image, loss_against(image, target) + VOLUME_WEIGHT * volume)
