"""Adaptive context selection: the nearest earlier anchors in a window (paper 3.3; SPEC "Order and contexts").

Everything is integer: neighbours are ordered by (squared distance, coding rank), so that every machine picks
the same. `kd_tree` finds them.

Anchors may see only those of lower ranks than a limit. So there's a tree of all that any may see, one of the
lower half of those ranks, of a quarter, and so on: with the smallest tree that holds its candidates, a search
passes at most as many others. All trees together are twice the first.
"""

from __future__ import annotations

import numpy as np

from hemgs_codec.compiled import cached
from hemgs_codec.context.kd_tree import HALF, LIMIT, RANK, Int32Array, Int64Array, build_tree, find_nearest

BATCH = 4096
"""Most anchors that are coded at once: their arrays should stay in a processor's cache."""
_FEWEST = 64  # points of a tree that isn't worth halving
_WIDEST = 1 << 28  # half width of a window beyond every scene, in 32 bits with room to spare


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
    if limits is None:
        limits = np.arange(total, dtype=np.int64) if causal else np.full(total, total, dtype=np.int64)
    queries = np.empty((total, 6), dtype=np.int32)  # in Morton order, so that one needs what the last one did
    queries[:, :3] = points
    queries[sequence, RANK] = np.arange(total)
    queries[sequence, LIMIT] = np.clip(limits, 0, total)
    queries[sequence, HALF] = np.minimum(half, _WIDEST)
    ranks, known = queries[:, RANK], queries[:, LIMIT]
    size = int(known.max())
    while size > 0:
        smaller = size // 2 if size > _FEWEST else 0
        asking = queries[(known > smaller) & (known <= size)]
        if len(asking):
            tree = queries[ranks < size, : RANK + 1]
            find_nearest(tree, build_tree(tree), asking, out, squared)
        size = smaller
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
