"""What the PointNet++ asks of an arithmetic beyond what the entropy model does (`model.arithmetic`).

Between layers, features of a level's points are kept as a *stack*: int16 in the exact arithmetic, which holds
every activation (`LIMIT`), so that a million points' take a quarter of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.arithmetic import Arithmetic, Array, ExactArithmetic
from hemgs_codec.model.units import UNIT

Rows = slice | npt.NDArray[Any]
"""Rows of a stack: a slice, or NumPy indices of any shape."""


class PointArithmetic(Arithmetic, Protocol):
    """What the PointNet++ asks of an arithmetic."""

    breadth: int
    """How many chunks of a processor's size are computed at once."""

    def fixed(self, values: npt.NDArray[np.int16]) -> Array:
        """Turn a plan's integers in 1/1024 into activations."""

    def stack(self, parts: Iterable[Array]) -> Array:
        """Join activations (n_i, H) of consecutive points into a stack (N, H)."""

    def pick(self, stack: Array, rows: Rows) -> Array:
        """Activations (…, H) of rows of a stack."""

    def largest(self, x: Array) -> Array:
        """Maximum over the group of (n, k, H)."""

    def blend(self, x: Array, shares: Array) -> Array:
        """Mean over parents of (n, k, H) with weights (n, k) that sum to 1."""


class PointIntegers(ExactArithmetic):
    """Integer twin on NumPy or torch float64."""

    breadth = 1

    def fixed(self, values: npt.NDArray[np.int16]) -> Array:
        """See `PointArithmetic`."""
        return self.array(values.astype(np.float64))

    def stack(self, parts: Iterable[Array]) -> Array:
        """See `PointArithmetic`."""
        if self.is_torch:
            return self.xp.cat([part.to(self.xp.int16) for part in parts])
        return np.concatenate([part.astype(np.int16) for part in parts])

    def pick(self, stack: Array, rows: Rows) -> Array:
        """See `PointArithmetic`."""
        if self.is_torch:
            return stack[rows if isinstance(rows, slice) else self.array(rows.astype(np.int64))].double()
        return stack[rows].astype(np.float64)

    def largest(self, x: Array) -> Array:
        """See `PointArithmetic`."""
        return self._max_edges(x)

    def blend(self, x: Array, shares: Array) -> Array:
        """See `PointArithmetic`."""
        return self._floor(self._sum_edges(x, shares) * (1 / UNIT))
