"""Compiled passes over a batch in 16-bit integers: layers, contexts and slices (see `short_layers`).

An anchor's activations stay in the cache from what its networks see to what its symbols are coded with. All
numbers are those of the arithmetic's own operations: sums are whole, and floors are shifts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, cached_bare, compiled, source_fingerprint
from hemgs_codec.model.lanes import LANES
from hemgs_codec.model.short_layers import ShortLayer, multiply
from hemgs_codec.model.vectors import copy, divide, dot, fetch, join_edges, settle, weigh

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
_LINE = 32  # shorts of a line of a cache


@compiled
def _settle(sums: Int32Array, r: int, shift: int, low: int, high: int, out: Int16Array, place: int) -> None:
    """Put a row's sums as activations at a place of an array."""
    outs = sums.shape[1]
    for first in range(0, outs, LANES):
        settle(sums, r * outs + first, np.int32(shift), np.int32(low), np.int32(high), out, place + first)


@compiled
def _gather(
    array: Int16Array, rank: int, first: int, count: int, rows: Int16Array, r: int, target: int
) -> None:
    """Copy columns of a row to another's."""
    whole = count - count % LANES
    copy(array, rank * array.shape[1] + first, rows, r * rows.shape[1] + target, whole)
    for c in range(whole, count):
        rows[r, target + c] = array[rank, first + c]


def _bind_layer(fingerprint: str) -> Callable[..., None]:
    def layer_pass(
        ranks: Int64Array,
        one: Int16Array,
        first: int,
        end: int,
        other: Int16Array,
        other_first: int,
        other_end: int,
        tail: Int16Array,
        layer: ShortLayer,
        low: int,
        high: int,
        out: Int16Array,
        is_by_rank: bool,
        kept: int,
        rows: Int16Array,
        sums: Int32Array,
    ) -> None:
        """Fill rows of out with a layer of columns of two arrays (N, …), and of what all rows see (t,).

        Rows of out are the batch's own, or, by rank, those of all anchors. The second array's columns are
        kept beside the layer's, from the column ``kept`` on, unless that is 0. Rows and sums are scratch
        space of the layer's inputs and outputs.
        """
        _ = fingerprint
        own, count, width = end - first, ranks.shape[0], out.shape[1]
        both = own + other_end - other_first
        for start in range(0, count, 4):
            for r in range(4):
                rank = ranks[min(start + r, count - 1)]  # the last one again where there are no more
                _gather(one, rank, first, own, rows, r, 0)
                _gather(other, rank, other_first, both - own, rows, r, own)
                for c in range(tail.shape[0]):
                    rows[r, both + c] = tail[c]
            multiply(rows, layer, sums)
            for r in range(4):
                i = min(start + r, count - 1)
                row = ranks[i] if is_by_rank else i
                _settle(sums, r, layer.shift, low, high, out, row * width)
                if kept > 0:
                    for c in range(both - own):
                        out[row, kept + c] = rows[r, own + c]

    return cached_bare(layer_pass)


def _bind_pool(fingerprint: str) -> Callable[..., None]:
    def pool_pass(
        ranks: Int64Array,
        neighbours: Int32Array,
        edges: Int16Array,
        told: Int16Array,
        query: Int16Array,
        layer: ShortLayer,
        score_weights: Int16Array,
        score_biases: Int64Array,
        score_shift: int,
        hidden: int,
        first_value: int,
        attention: npt.NDArray[np.float64],
        limit: int,
        per_weight: int,
        pooled: Int16Array,
        attended: Int16Array,
    ) -> None:
        """Pool the context edges of anchors ``ranks`` (n,).

        Parameters
        ----------
        neighbours, edges : (N, k), (N, k, 4)
            The context graph's.
        told : (N + 1, row)
            Of each anchor its keys, then its values, those from column ``first_value`` on as V lanes.
        query : (n, H)
            H and V are multiples of the lanes, here and below; what lies in lanes to spare doesn't matter.
        layer
            Of edges: what they say to ``hidden`` activations, and after these to each head's scores.
        score_weights, score_biases : (heads, H), (heads,)
            Weights of lanes to spare are 0.
        attention
            Weights by distance from the best score, a step of which is 2**per_weight.
        pooled, attended : (n, H), (n, heads, V)
            To be filled.
        """
        _ = fingerprint
        width, heads, most = pooled.shape[1], attended.shape[1], neighbours.shape[1]
        row, values, last = told.shape[1], attended.shape[2], attention.shape[0] - 1
        near, places = np.empty(most, np.int64), np.empty(most, np.int64)
        said, joined = np.empty((most, width), np.int16), np.empty((most, width), np.int16)
        scores = np.empty((heads, most), np.int64)
        weights = np.empty(most)
        sums, weighed = np.empty(width), np.empty(LANES)
        for i in range(ranks.shape[0]):
            if i + 1 < ranks.shape[0]:
                for k in range(most):
                    other = np.int64(neighbours[ranks[i + 1], k])
                    if other >= 0:
                        for at in range(other * row, (other + 1) * row, _LINE):
                            fetch(told, at)
            rank, size = ranks[i], 0
            for k in range(most):
                if neighbours[rank, k] >= 0:
                    near[size] = np.int64(neighbours[rank, k]) * row
                    places[size] = (rank * most + k) * 4
                    size += 1
            for first in range(0, width, LANES):
                join_edges(
                    edges,
                    places,
                    told,
                    near,
                    size,
                    query,
                    i * width,
                    layer.weights,
                    layer.biases,
                    first,
                    np.int32(layer.shift),
                    np.int32(limit),
                    said,
                    joined,
                    width,
                    sums,
                )
                divide(sums, first, float(max(size, 1)), pooled, i * width + first)
            for head in range(heads):
                top = np.int64(-(2**40))
                for e in range(size):
                    whole = score_biases[head] + dot(joined, e * width, score_weights, head * width, width)
                    score = min(max(whole >> score_shift, -limit), limit) + said[e, hidden + head]
                    scores[head, e] = score
                    top = max(top, score)
                total = 0.0
                for e in range(size):
                    weights[e] = attention[min((top - scores[head, e]) >> per_weight, last)]
                    total += weights[e]
                for first in range(0, values, LANES):
                    weigh(weights, 0, told, near, first_value + first, size, weighed)
                    divide(weighed, 0, max(total, 1.0), attended, (i * heads + head) * values + first)

    return cached(pool_pass)


_FINGERPRINT = source_fingerprint(Path(__file__).parent)
layer_pass = _bind_layer(_FINGERPRINT)
pool_pass = _bind_pool(_FINGERPRINT)
