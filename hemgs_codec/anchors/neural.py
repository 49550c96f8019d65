"""Anchors to Gaussians, for one view: the published formulas of Scaffold-GS (SPEC "Anchor profile").

Torch, so that a trainer gets gradients and a GPU is the same code. Nothing here decides a bitstream.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  as everyone calls it

from hemgs_codec.anchors.networks import HEADS, NetworkShape
from hemgs_codec.anchors.scene import AnchorScene

MIN_OPACITY, MAX_OPACITY = 1e-6, 1 - 1e-6
_LENGTH_FLOOR = 1e-9


@dataclass
class AnchorTensors:
    """The arrays of an `AnchorScene` as tensors; masks (N, K) are 0 or 1, or anything with a gradient."""

    anchors: torch.Tensor
    features: torch.Tensor
    log_scales: torch.Tensor
    offsets: torch.Tensor
    masks: torch.Tensor
    shape: NetworkShape
    weights: dict[str, torch.Tensor]
    biases: dict[str, torch.Tensor]


@dataclass
class NeuralGaussians:
    """M Gaussians of one view, as `render_coloured_tensors` takes them.

    Attributes
    ----------
    means, log_scales, quats, opacity_logits, colours : (M, 3), (M, 3), (M, 4), (M,), (M, 3)
    slots : (M,) int64
        anchor * K + slot of each.
    opacities : (N, K)
        What the opacity network said, before masks.
    """

    means: torch.Tensor
    log_scales: torch.Tensor
    quats: torch.Tensor
    opacity_logits: torch.Tensor
    colours: torch.Tensor
    slots: torch.Tensor
    opacities: torch.Tensor


def tensors_of(scene: AnchorScene, device: str = "cpu") -> AnchorTensors:
    """Put a scene on a device."""

    def tensor(array: npt.NDArray[np.float32] | npt.NDArray[np.bool]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)

    return AnchorTensors(
        tensor(scene.anchors),
        tensor(scene.features),
        tensor(scene.log_scales),
        tensor(scene.offsets),
        tensor(scene.masks),
        scene.networks.shape,
        {name: tensor(array) for name, array in scene.networks.weights.items()},
        {name: tensor(array) for name, array in scene.networks.biases.items()},
    )


def neural_gaussians(
    a: AnchorTensors, eye: npt.NDArray[np.float64], *, least_opacity: float | None = None
) -> NeuralGaussians:
    """Make the Gaussians that a camera at ``eye`` (3,) sees, those of positive opacity.

    Parameters
    ----------
    least_opacity
        Make all slots that are in use, of this opacity at least.
    """
    count, slots = len(a.anchors), a.shape.slots
    toward = a.anchors - torch.from_numpy(eye).to(a.anchors)
    distance = toward.norm(dim=1, keepdim=True).clamp(min=_LENGTH_FLOOR)
    view = toward / distance
    features = _mixed(a, view, distance) if a.shape.feature_bank else a.features
    inputs = torch.cat([features, view, distance], dim=1)

    opacities = torch.tanh(_head(a, "opacity", inputs))
    masked = (opacities * a.masks).reshape(-1)
    if least_opacity is not None:
        masked = torch.where(a.masks.reshape(-1) > 0, masked.clamp(min=least_opacity), masked)
    kept = (masked > 0).nonzero().squeeze(1)
    owner = kept // slots
    alive = masked[kept].clamp(MIN_OPACITY, MAX_OPACITY)

    shapes = _head(a, "covariance", inputs).reshape(count * slots, 7)[kept]
    colours = torch.sigmoid(_head(a, "colour", inputs).reshape(count * slots, 3)[kept])
    log_scales = a.log_scales[owner]
    means = a.anchors[owner] + a.offsets.reshape(count * slots, 3)[kept] * torch.exp(log_scales[:, :3])
    return NeuralGaussians(
        means,
        log_scales[:, 3:] + F.logsigmoid(shapes[:, :3]),
        F.normalize(shapes[:, 3:]),
        torch.log(alive) - torch.log1p(-alive),
        colours,
        kept,
        opacities,
    )


def _head(a: AnchorTensors, head: str, inputs: torch.Tensor) -> torch.Tensor:
    sees_distance = a.shape.distances[HEADS.index(head)]
    rows = inputs if sees_distance else inputs[:, :-1]
    return _two_layers(a, head, rows)


def _two_layers(a: AnchorTensors, name: str, rows: torch.Tensor) -> torch.Tensor:
    hidden = torch.relu(torch.addmm(a.biases[f"{name}.hidden"], rows, a.weights[f"{name}.hidden"]))
    return torch.addmm(a.biases[f"{name}.out"], hidden, a.weights[f"{name}.out"])


def _mixed(a: AnchorTensors, view: torch.Tensor, distance: torch.Tensor) -> torch.Tensor:
    """Feature bank: every fourth value four times, every second twice, and all, weighted by the view."""
    share = torch.softmax(_two_layers(a, "bank", torch.cat([view, distance], dim=1)), dim=1)
    width = a.shape.features
    coarse = a.features[:, ::4].repeat(1, 4)[:, :width]
    middle = a.features[:, ::2].repeat(1, 2)[:, :width]
    return coarse * share[:, :1] + middle * share[:, 1:2] + a.features * share[:, 2:]
