"""The renderer inside torch: tensors in, differentiable images out, on either backend.

On the CPU two steps, each with a way back of its own: harmonics to colours, and coloured splats to an image.
A network that gives colours takes the place of the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from hemgs_codec.render.backends import Backend, choose_backend
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import Harmonics, colour_gradients, colours_from
from hemgs_codec.render.splats import Splats, SplatView
from hemgs_codec.scene import Float32Array

Background = tuple[float, float, float]


def render_tensors(
    means: torch.Tensor,  # (N, 3)
    log_scales: torch.Tensor,  # (N, 3)
    quats: torch.Tensor,  # (N, 4)
    opacity_logits: torch.Tensor,  # (N,)
    sh0: torch.Tensor,  # (N, 3)
    shN: torch.Tensor,  # (N, K - 1, 3)  # noqa: N803
    camera: Camera,
    background: Background = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Render a scene's arrays.

    Returns
    -------
    image, alpha : (H, W, 3), (H, W) float32
        On the device of ``means``, with gradients by all six tensors.

    Raises
    ------
    SceneError
        The backend can't be used.
    """
    if choose_backend(backend) == "cuda":
        from hemgs_codec.render.cuda import render_cuda

        harmonics = torch.cat([sh0[:, None], shN], dim=1)
        return render_cuda(means, log_scales, quats, opacity_logits, harmonics, camera, background)
    colours = _Colours.apply(means, sh0, shN, camera)  # type: ignore[no-untyped-call]
    return _blended(means, log_scales, quats, opacity_logits, colours, camera, background)


def render_coloured_tensors(
    means: torch.Tensor,  # (N, 3)
    log_scales: torch.Tensor,  # (N, 3)
    quats: torch.Tensor,  # (N, 4)
    opacity_logits: torch.Tensor,  # (N,)
    colours: torch.Tensor,  # (N, 3)
    camera: Camera,
    background: Background = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Render Gaussians that have a plain RGB colour each, blended as it is; otherwise as `render_tensors`."""
    if choose_backend(backend) == "cuda":
        from hemgs_codec.render.cuda import render_cuda

        return render_cuda(means, log_scales, quats, opacity_logits, colours, camera, background)
    return _blended(means, log_scales, quats, opacity_logits, colours, camera, background)


def _blended(*inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:  # as _Image.forward's
    image, alpha = _Image.apply(*inputs)  # type: ignore[no-untyped-call]
    return image, alpha


def _array(tensor: torch.Tensor) -> Float32Array:
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float32).numpy())


def _like(gradient: np.ndarray[Any, Any], tensor: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(gradient)).to(tensor)


class _Colours(torch.autograd.Function):
    """Harmonics to colours (N, 3)."""

    @staticmethod
    def forward(
        ctx: Any,
        means: torch.Tensor,
        sh0: torch.Tensor,
        shN: torch.Tensor,  # noqa: N803
        camera: Camera,
    ) -> torch.Tensor:
        ctx.harmonics = Harmonics(_array(means), _array(sh0), _array(shN))
        ctx.eye, ctx.colours = camera.position, colours_from(ctx.harmonics, camera.position)
        ctx.save_for_backward(means, sh0, shN)
        return torch.from_numpy(ctx.colours).to(means.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        means, sh0, rest = ctx.saved_tensors
        given = _array(by_outputs[0]).astype(np.float64)
        by_mean = np.zeros(ctx.harmonics.means.shape)
        by_sh0, by_rest = colour_gradients(ctx.harmonics, ctx.eye, ctx.colours, given, by_mean)
        return _like(by_mean, means), _like(by_sh0, sh0), _like(by_rest, rest), None


class _Image(torch.autograd.Function):
    """Coloured splats to an image and alpha."""

    @staticmethod
    def forward(
        ctx: Any,
        means: torch.Tensor,
        log_scales: torch.Tensor,
        quats: torch.Tensor,
        opacity_logits: torch.Tensor,
        colours: torch.Tensor,
        camera: Camera,
        background: Background,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = (means, log_scales, quats, opacity_logits, colours)
        ctx.view = SplatView(Splats(*map(_array, inputs)), camera, background)
        ctx.save_for_backward(*inputs)
        image, alpha = torch.from_numpy(ctx.view.image), torch.from_numpy(ctx.view.alpha)
        # copies: the view needs its own image again, and a caller may write into what is returned
        return image.to(means.device, copy=True), alpha.to(means.device, copy=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = ctx.view.gradients(*map(_array, by_outputs))
        gradients = (
            found.means,
            found.log_scales,
            found.quats,
            found.opacity_logits,
            found.colours,
        )
        tensors = ctx.saved_tensors
        return (*(_like(g, t) for g, t in zip(gradients, tensors, strict=True)), None, None)
