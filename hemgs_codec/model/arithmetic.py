"""Two arithmetics behind one network: floats to fit it (`float_arithmetic`), float64 to code with it.

``predictor.py`` is written once against these operations. In floats an activation is a real number; in
integers it's the same number times 1024, floored and clamped. Integers held in float64 are exact as long as
every partial sum stays below 2**53, whatever the summation order, FMA or library; `check_budget` proves that
for each layer.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.layer_kernels import dense
from hemgs_codec.model.units import (
    LIMIT,
    UNIT,
    UNIT_BITS,
    VALUE_BITS,
    WEIGHTS_PER_OCTAVE,
    attention_table,
)
from hemgs_codec.threads import settle_torch
from hemgs_format.errors import CorruptError

Array = Any
"""A NumPy array or a torch tensor: the exact arithmetic runs the same on both."""

EXACT = 1 << 53
MAX_SHIFT = 20


class Arithmetic(Protocol):
    """What the predictor asks of an arithmetic."""

    def linear(self, name: str, x: Array, *, relu: bool = False, wide: bool = False) -> Array:
        """Return x @ W + b; ``wide`` keeps 2**-16 units and no clamp (means)."""

    def concat(self, parts: list[Array]) -> Array:
        """Join along the last axis."""

    def join_relu(self, rows: Array, query: Array, edge: Array) -> Array:
        """relu(rows + query[:, None] + edge) for context edges (n, k, H)."""

    def mean(self, x: Array, present: Array) -> Array:
        """Mean over the context axis of (n, k, H) where present (n, k); zero where there's none."""

    def attend(self, score: Array, values: Array, present: Array) -> Array:
        """Mean of values (n, k, V) with weights 2**score (n, k, heads) over present edges: (n, heads * V)."""

    def skip(self, name: str, attended: Array) -> Array:
        """Sum over heads of attended (n, heads * V) times W (heads, V), in units of a wide linear."""

    def halve(self, x: Array) -> Array:
        """X / 2."""


class ExactArithmetic:
    """Integer twin on NumPy or torch float64.

    Parameters
    ----------
    weights : dict of str to (fan_in, fan_out) int32
    biases : dict of str to (fan_out,) int32
        In units of 2**-(UNIT_BITS + shift).
    shifts : dict of str to int
        Weights are integers in 2**-shift.
    device : str or None
        None: NumPy. Else a torch device.
    """

    def __init__(
        self,
        weights: dict[str, npt.NDArray[np.int32]],
        biases: dict[str, npt.NDArray[np.int64]],
        shifts: dict[str, int],
        device: str | None = None,
    ) -> None:
        self._device = device
        self.is_torch = device is not None
        # torch takes seconds to import, and decoders may do without
        self.xp: Any = import_module("torch") if self.is_torch else np
        if self.is_torch:
            settle_torch()
        self._weights = {name: self.array(w.astype(np.float64)) for name, w in weights.items()}
        self._biases = {name: self.array(b.astype(np.float64)) for name, b in biases.items()}
        self._shifts = shifts
        self._attention = self.array(attention_table())

    def layer(self, name: str) -> tuple[Array, Array, float]:
        """Return weights (fan_in, fan_out), biases (fan_out,) if any, and what makes units of sums."""
        return self._weights[name], self._biases.get(name), 2.0 ** -self._shifts[name]

    def array(self, values: npt.NDArray[Any]) -> Array:
        """Bring a NumPy array to this arithmetic's device."""
        return self.xp.from_numpy(np.ascontiguousarray(values)).to(self._device) if self.is_torch else values

    def numpy(self, values: Array) -> npt.NDArray[Any]:
        """Bring an array back to NumPy."""
        return values.cpu().numpy() if self.is_torch else values  # type: ignore[no-any-return]

    def _clamp(self, x: Array, low: int) -> Array:
        return x.clamp_(low, LIMIT) if self.is_torch else np.clip(x, low, LIMIT, out=x)

    def _floor(self, x: Array) -> Array:
        return x.floor_() if self.is_torch else np.floor(x, out=x)

    def linear(self, name: str, x: Array, *, relu: bool = False, wide: bool = False) -> Array:
        """See `Arithmetic`."""
        w, b = self._weights[name], self._biases[name]
        scale = 2.0 ** -(self._shifts[name] - (VALUE_BITS - UNIT_BITS if wide else 0))
        rows = x.reshape(-1, x.shape[-1])
        if self.is_torch:
            y = self._floor((rows @ w + b) * scale)
            if not wide:
                y = self._clamp(y, 0 if relu else -LIMIT)
        else:
            low, high = (-np.inf, np.inf) if wide else (0.0 if relu else -float(LIMIT), float(LIMIT))
            y = np.empty((len(rows), w.shape[1]))
            dense(np.ascontiguousarray(rows), w, b, scale, low, high, y)
        return y.reshape(*x.shape[:-1], w.shape[1])

    def concat(self, parts: list[Array]) -> Array:
        """See `Arithmetic`."""
        return self.xp.cat(parts, dim=-1) if self.is_torch else np.concatenate(parts, axis=-1)

    def join_relu(self, rows: Array, query: Array, edge: Array) -> Array:
        """See `Arithmetic`."""
        edge += rows
        edge += query[:, None]
        return self._clamp(edge, 0)

    def mean(self, x: Array, present: Array) -> Array:
        """See `Arithmetic`."""
        total = self._sum_edges(x, present)
        count = present.sum(1)[:, None]
        return self._floor(total / (count + (count == 0)))

    def attend(self, score: Array, values: Array, present: Array) -> Array:
        """See `Arithmetic`; 16 weights an octave, cut off at 2**-16."""
        score = score - (1 - present[..., None]) * float(1 << 20)
        top = self._max_edges(score)
        index = self._floor((top[:, None] - score) * (WEIGHTS_PER_OCTAVE / UNIT))
        if self.is_torch:
            weight = self._attention[index.clamp_(max=255).long()] * present[..., None]
            sums = weight.transpose(1, 2) @ values
        else:
            weight = self._attention[np.minimum(index, 255, out=index).astype(np.intp)] * present[..., None]
            sums = np.matmul(weight.transpose(0, 2, 1), values)
        total = weight.sum(1)
        mean = self._floor(sums / (total + (total == 0))[..., None])
        return mean.reshape(len(mean), -1)

    def skip(self, name: str, attended: Array) -> Array:
        """See `Arithmetic`."""
        w = self._weights[name]
        y = (attended.reshape(len(attended), *w.shape) * w).sum(1)
        return self._floor(y * 2.0 ** -(self._shifts[name] - (VALUE_BITS - UNIT_BITS)))

    def halve(self, x: Array) -> Array:
        """See `Arithmetic`."""
        return self._floor(x / 2)

    def _sum_edges(self, x: Array, present: Array) -> Array:
        if self.is_torch:
            return (present[:, None] @ x)[:, 0]
        return np.matmul(present[:, None], x)[:, 0]

    def _max_edges(self, x: Array) -> Array:
        return x.amax(1) if self.is_torch else x.max(1)


def check_budget(
    weights: dict[str, npt.NDArray[np.int32]],
    biases: dict[str, npt.NDArray[np.int64]],
    shifts: dict[str, int],
) -> None:
    """Prove that no layer can leave the exact range of float64, or raise CorruptError naming the layer.

    A partial sum is at most ``LIMIT * sum |w| + |b|``; wide layers are scaled up by 2**6 afterwards.
    """
    for name, matrix in weights.items():
        if not 0 <= shifts[name] <= MAX_SHIFT:
            raise CorruptError(f"layer {name}: shift {shifts[name]} is not in 0 .. {MAX_SHIFT}")
        worst = int(np.abs(matrix.astype(np.int64)).sum(0).max(initial=0)) * LIMIT
        worst += int(np.abs(biases[name]).max(initial=0)) if name in biases else 0
        if worst << (VALUE_BITS - UNIT_BITS) >= EXACT:
            raise CorruptError(f"layer {name}: sums may reach {worst}, beyond what float64 holds exactly")
