"""The hash grid's differentiable side: anchors' features from entries, by precomputed indices and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.parameters import SignStraightThrough
from hemgs_codec.model.hashgrid import Level, corners, weight_bits


class _Interpolated(torch.autograd.Function):
    """Weighted sums (n, F) of entries (E, F) by index and weight (n, corners).

    The gradient is counted feature by feature: `embedding_bag`'s own takes eight times as long.
    """

    @staticmethod
    def forward(ctx: Any, entries: torch.Tensor, index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(index, weight)
        ctx.num_entries = len(entries)
        return torch.nn.functional.embedding_bag(index, entries, mode="sum", per_sample_weights=weight)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        index, weight = ctx.saved_tensors
        flat = index.flatten()
        columns = [
            torch.bincount(flat, (weight * column[:, None]).flatten(), minlength=ctx.num_entries)
            for column in gradients[0].unbind(1)
        ]
        return torch.stack(columns, dim=1).to(weight.dtype), None, None


class GridFeatures:
    """Interpolated binary entries, as `model.hashgrid.interpolate` has them but in floats.

    Parameters
    ----------
    coords : (N, 3) int64
        Hash coordinates of all anchors.
    """

    def __init__(self, coords: npt.NDArray[np.int64], levels: tuple[Level, ...], device: str) -> None:
        self._blocks: list[tuple[torch.Tensor, torch.Tensor]] = []
        first = 0
        by_size: dict[int, tuple[list[npt.NDArray[np.int32]], list[npt.NDArray[np.float32]]]] = {}
        for level in levels:  # levels of one dimension are neighbours, so blocks keep the order of features
            index, weight = corners(coords, level)
            indices, weights = by_size.setdefault(len(level.axes), ([], []))
            indices.append((index + first).astype(np.int32))
            weights.append((weight * 2.0 ** -weight_bits(level)).astype(np.float32))
            first += level.entries
        for indices, weights in by_size.values():
            block = (torch.from_numpy(np.stack(indices, axis=1)), torch.from_numpy(np.stack(weights, axis=1)))
            self._blocks.append((block[0].to(device), block[1].to(device)))

    def __call__(self, grid: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Features (n, L * F) of anchors ``rows`` (n,) from entries (E, F)."""
        entries: torch.Tensor = SignStraightThrough.apply(grid)  # type: ignore[no-untyped-call]
        parts = [torch.zeros((len(rows), 0), device=grid.device)]
        for index, weight in self._blocks:
            i, w = index[rows], weight[rows]  # (n, levels, corners)
            bags = _Interpolated.apply(entries, i.flatten(0, 1), w.flatten(0, 1))  # type: ignore[no-untyped-call]
            parts.append(bags.reshape(len(rows), -1))
        return torch.cat(parts, dim=1)
