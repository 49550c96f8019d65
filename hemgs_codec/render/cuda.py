"""Render on a GPU with gsplat, differentiably. Not imported where there is none."""

from __future__ import annotations

import torch
from gsplat import rasterization

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.projection import BLUR, NEAR


def render_cuda(
    means: torch.Tensor,  # (N, 3)
    log_scales: torch.Tensor,  # (N, 3)
    quats: torch.Tensor,  # (N, 4)
    opacity_logits: torch.Tensor,  # (N,)
    colours: torch.Tensor,  # (N, 3) RGB, or (N, K, 3) harmonics
    camera: Camera,
    background: tuple[float, float, float],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return image (H, W, 3) and alpha (H, W) on the device that the tensors came from."""
    if not len(means):  # gsplat's kernels divide by the number of Gaussians
        shape = (camera.height, camera.width)
        image = torch.tensor(background, device=means.device).expand(*shape, 3) + means.sum() * 0
        return image, torch.zeros(shape, device=means.device)

    def ours(values: torch.Tensor) -> torch.Tensor:
        return values.to("cuda", torch.float32)

    intrinsics = [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]]
    sh_degree = None if colours.ndim == 2 else round(colours.shape[1] ** 0.5) - 1
    images, alphas, _ = rasterization(
        ours(means),
        ours(quats),
        ours(log_scales).exp(),
        ours(opacity_logits).sigmoid(),
        ours(colours),
        ours(torch.from_numpy(camera.world_to_camera))[None],
        ours(torch.tensor(intrinsics))[None],
        camera.width,
        camera.height,
        near_plane=NEAR,
        eps2d=BLUR,
        sh_degree=sh_degree,
        packed=False,
        backgrounds=torch.tensor([background], dtype=torch.float32, device="cuda"),
        rasterize_mode="classic",
    )
    return images[0].to(means.device), alphas[0, ..., 0].to(means.device)
