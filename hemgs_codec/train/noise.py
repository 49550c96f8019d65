"""Quantisation noise of fixed steps: what a scene is trained with before it has an entropy model.

The steps are those that renders ask for at the reference λ, one for each kind of value, measured once: a
constant would presume how large features are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.sensitivity import squared_derivatives, wanted_weights
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.parameters import SceneParameters

KINDS = ("features", "log_scales", "offsets")
MOST_STEPS = {"features": 4.0, "log_scales": 0.5, "offsets": 1.0}
"""However little is seen of an anchor in training views: others may see more."""


def measure_steps(
    parameters: SceneParameters,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    generator: torch.Generator,
) -> dict[str, float]:
    """Return a step for each kind of value."""
    leaves = {kind: parameters.leaves[kind].detach() for kind in KINDS}
    flat = torch.cat([leaf.flatten() for leaf in leaves.values()])

    def make() -> tuple[torch.Tensor, AnchorTensors]:
        leaf = flat.clone().requires_grad_()
        parts = torch.split(leaf, [v.numel() for v in leaves.values()])
        values = {kind: part.view(leaves[kind].shape) for kind, part in zip(KINDS, parts, strict=True)}
        return leaf, parameters.tensors(values)

    squares = squared_derivatives(make, cameras, background, generator)
    weights = torch.split(
        wanted_weights(squares, parameters.num_values), [v.numel() for v in leaves.values()]
    )
    steps = {}
    for kind, part in zip(KINDS, weights, strict=True):
        octaves = -0.5 * torch.log2(part + MOST_STEPS[kind] ** -2.0)
        steps[kind] = float(torch.exp2(octaves.mean()))
    return steps


def noisy_values(
    parameters: SceneParameters, steps: dict[str, float], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Return the scene's values with uniform noise as wide as the steps."""
    values = {}
    for kind in KINDS:
        leaf = parameters.leaves[kind]
        noise = torch.rand(leaf.shape, generator=generator).to(leaf) - 0.5
        values[kind] = leaf + steps[kind] * noise
    return values
