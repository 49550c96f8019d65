"""The rendering loss inside torch: 0.8 L1 + 0.2 (1 - SSIM); compiled loops on the CPU, torch elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everyone calls it
from torch.autograd.function import once_differentiable

from hemgs_codec.render.loss import SSIM_WEIGHT, rendering_loss
from hemgs_codec.scene import Float32Array

_TAPS, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


class _CompiledLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: torch.Tensor, target: Float32Array) -> torch.Tensor:
        loss, by_image = rendering_loss(np.ascontiguousarray(image.detach().numpy()), target)
        ctx.save_for_backward(torch.from_numpy(by_image))
        return image.new_tensor(loss)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_loss: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.saved_tensors[0] * by_loss, None


def loss_against(image: torch.Tensor, target: Float32Array) -> torch.Tensor:
    """Return the loss () of an image (H, W, 3) against a photo (H, W, 3), both 0 .. 1."""
    if image.device.type == "cpu":
        loss: torch.Tensor = _CompiledLoss.apply(image, target)  # type: ignore[no-untyped-call]
        return loss
    return torch_loss(image, torch.from_numpy(target).to(image))


def torch_loss(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the same loss by torch's convolutions, on any device."""
    place = torch.arange(_TAPS).to(image) - _TAPS // 2
    window = torch.exp(-(place**2) / (2 * _SIGMA**2))
    window = window / window.sum()
    x, y = image.permute(2, 0, 1)[:, None], target.permute(2, 0, 1)[:, None]

    def blur(planes: torch.Tensor) -> torch.Tensor:
        rows = F.conv2d(planes, window[None, None, :, None], padding=(_TAPS // 2, 0))
        return F.conv2d(rows, window[None, None, None, :], padding=(0, _TAPS // 2))

    mx, my = blur(x), blur(y)
    squares = blur(x * x + y * y) - mx * mx - my * my
    product = blur(x * y) - mx * my
    ssim = (2 * mx * my + _C1) * (2 * product + _C2) / ((mx * mx + my * my + _C1) * (squares + _C2))
    return (1 - SSIM_WEIGHT) * (image - target).abs().mean() + SSIM_WEIGHT * (1 - ssim.mean())
