"""Adaptive context selection: the nearest earlier anchors in a window (paper 3.3; SPEC "Order and contexts").

Everything is integer: neighbours are ordered by (squared distance, coding rank), so that every machine picks
the same. The search walks a bounding-box tree over the Morton-sorted anchors whose nodes also hold their
lowest rank. It's exact, and needs no luck with the density: dense clusters, far outliers and heaps of
duplicates all take O(log N) a query.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, cached_parallel, compiled

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

BATCH = 4096
"""Most anchors that are coded at once: their arrays should stay in a processor's cache."""
_LEAF = 8  # anchors in a leaf of the tree
_NEVER = np.int64(2**62)


@cached
def _build_tree(
    points: Int64Array, ranks: Int64Array, leaves: int
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return (low, high, lowest_rank) of an implicit binary tree: children of i are 2i and 2i + 1, root 1."""
    low = np.full((2 * leaves, 3), _NEVER, np.int64)
    high = np.full((2 * leaves, 3), -_NEVER, np.int64)
    lowest = np.full(2 * leaves, _NEVER, np.int64)
    for i in range(points.shape[0]):
        node = leaves + i // _LEAF
        lowest[node] = min(lowest[node], ranks[i])
        for axis in range(3):
            low[node, axis] = min(low[node, axis], points[i, axis])
            high[node, axis] = max(high[node, axis], points[i, axis])
    for node in range(leaves - 1, 0, -1):
        lowest[node] = min(lowest[2 * node], lowest[2 * node + 1])
        for axis in range(3):
            low[node, axis] = min(low[2 * node, axis], low[2 * node + 1, axis])
            high[node, axis] = max(high[2 * node, axis], high[2 * node + 1, axis])
    return low, high, lowest


@compiled
def _insert(best_d: Int64Array, best_r: Int64Array, size: int, d: np.int64, r: np.int64) -> int:
    """Insert (d, r) into the list sorted by (distance, rank); return the new size."""
    if size == best_d.shape[0]:
        if d > best_d[size - 1] or (d == best_d[size - 1] and r > best_r[size - 1]):
            return size
        size -= 1
    k = size
    while k > 0 and (best_d[k - 1] > d or (best_d[k - 1] == d and best_r[k - 1] > r)):
        best_d[k] = best_d[k - 1]
        best_r[k] = best_r[k - 1]
        k -= 1
    best_d[k] = d
    best_r[k] = r
    return size + 1


@cached_parallel
def _search(
    points: Int64Array,
    ranks: Int64Array,
    low: Int64Array,
    high: Int64Array,
    lowest: Int64Array,
    leaves: int,
    half: Int64Array,
    limits: Int64Array,
    out: Int32Array,
    squared: Int64Array,
) -> None:
    """For each anchor find the nearest of rank below its limit within Chebyshev distance ``half``."""
    count = out.shape[1]
    for i in numba.prange(points.shape[0]):
        rank = ranks[i]
        limit = limits[rank]
        reach = half[rank]
        best_d = np.empty(count, np.int64)
        best_r = np.empty(count, np.int64)
        size = 0
        stack = np.empty(64, np.int64)
        stack_d = np.empty(64, np.int64)
        stack[0] = 1
        stack_d[0] = 0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            if size == count and (
                stack_d[top] > best_d[count - 1]
                or (stack_d[top] == best_d[count - 1] and lowest[node] > best_r[count - 1])
            ):
                continue
            if node >= leaves:
                start = (node - leaves) * _LEAF
                for j in range(start, min(start + _LEAF, points.shape[0])):
                    other = ranks[j]
                    if other >= limit or other == rank:
                        continue
                    dx = abs(points[j, 0] - points[i, 0])
                    dy = abs(points[j, 1] - points[i, 1])
                    dz = abs(points[j, 2] - points[i, 2])
                    if dx > reach or dy > reach or dz > reach:
                        continue
                    size = _insert(best_d, best_r, size, dx * dx + dy * dy + dz * dz, other)
                continue
            near = np.int64(0)
            near_d = np.int64(-1)
            for child in range(2 * node, 2 * node + 2):
                if lowest[child] >= limit:
                    continue
                d = np.int64(0)
                outside = False
                for axis in range(3):
                    p = points[i, axis]
                    gap = max(low[child, axis] - p, max(p - high[child, axis], np.int64(0)))
                    outside |= gap > reach
                    d += gap * gap
                if outside:
                    continue
                if near_d < 0:
                    near, near_d = np.int64(child), d
                elif d < near_d or (d == near_d and lowest[child] < lowest[near]):
                    stack[top] = near
                    stack_d[top] = near_d
                    top += 1
                    near, near_d = np.int64(child), d
                else:
                    stack[top] = child
                    stack_d[top] = d
                    top += 1
            if near_d >= 0:
                stack[top] = near
                stack_d[top] = near_d
                top += 1
        for k in range(size):
            out[rank, k] = best_r[k]
            squared[rank, k] = best_d[k]


def nearest(
    points: Int64Array,
    sequence: Int64Array,
    half: Int64Array,
    *,
    count: int,
    causal: bool = True,
    limits: Int64Array | None = None,
) -> tuple[Int32Array, Int64Array]:
    """Return each anchor's context: at most ``count`` nearest earlier anchors within its window.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates in Morton order, each in 0 .. 2**26.
    sequence : (N,) int64
        Morton index of each rank.
    half : (N,) int64
        Half width of each rank's window in base units: neighbours have Chebyshev distance <= half.
    count : int
        n, the most neighbours kept (paper: 20).
    causal : bool
        False: later anchors are candidates too (features of the locations, which are known beforehand).
    limits : (N,) int64 or None
        Candidates have lower ranks than this, by rank; None: than the anchor itself.

    Returns
    -------
    ranks : (N, count) int32
        Row r: ranks of the neighbours of rank r by (squared distance, rank), -1 where there are fewer.
    squared : (N, count) int64
        Their squared distances in base units, 0 where there is none.
    """
    total = len(points)
    out = np.full((total, count), -1, dtype=np.int32)
    squared = np.zeros((total, count), dtype=np.int64)
    if total == 0 or count == 0:
        return out, squared
    ranks = np.empty(total, dtype=np.int64)
    ranks[sequence] = np.arange(total, dtype=np.int64)
    leaves = 1
    while leaves * _LEAF < total:
        leaves *= 2
    low, high, lowest = _build_tree(points, ranks, leaves)
    if limits is None:
        limits = np.arange(total, dtype=np.int64) if causal else np.full(total, _NEVER)
    _search(points, ranks, low, high, lowest, leaves, half, limits, out, squared)
    return out, squared


@cached
def _depths(neighbours: Int32Array, depth: Int64Array) -> None:
    """Fill in each rank's depth: one more than the deepest anchor of its context, 0 without one."""
    for rank in range(neighbours.shape[0]):
        deepest = -1
        for k in range(neighbours.shape[1]):
            other = neighbours[rank, k]
            if other < 0:
                break
            deepest = max(deepest, depth[other])
        depth[rank] = deepest + 1


def batches(neighbours: Int32Array) -> list[Int64Array]:
    """Split ranks into the topological layers of the context graph, and those into batches; ranks ascend."""
    if len(neighbours) == 0:
        return []
    depth = np.zeros(len(neighbours), dtype=np.int64)
    _depths(neighbours, depth)
    by_depth = np.argsort(depth, kind="stable")
    layers = np.split(by_depth, np.cumsum(np.bincount(depth))[:-1])
    return [batch for layer in layers for batch in in_batches(layer)]


def in_batches(ranks: Int64Array) -> list[Int64Array]:
    """Split ranks (n,) that don't see each other into as few batches as may be, as even as may be."""
    return np.array_split(ranks, -(-len(ranks) // BATCH))
