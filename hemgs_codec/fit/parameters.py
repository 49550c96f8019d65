"""Float parameters of a model, in two flat tensors: an optimiser step touches two and not two hundred."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hemgs_codec.model.frozen import BIAS_BITS, FrozenModel
from hemgs_codec.model.spec import ModelSpec

WEIGHT_STEP_SHARE = 0.4
"""Step of a weight matrix as a share of its rms, rounded to a power of two."""
BIAS_DIFFERENCE_STEP = 2.0**-4
"""Step of what biases differ by from shipped ones."""
_STEP_FLOOR = 2.0**-14
_LEAST_MEAN = 0.01
"""Least mean size of a list's differences that they are priced at: leaving 0 costs 8 bits then."""
_FLAG_SIGMA = -1.5
"""log2 of the first sigma of flags: in their units, most of the time, others begin at 1."""


@dataclass
class Parameters:
    """Parameters of a model.

    Attributes
    ----------
    network : (P,) float32 leaf
        All weight matrices and biases, in file order.
    grid : (E, F) float32 leaf
        All hash-grid entries before binarisation, level after level.
    names, shapes
        Names and shapes of the pieces of ``network``: ``*.w`` (fan_in, fan_out) and ``*.b`` (fan_out,).
    matrix : (P,) int64
        Which list each element belongs to: a matrix, -1 for biases. With a base biases are lists too, after
        the matrices.
    step_shares : (num_matrices,) float32
        Steps of matrices as shares of their rms.
    base : (P,) float32 or None
        Shipped parameters, of which a file holds the differences.
    """

    network: torch.Tensor
    grid: torch.Tensor
    names: list[str]
    shapes: list[tuple[int, ...]]
    matrix: torch.Tensor
    num_matrices: int
    step_shares: torch.Tensor
    base: torch.Tensor | None = None

    def to(self, device: str) -> Parameters:
        """Return the same parameters on a device, leaves anew."""
        return replace(
            self,
            network=self.network.detach().to(device).requires_grad_(),
            grid=self.grid.detach().to(device).requires_grad_(),
            matrix=self.matrix.to(device),
            step_shares=self.step_shares.to(device),
            base=None if self.base is None else self.base.to(device),
        )

    def pieces(self, network: torch.Tensor) -> dict[str, torch.Tensor]:
        """Split a flat tensor like ``network`` into its named pieces."""
        parts = torch.split(network, [math.prod(shape) for shape in self.shapes])
        return {
            name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    def weight_steps(self) -> torch.Tensor:
        """Choose the power-of-two step of every matrix, (num_matrices,)."""
        weights = self.matrix >= 0
        square = torch.zeros(self.num_matrices, device=self.matrix.device).index_add_(
            0, self.matrix[weights], self.network.detach()[weights] ** 2
        )
        count = torch.bincount(self.matrix[weights], minlength=self.num_matrices)
        rms = (square / count.clamp(min=1)).sqrt()
        steps = torch.exp2(torch.log2((rms * self.step_shares).clamp(_STEP_FLOOR, 1.0)).round())
        if self.base is not None:
            steps[self.num_matrices // 2 :] = BIAS_DIFFERENCE_STEP
        return steps

    def quantised(self, steps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Round weights to their steps, straight through; also their bits under a Laplacian per matrix.

        With a base it's the differences that are rounded, and cost bits under a geometric distribution per
        list: a Laplacian's price of leaving 0 is far more than coders take where most stay.

        Returns
        -------
        network : (P,)
        bits : ()
        """
        weights = self.matrix >= 0
        step = torch.where(weights, steps[self.matrix.clamp(min=0)], 1.0)
        base = torch.zeros(()) if self.base is None else self.base
        scaled = (self.network - base) / step
        rounded = torch.where(weights, scaled + (scaled.round() - scaled).detach(), scaled) * step + base
        size = scaled[weights].abs()
        owner = self.matrix[weights]
        total = torch.zeros(self.num_matrices, device=self.matrix.device).index_add_(0, owner, size.detach())
        count = torch.bincount(owner, minlength=self.num_matrices).clamp(min=1)
        if self.base is None:
            mean = (total / count).clamp(min=0.05)
            bits = (size / mean[owner]).sum() * math.log2(math.e) + torch.log2(2 * mean + 0.5)[owner].sum()
        else:  # most are 0
            mean = (total / count).clamp(min=_LEAST_MEAN)
            ratio = ((1 + mean**2).sqrt() - 1) / mean  # P(k) ~ ratio ** abs(k) has this mean
            bits = -(size * ratio.log2()[owner]).sum() + ((1 + ratio) / (1 - ratio)).log2()[owner].sum()
        return rounded, bits


def initial_parameters(
    spec: ModelSpec,
    step_octaves: torch.Tensor,
    generator: torch.Generator,
    step_share: float = WEIGHT_STEP_SHARE,
) -> Parameters:
    """Return the parameters a fit starts from.

    Output layers start at zero, so the first prediction is a unit Gaussian about the attended neighbours,
    with the same steps for all anchors.

    Parameters
    ----------
    step_octaves : (S,)
        log2 of the first steps of all step channels at the reference lambda. They matter: where a step is so
        coarse that all symbols are 0, neither rate nor distortion tells the way back.
    step_share
        `WEIGHT_STEP_SHARE` of the variable-rate predictors.
    """
    first_steps = torch.split(step_octaves, [group.num_steps for group in spec.groups])
    names: list[str] = []
    values: list[torch.Tensor] = []
    owners: list[torch.Tensor] = []
    matrices = spec.matrices()
    for number, (name, (fan_in, fan_out)) in enumerate(matrices.items()):
        group, kind = int(name.split(".")[0]), name.rsplit(".", 1)[-1]
        w = (torch.rand((fan_in, fan_out), generator=generator) * 2 - 1) / math.sqrt(fan_in)
        if kind in ("out", "step"):
            w.zero_()
        if kind == "skip":
            w.fill_(0.7 / fan_in)
        if kind == "score":
            w *= 0.5
            # the last edge feature is half of log2 of the distance: start with weights 1 / distance
            w[-1] = -2.0
        names.append(f"{name}.w")
        values.append(w)
        owners.append(torch.full((w.numel(),), number))
        if kind != "skip":
            names.append(f"{name}.b")
            bias = first_steps[group].clone() if kind == "step" else torch.zeros(fan_out)
            if kind == "out" and spec.groups[group].flags:
                bias[fan_out // 2 :] = _FLAG_SIGMA
            values.append(bias)
            owners.append(torch.full((fan_out,), -1))
    entries = sum(level.entries for level in spec.levels)
    grid = (torch.rand((entries, spec.features), generator=generator) * 2 - 1) * 0.1
    return Parameters(
        network=torch.cat([v.flatten() for v in values]).requires_grad_(),
        grid=grid.requires_grad_(),
        names=names,
        shapes=[tuple(v.shape) for v in values],
        matrix=torch.cat(owners),
        num_matrices=len(matrices),
        step_shares=torch.tensor(
            [step_share if name.endswith(".step") else WEIGHT_STEP_SHARE for name in matrices]
        ),
    )


def parameters_from(base: FrozenModel, fresh: Parameters) -> Parameters:
    """Start from shipped networks instead, hash grid aside; ``fresh`` has the same names and shapes."""
    weights = [name.removesuffix(".w") for name in fresh.names if name.endswith(".w")]
    values, owners = [], []
    for name, shape in zip(fresh.names, fresh.shapes, strict=True):
        layer, kind = name.rsplit(".", 1)
        is_bias = kind == "b"
        integers = base.biases[layer] if is_bias else base.weights[layer]
        step = 2.0 ** -(BIAS_BITS if is_bias else base.shifts[layer])
        values.append(torch.from_numpy((integers * step).astype(np.float32)).flatten())
        number = weights.index(layer) + len(weights) * is_bias
        owners.append(torch.full((math.prod(shape),), number))
    network = torch.cat(values)
    return replace(
        fresh,
        network=network.clone().requires_grad_(),
        matrix=torch.cat(owners),
        num_matrices=2 * len(weights),
        step_shares=torch.cat([fresh.step_shares, fresh.step_shares]),
        base=network,
    )


class SignStraightThrough(torch.autograd.Function):
    """Binary hash entries: +-1 forward, clipped identity backward."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Return the signs, +1 for 0."""
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Pass the gradient on where the entry is within -1 .. 1."""
        x: torch.Tensor = ctx.saved_tensors[0]
        return gradient * (x.abs() <= 1)
