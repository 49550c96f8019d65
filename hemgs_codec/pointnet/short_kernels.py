"""Compiled passes of the PointNet++ over 16-bit integers: a layer, groups' maxima, and the way back.

What float64s take array by array, here a point or a group takes at once, so that nothing but activations is
in memory. Points of a pass don't see each other: threads take tasks of them as they get done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec import model
from hemgs_codec.compiled import cached_bare, compiled, source_fingerprint, take_number
from hemgs_codec.pointnet.wide_layers import Scratch, WideLayer, multiply_wide

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
_TASK = 256  # points or groups that a thread takes at once


@compiled
def _settle(totals: Int64Array, r: int, shift: int, low: int, high: int, out: Int16Array, row: int) -> None:
    """Put a row of totals as activations into a row of out, of as many columns or more."""
    for h in range(totals.shape[1]):
        out[row, h] = min(max(totals[r, h] >> shift, low), high)


@compiled
def _put(x: Int16Array, row: int, count: int, rows: Int16Array, r: int, first: int) -> None:
    """Copy the first columns of a row of x to a layer's inputs, from one on."""
    for c in range(count):
        rows[r, first + c] = x[row, c]


def _bind_layer(fingerprint: str) -> Callable[..., None]:
    def layer_pass(
        points: Int64Array,
        one: Int16Array,
        width: int,
        other: Int16Array,
        layer: WideLayer,
        low: int,
        high: int,
        out: Int16Array,
        counter: Int64Array,
        scratch: Scratch,
    ) -> None:
        """Fill rows of out with a layer of what points see: ``width`` columns of one, and those of other."""
        _ = fingerprint
        count = points.shape[0]
        while True:
            begin = take_number(counter) * _TASK
            if begin >= count:
                break
            end = min(begin + _TASK, count)
            for start in range(begin, end, 4):
                for r in range(4):
                    point = points[min(start + r, count - 1)]  # the last again where there are no more
                    _put(one, point, width, scratch.rows, r, 0)
                    _put(other, point, other.shape[1], scratch.rows, r, width)
                multiply_wide(layer, scratch)
                for r in range(min(4, count - start)):
                    _settle(scratch.totals, r, layer.shift, low, high, out, start + r)

    return cached_bare(layer_pass)


def _bind_group(fingerprint: str) -> Callable[..., None]:
    def group_pass(
        groups: Int32Array,
        edges: Int16Array,
        keys: Int16Array,
        query: Int16Array,
        edge_layer: WideLayer,
        layer: WideLayer,
        limit: int,
        out: Int16Array,
        counter: Int64Array,
        edge_scratch: Scratch,
        scratch: Scratch,
        best: Int64Array,
    ) -> None:
        """Fill rows of out with the maximum over each group of a layer of relu(edge + key + query).

        Groups (c, k) of a multiple of 4; lanes to spare of keys and queries are 0. A maximum of sums is the
        sum of the maximal activation, for neither floors nor clamps change an order.
        """
        _ = fingerprint
        count, size, width = groups.shape[0], groups.shape[1], query.shape[1]
        shift, columns = edge_layer.shift, min(width, scratch.rows.shape[1])
        while True:
            begin = take_number(counter) * _TASK
            if begin >= count:
                break
            for i in range(begin, min(begin + _TASK, count)):
                for start in range(0, size, 4):
                    for r in range(4):
                        for c in range(edges.shape[2]):
                            edge_scratch.rows[r, c] = edges[i, start + r, c]
                    multiply_wide(edge_layer, edge_scratch)
                    for r in range(4):
                        near = groups[i, start + r]
                        for h in range(columns):
                            said = min(max(edge_scratch.totals[r, h] >> shift, -limit), limit)
                            joined = said + query[i, h] + keys[near, h]
                            scratch.rows[r, h] = min(max(joined, 0), limit)
                    multiply_wide(layer, scratch)
                    for h in range(width):
                        most = max(scratch.totals[0, h], scratch.totals[1, h])
                        most = max(most, max(scratch.totals[2, h], scratch.totals[3, h]))
                        best[0, h] = most if start == 0 else max(best[0, h], most)
                _settle(best, 0, layer.shift, 0, limit, out, i)

    return cached_bare(group_pass)


def _bind_blend(fingerprint: str) -> Callable[..., None]:
    def blend_pass(
        coarse: Int16Array,
        parents: Int32Array,
        shares: Int16Array,
        unit_bits: int,
        width: int,
        out: Int16Array,
        counter: Int64Array,
    ) -> None:
        """Fill columns of out with the mean over parents of what these know, by shares of 2**unit_bits."""
        _ = fingerprint
        count = parents.shape[0]
        while True:
            begin = take_number(counter) * _TASK
            if begin >= count:
                break
            for i in range(begin, min(begin + _TASK, count)):
                for h in range(width):
                    total = np.int32(0)  # of 15 bits times shares of a whole of 10
                    for k in range(parents.shape[1]):
                        total += np.int32(coarse[parents[i, k], h]) * np.int32(shares[i, k])
                    out[i, h] = total >> unit_bits

    return cached_bare(blend_pass)


_FINGERPRINT = source_fingerprint(Path(model.__file__).parent) + source_fingerprint(Path(__file__).parent)
layer_pass = _bind_layer(_FINGERPRINT)
group_pass = _bind_group(_FINGERPRINT)
blend_pass = _bind_blend(_FINGERPRINT)
