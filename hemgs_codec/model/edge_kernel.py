"""A context's edges in one compiled pass: `predictor.context` of exact arithmetic on NumPy, sooner.

Array by array, each edge feature is written to memory and read again a dozen times. Here an anchor's edges
stay in registers, and what neighbours tell is read as 16-bit integers. Every number is an integer that
float64 holds exactly, so the order of sums doesn't matter, and results are those of the arithmetic's own
operations, bit by bit.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel_reordered
from hemgs_codec.context.graph import Graph
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.units import LIMIT, UNIT, WEIGHTS_PER_OCTAVE, attention_table

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@cached_parallel_reordered
def _pool(
    ranks: Int64Array,
    neighbours: npt.NDArray[np.int32],
    edges: npt.NDArray[np.int16],
    keys: npt.NDArray[np.int16],
    values: npt.NDArray[np.int16],
    query: Float64Array,
    edge_weights: Float64Array,
    edge_biases: Float64Array,
    edge_scale: float,
    score_weights: Float64Array,
    score_biases: Float64Array,
    score_scale: float,
    attention: Float64Array,
    limit: float,
    per_octave: float,
    pooled: Float64Array,
    attended: Float64Array,
) -> None:
    """Pool the context edges of anchors ``ranks`` (n,).

    Parameters
    ----------
    neighbours, edges : (N, k), (N, k, 4)
        The context graph's.
    keys, values : (N, H), (N, V)
        What anchors tell those that have them in their context.
    query : (n, H)
    edge_weights, edge_biases, edge_scale : (4, H + heads), (H + heads,)
        Of a linear layer; its scale is the power of two that brings sums to units.
    score_weights, score_biases, score_scale : (heads, H), (heads,)
        The same, with a row for each head.
    attention : (256,)
        Weights by distance from the best score, ``per_octave`` of them a unit of scores.
    pooled, attended : (n, H), (n, heads * V)
        To be filled.
    """
    hidden, heads = keys.shape[1], score_weights.shape[0]
    width, count, last = values.shape[1], neighbours.shape[1], attention.shape[0] - 1
    for i in numba.prange(ranks.shape[0]):
        rank = ranks[i]
        near = np.empty(count, np.int64)
        scores = np.empty((count, heads))
        joined = np.empty(hidden)
        edge = np.empty(hidden + heads)
        sums = np.zeros(hidden)
        top = np.full(heads, -1e18)
        size = 0
        for k in range(count):
            other = neighbours[rank, k]
            if other < 0:
                continue
            x, y = float(edges[rank, k, 0]), float(edges[rank, k, 1])
            z, w = float(edges[rank, k, 2]), float(edges[rank, k, 3])
            for h in range(hidden + heads):
                total = edge_biases[h] + x * edge_weights[0, h] + y * edge_weights[1, h]
                total += z * edge_weights[2, h] + w * edge_weights[3, h]
                edge[h] = min(max(np.floor(total * edge_scale), -limit), limit)
            for h in range(hidden):
                joined[h] = min(max(edge[h] + keys[other, h] + query[i, h], 0.0), limit)
                sums[h] += joined[h]
            for head in range(heads):
                total = score_biases[head]
                for h in range(hidden):
                    total += joined[h] * score_weights[head, h]
                score = min(max(np.floor(total * score_scale), -limit), limit) + edge[hidden + head]
                scores[size, head] = score
                top[head] = max(top[head], score)
            near[size] = other
            size += 1
        for h in range(hidden):
            pooled[i, h] = np.floor(sums[h] / max(size, 1))
        for head in range(heads):
            first = head * width
            total = 0.0
            for c in range(width):
                attended[i, first + c] = 0.0
            for k in range(size):
                weight = attention[min(int((top[head] - scores[k, head]) * per_octave), last)]
                total += weight
                for c in range(width):
                    attended[i, first + c] += weight * values[near[k], c]
            for c in range(width):
                attended[i, first + c] = np.floor(attended[i, first + c] / max(total, 1.0))


def pool_edges(
    m: ExactArithmetic,
    group: int,
    graph: Graph,
    ranks: Int64Array,
    keys: npt.NDArray[np.int16],
    values: npt.NDArray[np.int16],
    query: Float64Array,
) -> tuple[Float64Array, Float64Array]:
    """Return pooled edge features (n, H) and attended values (n, heads * V) of anchors ``ranks`` (n,).

    Parameters
    ----------
    m
        An arithmetic on NumPy.
    keys, values : (N, H), (N, V)
        What all anchors tell those that have them in their context, by rank.
    query : (n, H)
        What `predictor.query` says of the anchors.
    """
    edge, score = m.layer(f"{group}.edge"), m.layer(f"{group}.score")
    heads = score[0].shape[1]
    pooled = np.empty((len(ranks), keys.shape[1]))
    attended = np.empty((len(ranks), heads * values.shape[1]))
    _pool(
        ranks,
        graph.neighbours,
        graph.edges,
        keys,
        values,
        query,
        *edge,
        np.ascontiguousarray(score[0].T),
        *score[1:],
        attention_table(),
        float(LIMIT),
        WEIGHTS_PER_OCTAVE / UNIT,
        pooled,
        attended,
    )
    return pooled, attended
