"""The arithmetic that the PointNet++ is trained with: floats, differentiable (see `arithmetic`)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.model.arithmetic import Array
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.units import UNIT
from hemgs_codec.pointnet.arithmetic import Rows


class PointFloats(FloatArithmetic):
    """Differentiable twin; stacks are tensors like any other. A plan may be tensors, too."""

    def __init__(self, parameters: dict[str, torch.Tensor]) -> None:
        super().__init__(parameters)
        on_cpu = next(iter(parameters.values())).device.type == "cpu"
        self.breadth = 1 if on_cpu else 1 << 12  # others have no caches to stay in, and launches cost

    def fixed(self, values: npt.NDArray[np.int16]) -> Array:
        """See `PointArithmetic`."""
        like = next(iter(self.parameters.values()))
        return torch.as_tensor(values, device=like.device).to(like.dtype) / UNIT

    def stack(self, parts: Iterable[Array]) -> Array:
        """See `PointArithmetic`."""
        return torch.cat(list(parts))

    def pick(self, stack: Array, rows: Rows) -> Array:
        """See `PointArithmetic`."""
        if isinstance(rows, slice):
            return stack[rows]
        return torch.nn.functional.embedding(torch.as_tensor(rows, device=stack.device), stack)

    def largest(self, x: Array) -> Array:
        """See `PointArithmetic`."""
        return x.amax(1)

    def blend(self, x: Array, shares: Array) -> Array:
        """See `PointArithmetic`."""
        return (x * shares[..., None]).sum(1)
