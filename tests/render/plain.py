"""A renderer to compare with: torch float64, Gaussian after Gaussian over the whole image."""

from __future__ import annotations

import math

import torch

from hemgs_codec.render import Camera
from hemgs_codec.scene import GaussianScene

FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN")
Tensors = dict[str, torch.Tensor]


def tensors_of(scene: GaussianScene) -> Tensors:
    return {name: torch.from_numpy(getattr(scene, name)).double().requires_grad_() for name in FIELDS}


def harmonics(d: torch.Tensor) -> torch.Tensor:
    """Return real spherical harmonics of degrees 1 to 3 (N, 15), by Legendre polynomials."""
    x, y, z = d.unbind(1)
    one = torch.ones_like(z)
    legendre = {
        (1, 0): z,
        (1, 1): one,
        (2, 0): (3 * z**2 - 1) / 2,
        (2, 1): 3 * z,
        (2, 2): 3 * one,
        (3, 0): (5 * z**3 - 3 * z) / 2,
        (3, 1): (15 * z**2 - 3) / 2,
        (3, 2): 15 * z,
        (3, 3): 15 * one,
    }
    around = {0: (one, 0 * one)}  # (x + iy)^m
    for m in range(1, 4):
        real, imaginary = around[m - 1]
        around[m] = (real * x - imaginary * y, real * y + imaginary * x)
    columns = []
    for degree in range(1, 4):
        for order in range(-degree, degree + 1):
            m = abs(order)
            norm = (2 * degree + 1) / (4 * math.pi) * math.factorial(degree - m) / math.factorial(degree + m)
            factor = math.sqrt(norm) * (1 if m == 0 else math.sqrt(2) * (-1) ** m)
            columns.append(factor * legendre[degree, m] * around[m][order < 0])
    return torch.stack(columns, dim=1)


def rotations(quats: torch.Tensor) -> torch.Tensor:
    w, x, y, z = (quats / quats.norm(dim=1, keepdim=True)).unbind(1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
    ]
    return torch.stack(rows, dim=1)


def plain_render(
    t: Tensors, camera: Camera, background: tuple[float, float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the image (H, W, 3) and alpha (H, W)."""
    pose = torch.from_numpy(camera.world_to_camera)
    seen = t["means"] @ pose[:3, :3].T + pose[:3, 3]
    axes = rotations(t["quats"]) * t["log_scales"].exp()[:, None]
    covariance = pose[:3, :3] @ (axes @ axes.transpose(1, 2)) @ pose[:3, :3].T
    direction = t["means"] - torch.from_numpy(camera.position)
    direction = direction / direction.norm(dim=1, keepdim=True)
    colour = 0.5 + t["sh0"] / math.sqrt(4 * math.pi)
    basis = harmonics(direction)[:, : t["shN"].shape[1]]
    colour = (colour + torch.einsum("nk,nkc->nc", basis, t["shN"])).clamp(min=0)
    opacity = t["opacity_logits"].sigmoid()
    slope = seen[:, :2] / seen[:, 2:]
    focal = torch.tensor([camera.fx, camera.fy]).double()
    middle, size = torch.tensor([camera.cx, camera.cy]), torch.tensor([camera.width, camera.height])
    clamped = torch.clamp(slope, (-middle - 0.15 * size) / focal, (1.15 * size - middle) / focal)
    y, x = torch.meshgrid(torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij")
    image = torch.zeros((camera.height, camera.width, 3), dtype=torch.float64)
    light = torch.ones((camera.height, camera.width), dtype=torch.float64)
    going = torch.ones_like(light, dtype=torch.bool)
    for i in torch.argsort(seen[:, 2].detach(), stable=True).tolist():
        depth = seen[i, 2]
        if depth <= 0.01:
            continue
        jacobian = torch.cat([torch.diag(focal), -(focal * clamped[i])[:, None]], dim=1) / depth
        inverse = torch.linalg.inv(jacobian @ covariance[i] @ jacobian.T + 0.3 * torch.eye(2))
        off = torch.stack([x, y], dim=-1) - (focal * slope[i] + middle)
        alpha = opacity[i] * torch.exp(-0.5 * torch.einsum("hwi,ij,hwj->hw", off, inverse, off))
        alpha = alpha.clamp(max=0.999)
        going = going & (light * (1 - alpha * (alpha >= 1 / 255)) > 1e-4)
        alpha = alpha * ((alpha >= 1 / 255) & going)
        image = image + (light * alpha)[..., None] * colour[i]
        light = light * (1 - alpha)
    return image + light[..., None] * torch.tensor(background), 1 - light
