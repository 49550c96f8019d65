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
    """Differentiable twin; stacks are tensors like any other."""

    def fixed(self, values: npt.NDArray[np.int16]) -> Array:
        """See `PointArithmetic`."""
        like = next(iter(self.parameters.values()))
        return torch.from_numpy(values).to(like.device, like.dtype) / UNIT

    def stack(self, parts: Iterable[Array]) -> Array:
        """See `PointArithmetic`."""
        return torch.cat(list(parts))

    def pick(self, stack: Array, rows: Rows) -> Array:
        """See `PointArithmetic`."""
        if isinstance(rows, slice):
            return stack[rows]
        return torch.nn.functional.embedding(torch.from_numpy(rows.astype(np.int64)).to(stack.device), stack)

    def largest(self, x: Array) -> Array:
        """See `PointArithmetic`."""
        return x.amax(1)

    def blend(self, x: Array, shares: Array) -> Array:
        """See `PointArithmetic`."""
        return (x * shares[..., None]).sum(1)
