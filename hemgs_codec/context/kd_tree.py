"""A k-d tree of anchors that finds the nearest of them exactly, in integers.

Nodes hold their points' bounding box and lowest rank. The search needs no luck with the density: dense
clusters, far outliers and heaps of duplicates all take O(log N) a query.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, cached_bare, compiled, source_fingerprint, take_number
from hemgs_codec.threads import together

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

# columns of points and queries, which are 32-bit integers: an item lies in one line of the processor's cache
RANK, LIMIT, HALF = 3, 4, 5
# columns of nodes, after the low and the high corner of their boxes
_LOWEST, _FIRST = 6, 7
_LEAF = 16  # points in a leaf, at most
_TASK = 64  # queries that a thread takes at once
_DEPTH = 32  # more than a tree has levels
_NEVER = np.int64(2**62)
_LAST = np.int32(2**31 - 1)


@compiled
def _partition(
    points: Int32Array, first: int, last: int, middle: int, axis: int, low: np.int32, high: np.int32
) -> None:
    """Reorder points ``first`` to ``last`` so that none before ``middle`` lies above one from there on.

    Their coordinates span ``low`` to ``high``. Each pass halves that span, so there are at most 27, whatever
    the points are: as a rule it's three passes' worth.
    """
    while low < high:
        pivot = (low + high) // 2
        i, j = first, last
        left_high, right_low = low, high
        while True:
            while i < j and points[i, axis] <= pivot:
                left_high = max(left_high, points[i, axis])
                i += 1
            while i < j and points[j - 1, axis] > pivot:
                right_low = min(right_low, points[j - 1, axis])
                j -= 1
            if i == j:
                break
            for column in range(4):
                points[i, column], points[j - 1, column] = points[j - 1, column], points[i, column]
        if middle < i:
            last, high = i, left_high
        else:
            first, low = i, right_low


@cached
def _build_tree(points: Int32Array, leaves: int) -> Int32Array:
    """Put points (n, 4) in the order of a k-d tree's leaves and return its nodes (2 * leaves + 1, 8).

    The tree is implicit: children of i are 2i and 2i + 1, the root is 1. A node's points end where the next
    one's of its level begin; the last row is there for that alone.
    """
    total = points.shape[0]
    nodes = np.zeros((2 * leaves + 1, 8), np.int32)
    nodes[2 * leaves, _FIRST] = total
    for node in range(1, 2 * leaves):
        first = nodes[node, _FIRST]
        last = total if node & (node + 1) == 0 else nodes[node + 1, _FIRST]
        low, high = nodes[node, 0:3], nodes[node, 3:6]
        low[:], high[:] = _LAST, -1
        lowest = _LAST
        for i in range(first, last):
            for axis in range(3):
                low[axis] = min(low[axis], points[i, axis])
                high[axis] = max(high[axis], points[i, axis])
            lowest = min(lowest, points[i, RANK])
        nodes[node, _LOWEST] = lowest
        if node < leaves:
            middle = (first + last + 1) // 2
            nodes[2 * node, _FIRST], nodes[2 * node + 1, _FIRST] = first, middle
            widest = int(np.argmax(high - low))
            if middle < last:
                _partition(points, first, last, middle, widest, low[widest], high[widest])
    return nodes


@compiled
def _squared_gap(
    nodes: Int32Array, node: np.int64, x: np.int32, y: np.int32, z: np.int32, half: np.int32
) -> np.int64:
    """Return the squared distance of a point from a node's box, -1 if the box is out of its window."""
    dx = max(nodes[node, 0] - x, x - nodes[node, 3], 0)
    dy = max(nodes[node, 1] - y, y - nodes[node, 4], 0)
    dz = max(nodes[node, 2] - z, z - nodes[node, 5], 0)
    if max(dx, dy, dz) > half:
        return np.int64(-1)
    return np.int64(dx * dx + dy * dy + dz * dz)


@compiled
def _insert(best_d: Int64Array, best_r: Int32Array, size: int, d: np.int64, r: np.int32) -> int:
    """Insert (d, r) into the list sorted by (distance, rank), in the place of the last if it's full."""
    k = min(size, len(best_d) - 1)
    while k > 0 and (best_d[k - 1] > d or (best_d[k - 1] == d and best_r[k - 1] > r)):
        best_d[k], best_r[k] = best_d[k - 1], best_r[k - 1]
        k -= 1
    best_d[k], best_r[k] = d, r
    return min(size + 1, len(best_d))


class Scratch(NamedTuple):
    """What a thread needs for its searches: nodes that wait, and the nearest points so far."""

    stack: Int32Array
    stack_d: Int64Array
    best_d: Int64Array
    best_r: Int32Array


def _open_scratch(count: int) -> Scratch:
    """Make the scratch space of searches for so many points."""
    stack = np.empty(_DEPTH, np.int32), np.empty(_DEPTH, np.int64)
    return Scratch(*stack, np.empty(count, np.int64), np.empty(count, np.int32))


@compiled
def _find(
    points: Int32Array,
    nodes: Int32Array,
    queries: Int32Array,
    q: int,
    scratch: Scratch,
) -> int:
    """Fill in the nearest points of one query and return how many there are."""
    stack, stack_d, best_d, best_r = scratch
    leaves = nodes.shape[0] // 2
    x, y, z = queries[q, 0], queries[q, 1], queries[q, 2]
    rank, limit, half = queries[q, RANK], queries[q, LIMIT], queries[q, HALF]
    size, worst, worst_rank = 0, _NEVER, _LAST  # what is beyond the worst that is kept isn't wanted
    stack[0], stack_d[0], top = 1, 0, 1
    while top > 0:
        top -= 1
        node, d = np.int64(stack[top]), stack_d[top]
        if d > worst or (d == worst and nodes[node, _LOWEST] > worst_rank):
            continue
        while 0 < node < leaves:  # down to a leaf by the nearer child, the other one waits
            left, right = 2 * node, 2 * node + 1
            d_left = _squared_gap(nodes, left, x, y, z, half)
            d_right = _squared_gap(nodes, right, x, y, z, half)
            has_left = 0 <= d_left <= worst and nodes[left, _LOWEST] < limit
            has_right = 0 <= d_right <= worst and nodes[right, _LOWEST] < limit
            if has_left and has_right:
                is_left_nearer = d_left < d_right or (
                    d_left == d_right and nodes[left, _LOWEST] < nodes[right, _LOWEST]
                )
                stack[top] = right if is_left_nearer else left
                stack_d[top] = d_right if is_left_nearer else d_left
                top += 1
                node = left if is_left_nearer else right
            elif has_left:
                node = left
            else:
                node = right if has_right else np.int64(0)
        if node == 0:
            continue
        for j in range(nodes[node, _FIRST], nodes[node + 1, _FIRST]):
            dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
            other = points[j, RANK]
            d = dx * dx + dy * dy + dz * dz
            if d > worst or (d == worst and other > worst_rank):
                continue
            if other >= limit or other == rank or max(abs(dx), abs(dy), abs(dz)) > half:
                continue
            size = _insert(best_d, best_r, size, d, other)
            if size == len(best_d):
                worst, worst_rank = best_d[size - 1], best_r[size - 1]
    return size


def _bind(fingerprint: str) -> Callable[..., None]:
    def search(
        points: Int32Array,
        nodes: Int32Array,
        queries: Int32Array,
        counter: Int64Array,
        scratch: Scratch,
        out: Int32Array,
        squared: Int64Array,
    ) -> None:
        """For each query (q, 6) that no other thread takes find the nearest points: see `find_nearest`."""
        _ = fingerprint
        total = queries.shape[0]
        while True:
            first = take_number(counter) * _TASK
            if first >= total:
                break
            for q in range(first, min(first + _TASK, total)):
                size = _find(points, nodes, queries, q, scratch)
                rank = queries[q, RANK]
                for k in range(size):
                    out[rank, k] = scratch.best_r[k]
                    squared[rank, k] = scratch.best_d[k]

    return cached_bare(search)


_search = _bind(source_fingerprint(Path(__file__).parent))


def build_tree(points: Int32Array) -> Int32Array:
    """Put points (n, 4), at least one, in the order of a k-d tree's leaves and return its nodes."""
    return _build_tree(points, 1 << (-(-len(points) // _LEAF) - 1).bit_length())


def find_nearest(
    points: Int32Array, nodes: Int32Array, queries: Int32Array, out: Int32Array, squared: Int64Array
) -> None:
    """For each query (q, 6) fill in its rank's row of the nearest points' ranks and squared distances."""
    counter = np.zeros(1, np.int64)
    together(
        lambda: _search(points, nodes, queries, counter, _open_scratch(out.shape[1]), out, squared),
        len(queries),
    )
