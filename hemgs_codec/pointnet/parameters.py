"""Float parameters of a PointNet++, and how they are frozen: as a fit's, but to finer steps.

Its weights ship with the package and cost a file nothing, so they are as fine as 16 bits let them be.
"""

from __future__ import annotations

import math

import torch

from hemgs_codec.fit.freeze import freeze_matrices
from hemgs_codec.fit.parameters import WEIGHT_STEP_SHARE, Parameters
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.frozen import PARAMETER_LIMIT
from hemgs_codec.pointnet.frozen import FrozenPointNet
from hemgs_codec.pointnet.spec import PointNetSpec


def initial_parameters(spec: PointNetSpec, generator: torch.Generator) -> Parameters:
    """Return the parameters a training starts from: uniform, of variance 1 / fan_in; biases 0."""
    names: list[str] = []
    values: list[torch.Tensor] = []
    owners: list[torch.Tensor] = []
    matrices = spec.matrices()
    for number, (name, (fan_in, fan_out)) in enumerate(matrices.items()):
        w = (torch.rand((fan_in, fan_out), generator=generator) * 2 - 1) * math.sqrt(3 / fan_in)
        names += [f"{name}.w", f"{name}.b"]
        values += [w, torch.zeros(fan_out)]
        owners += [torch.full((w.numel(),), number), torch.full((fan_out,), -1)]
    return Parameters(
        network=torch.cat([v.flatten() for v in values]).requires_grad_(),
        grid=torch.zeros((0, 1)).requires_grad_(),
        names=names,
        shapes=[tuple(v.shape) for v in values],
        matrix=torch.cat(owners),
        num_matrices=len(matrices),
        step_shares=torch.full((len(matrices),), WEIGHT_STEP_SHARE),
    )


def finest_steps(parameters: Parameters) -> torch.Tensor:
    """Return the finest power-of-two step (matrices,) that holds each matrix's weights in 16 bits."""
    is_weight = parameters.matrix >= 0
    largest = torch.zeros(parameters.num_matrices, device=parameters.matrix.device).scatter_reduce_(
        0, parameters.matrix[is_weight], parameters.network.detach()[is_weight].abs(), "amax"
    )
    return torch.exp2(torch.log2(largest / PARAMETER_LIMIT).ceil().clamp(-MAX_SHIFT, 0))


def freeze_point_net(spec: PointNetSpec, parameters: Parameters, steps: torch.Tensor) -> FrozenPointNet:
    """Round parameters to integers, weights to the steps (matrices,) of their matrices."""
    return FrozenPointNet(spec, *freeze_matrices(list(spec.matrices()), parameters, steps))
