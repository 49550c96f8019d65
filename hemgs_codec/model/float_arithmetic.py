"""The arithmetic that networks are fitted with: floats, differentiable (see `arithmetic`)."""

from __future__ import annotations

import torch

from hemgs_codec.model.arithmetic import Array
from hemgs_codec.model.units import LIMIT, UNIT

MOST = LIMIT / UNIT
"""Where activations are clamped."""


class FloatArithmetic:
    """Differentiable twin: parameters are float tensors by name.

    It clamps where integers are clamped: a fit that leaves their range would code with other numbers than it
    was fitted with. It does so by `hardtanh`, whose gradient is one pass and `clamp`'s four.
    """

    def __init__(self, parameters: dict[str, torch.Tensor]) -> None:
        self.parameters = parameters

    def linear(
        self,
        name: str,
        x: Array,
        *,
        relu: bool = False,
        wide: bool = False,
    ) -> Array:
        """See `Arithmetic`."""
        y = torch.nn.functional.linear(x, self.parameters[f"{name}.w"].T, self.parameters[f"{name}.b"])
        return y if wide else self.clamped(y, relu=relu)

    def clamped(self, x: Array, *, relu: bool = False) -> Array:
        """Clamp as integers are clamped: activations to what 16 bits hold."""
        return torch.nn.functional.hardtanh(x, 0.0 if relu else -MOST, MOST)

    def concat(self, parts: list[Array]) -> Array:
        """See `Arithmetic`."""
        return torch.cat(parts, dim=-1)

    def join_relu(self, rows: Array, query: Array, edge: Array) -> Array:
        """See `Arithmetic`."""
        return self.clamped(rows + query[:, None] + edge, relu=True)

    def mean(self, x: Array, present: Array) -> Array:
        """See `Arithmetic`."""
        total = (present[:, None] @ x)[:, 0]
        return total / present.sum(1, keepdim=True).clamp(min=1)

    def attend(self, score: Array, values: Array, present: Array) -> Array:
        """See `Arithmetic`."""
        masked = score + (present[..., None] - 1) * 1e4
        top = masked.amax(1, keepdim=True).detach()
        weight = torch.exp2((masked - top).clamp(min=-15.9)) * present[..., None]
        total = weight.sum(1).clamp(min=1e-9)
        return ((weight.transpose(1, 2) @ values) / total[..., None]).flatten(1)

    def skip(self, name: str, attended: Array) -> Array:
        """See `Arithmetic`."""
        w = self.parameters[f"{name}.w"]
        return (attended.reshape(len(attended), *w.shape) * w).sum(1)

    def halve(self, x: Array) -> Array:
        """See `Arithmetic`."""
        return x / 2
