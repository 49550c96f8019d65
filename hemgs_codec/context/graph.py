"""The context graph of a lattice: who comes when and who sees whom (SPEC "Order and contexts")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare
from hemgs_codec.context.neighbours import batches, nearest
from hemgs_codec.context.order import Order, coding_sequence, tiers_of, wave_starts, window_growth
from hemgs_codec.model.units import LIMIT, UNIT, log2_fixed

MAX_VOXEL_SHIFT = 25
"""A voxel is at most the largest extent of a scene."""
_MAX_VOXEL = 30  # a window of such voxels holds every scene; beyond, squares would leave 64 bits
_CHUNK = 1 << 14  # anchors whose log distances are computed at once


@dataclass(frozen=True)
class Graph:
    """A context graph; rows are anchors in coding order (row = rank).

    Attributes
    ----------
    sequence : (N,) int64
        Morton index of each rank.
    neighbours : (N, n) int32
        Ranks of the context, nearest first, -1 where there are fewer than n.
    edges : (N, n, 4) int16
        Relative position in quarter voxels of the window's growth and log distance, in 1/1024.
    geometry : (N, 2) int16
        Window growth and context size, in 1/1024.
    batches : list of (B,) int64
        Ranks of each batch, ascending.
    """

    sequence: npt.NDArray[np.int64]
    neighbours: npt.NDArray[np.int32]
    edges: npt.NDArray[np.int16]
    geometry: npt.NDArray[np.int16]
    batches: list[npt.NDArray[np.int64]]


def build_graph(
    coords: npt.NDArray[np.int64],
    points: npt.NDArray[np.int64],
    *,
    order: Order,
    context: int,
    window: int,
    voxel_shift: int,
) -> Graph:
    """Build the context graph.

    Parameters
    ----------
    coords, points : (N, 3) int64
        Lattice and base coordinates in Morton order.
    context, window : int
        n, and the odd window width in voxels.
    voxel_shift : int
        log2 of the voxel in base units.
    """
    tiers = tiers_of(points, voxel_shift) if order == "tiers" else None
    sequence = coding_sequence(coords, order, tiers)
    limits = wave_starts(len(coords)) if order == "permuted" else None
    if tiers is not None:
        ranked_tiers = tiers[sequence]
        limits = np.searchsorted(ranked_tiers, ranked_tiers).astype(np.int64)
    voxel = np.minimum(window_growth(len(coords), order) + voxel_shift, _MAX_VOXEL)
    neighbours, squared = nearest(points, sequence, (window // 2) << voxel, count=context, limits=limits)
    edges = np.empty((*neighbours.shape, 4), dtype=np.int16)
    _relate(points[sequence], neighbours, voxel, LIMIT, edges)
    for start in range(0, len(coords), _CHUNK):
        rows = slice(start, start + _CHUNK)
        edges[rows, :, 3] = _distances(neighbours[rows], squared[rows], voxel[rows])
    count = (neighbours >= 0).sum(1)
    geometry = np.stack([(voxel - voxel_shift) * (UNIT // 4), count * UNIT // max(context, 1)], axis=1)
    return Graph(
        sequence=sequence,
        neighbours=neighbours,
        edges=edges,
        geometry=geometry.astype(np.int16),
        batches=batches(neighbours),
    )


@cached_bare
def _relate(
    points: npt.NDArray[np.int64],
    neighbours: npt.NDArray[np.int32],
    voxel: npt.NDArray[np.int64],
    limit: int,
    edges: npt.NDArray[np.int16],
) -> None:
    """Fill in the relative positions (N, n, 3) of edges, in 1/256 of voxels of 2**voxel (N,)."""
    for i in range(neighbours.shape[0]):
        for k in range(neighbours.shape[1]):
            other = neighbours[i, k]
            for axis in range(3):
                difference = points[max(other, 0), axis] - points[i, axis]
                relative = min(max((difference << 8) >> voxel[i], -limit), limit)
                edges[i, k, axis] = relative if other >= 0 else 0


def _distances(
    neighbours: npt.NDArray[np.int32], squared: npt.NDArray[np.int64], voxel: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Log distances (n, k) of edges, in 1/512 octaves of voxels of 2**voxel (n,); 0 where there is none."""
    # a sixteenth of a voxel is as near as near gets: duplicates have no log distance of their own
    nearest_square = (np.int64(1) << np.maximum(2 * voxel - 8, 0))[:, None]
    distance = log2_fixed(squared + nearest_square) - 512 * voxel[:, None]
    return np.where(neighbours < 0, 0, np.clip(distance, -LIMIT, LIMIT))


def choose_voxel_shift(points: npt.NDArray[np.int64]) -> int:
    """Return log2 of the voxel nearest the median nearest distance of base coordinates in Morton order."""
    if len(points) < 2:
        return 0
    sequence = np.arange(len(points), dtype=np.int64)
    everywhere = np.full(len(points), 1 << 27, dtype=np.int64)
    _, squared = nearest(points, sequence, everywhere, count=1, causal=False)
    distinct = squared[squared > 0]
    shift = int(np.median(log2_fixed(distinct)) + 256) // 512 if len(distinct) else 0
    return min(shift, MAX_VOXEL_SHIFT)
