"""The rate of a minibatch, differentiable."""

from __future__ import annotations

import torch

_ESCAPE = 2.0**-14  # the tables' escape weight: what the tails of a Gaussian are mixed with
_TAIL = 2.0**-20  # least probability of a table entry


def gaussian_bits(
    value: torch.Tensor, mean: torch.Tensor, log2_sigma: torch.Tensor, step: torch.Tensor
) -> torch.Tensor:
    """Bits of the bin of width ``step`` about ``value`` under a Gaussian whose sigma the tables can have."""
    # σ's range is that of the tables: 2**-4 .. 2**11.9 steps
    sigma = torch.exp2(torch.clamp(log2_sigma - torch.log2(step), -4.0, 11.9)) * step
    distance = (value - mean).abs()
    upper = torch.special.ndtr((step / 2 - distance) / sigma)
    lower = torch.special.ndtr((-step / 2 - distance) / sigma)
    return -torch.log2((upper - lower) * (1 - _ESCAPE) + _TAIL)
