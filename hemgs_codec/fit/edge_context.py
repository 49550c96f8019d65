"""A context's edges in one compiled pass, with gradients: `predictor.context` of floats, on the CPU.

Array by array, each edge feature is written to memory and read again some thirty times, there and back. Here
an anchor's edges stay in registers; on the way back they are computed again rather than kept.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.compiled import cached_parallel_reordered
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import MOST, FloatArithmetic

Floats = npt.NDArray[np.float32]
_BLOCKS = 8
"""Gradients of weights are summed by so many blocks of rows, however many threads there are."""
_LEAST_SHARE = -15.9  # log2 of the least weight, of the largest


@cached_parallel_reordered
def _pool(
    most: float,
    least_share: float,
    keys: Floats,
    values: Floats,
    query: Floats,
    edges: Floats,
    present: Floats,
    edge_weights: Floats,
    edge_biases: Floats,
    score_weights: Floats,
    score_biases: Floats,
    pooled: Floats,
    attended: Floats,
    scores: Floats,
    shares: Floats,
) -> None:
    """Pool edges; shapes are those of `_Pooled`, ``score_weights`` (heads, H).

    To be filled: pooled (n, H), attended (n, heads, V), scores before clamping and shares (n, heads, k).
    """
    count, hidden, heads, width = keys.shape[1], keys.shape[2], score_weights.shape[0], values.shape[2]
    bound = np.float32(most)
    for i in numba.prange(keys.shape[0]):
        joined = np.empty(hidden, np.float32)
        size = np.float32(0)
        for h in range(hidden):
            pooled[i, h] = 0
        for k in range(count):
            if present[i, k] == 0:
                continue
            size += np.float32(1)
            for h in range(hidden):
                edge = edge_biases[h]
                for c in range(4):
                    edge += edges[i, k, c] * edge_weights[c, h]
                edge = min(max(edge, -bound), bound)
                key = min(max(keys[i, k, h], -bound), bound)
                joined[h] = min(max(edge + key + query[i, h], np.float32(0)), bound)
                pooled[i, h] += joined[h]
            for head in range(heads):
                score = score_biases[head]
                for h in range(hidden):
                    score += joined[h] * score_weights[head, h]
                scores[i, head, k] = score
                edge = edge_biases[hidden + head]
                for c in range(4):
                    edge += edges[i, k, c] * edge_weights[c, hidden + head]
                score = min(max(score, -bound), bound) + min(max(edge, -bound), bound)
                shares[i, head, k] = score
        for h in range(hidden):
            pooled[i, h] /= max(size, np.float32(1))
        for head in range(heads):
            top, total = np.float32(-1e9), np.float32(0)
            for k in range(count):
                if present[i, k] != 0:
                    top = max(top, shares[i, head, k])
            for c in range(width):
                attended[i, head, c] = 0
            for k in range(count):
                if present[i, k] == 0:
                    shares[i, head, k] = 0
                    continue
                share = np.float32(2.0) ** max(shares[i, head, k] - top, np.float32(least_share))
                shares[i, head, k] = share
                total += share
                for c in range(width):
                    attended[i, head, c] += share * values[i, k, c]
            scale = np.float32(1) / max(total, np.float32(1e-9))
            for k in range(count):
                shares[i, head, k] *= scale
            for c in range(width):
                attended[i, head, c] *= scale


@cached_parallel_reordered
def _pool_back(
    most: float,
    keys: Floats,
    values: Floats,
    query: Floats,
    edges: Floats,
    present: Floats,
    edge_weights: Floats,
    edge_biases: Floats,
    score_weights: Floats,
    attended: Floats,
    scores: Floats,
    shares: Floats,
    to_pooled: Floats,
    to_attended: Floats,
    to_keys: Floats,
    to_query: Floats,
    to_edge: Floats,
    to_score: Floats,
) -> None:
    """Invert `_pool`'s flow: gradients of its outputs to those of its inputs.

    To be filled: to_keys (n, k, H), to_query (n, H); and by blocks, beginning with 0, to_edge
    (B, 5, H + heads) and to_score (B, heads, H + 1), biases last.
    """
    rows, count, hidden = keys.shape
    heads, width, blocks = score_weights.shape[0], values.shape[2], to_edge.shape[0]
    bound = np.float32(most)
    for block in numba.prange(blocks):
        ahead = np.empty(hidden, np.float32)
        back = np.empty(hidden, np.float32)
        shift = np.empty(heads, np.float32)
        for i in range(block * rows // blocks, (block + 1) * rows // blocks):
            size = np.float32(0)
            for k in range(count):
                size += present[i, k]
            part = np.float32(1) / max(size, np.float32(1))
            for head in range(heads):
                shift[head] = 0
                for c in range(width):
                    shift[head] += to_attended[i, head, c] * attended[i, head, c]
            for h in range(hidden):
                to_query[i, h] = 0
            for k in range(count):
                if present[i, k] == 0:
                    for h in range(hidden):
                        to_keys[i, k, h] = 0
                    continue
                for h in range(hidden):
                    edge = edge_biases[h]
                    for c in range(4):
                        edge += edges[i, k, c] * edge_weights[c, h]
                    ahead[h] = edge
                    back[h] = to_pooled[i, h] * part
                for head in range(heads):
                    gain = -shift[head]
                    for c in range(width):
                        gain += to_attended[i, head, c] * values[i, k, c]
                    gain *= shares[i, head, k] * np.float32(0.6931471805599453)
                    edge = edge_biases[hidden + head]
                    for c in range(4):
                        edge += edges[i, k, c] * edge_weights[c, hidden + head]
                    if abs(edge) < bound:
                        for c in range(4):
                            to_edge[block, c, hidden + head] += gain * edges[i, k, c]
                        to_edge[block, 4, hidden + head] += gain
                    if abs(scores[i, head, k]) < bound:
                        to_score[block, head, hidden] += gain
                        for h in range(hidden):
                            edge = min(max(ahead[h], -bound), bound)
                            key = min(max(keys[i, k, h], -bound), bound)
                            joined = min(max(edge + key + query[i, h], np.float32(0)), bound)
                            to_score[block, head, h] += gain * joined
                            back[h] += gain * score_weights[head, h]
                for h in range(hidden):
                    edge = min(max(ahead[h], -bound), bound)
                    key = min(max(keys[i, k, h], -bound), bound)
                    joined = edge + key + query[i, h]
                    back[h] = back[h] if np.float32(0) < joined < bound else np.float32(0)
                    to_query[i, h] += back[h]
                    to_keys[i, k, h] = back[h] if abs(keys[i, k, h]) < bound else np.float32(0)
                    back[h] = back[h] if abs(ahead[h]) < bound else np.float32(0)
                    to_edge[block, 4, h] += back[h]
                for c in range(4):
                    for h in range(hidden):
                        to_edge[block, c, h] += edges[i, k, c] * back[h]


class _Pooled(torch.autograd.Function):
    """Pooled edge features (n, H) and attended values (n, heads, V).

    Of keys (n, k, H) not clamped yet, values (n, k, V), query (n, H), edges (n, k, 4), present (n, k), and of
    the layers' weights and biases: (4, H + heads), (H + heads,), (H, heads), (heads,). All are float32 on the
    CPU. Values, edges and presence are data: they have no gradients.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keys, values, query, edges, present, edge_w, edge_b, score_w, score_b = (
            x.detach().contiguous() for x in inputs
        )
        score_w = score_w.T.contiguous()
        (rows, count, hidden), heads = keys.shape, len(score_w)
        pooled, attended = keys.new_empty((rows, hidden)), keys.new_empty((rows, heads, values.shape[2]))
        scores, shares = keys.new_empty((rows, heads, count)), keys.new_empty((rows, heads, count))
        given = (keys, values, query, edges, present, edge_w, edge_b, score_w)
        out = (pooled, attended, scores, shares)
        _pool(MOST, _LEAST_SHARE, *_arrays(*given, score_b, *out))
        ctx.save_for_backward(*given, *out[1:])
        return pooled, attended

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        *given, attended, scores, shares = ctx.saved_tensors
        keys, _, query, _, _, edge_w, _, score_w = given
        to_keys, to_query = torch.empty_like(keys), torch.empty_like(query)
        to_edge = keys.new_zeros((_BLOCKS, 5, edge_w.shape[1]))
        to_score = keys.new_zeros((_BLOCKS, len(score_w), score_w.shape[1] + 1))
        known = (attended, scores, shares, *(x.contiguous() for x in gradients))
        _pool_back(MOST, *_arrays(*given, *known, to_keys, to_query, to_edge, to_score))
        edge, score = to_edge.sum(0), to_score.sum(0)
        return to_keys, None, to_query, None, None, edge[:4], edge[4], score[:, :-1].T, score[:, -1]


def _arrays(*tensors: torch.Tensor) -> list[Floats]:
    return [x.numpy() for x in tensors]


def edge_context(
    m: FloatArithmetic,
    group: int,
    keys: torch.Tensor,
    values: torch.Tensor,
    geometry: torch.Tensor,
    earlier: torch.Tensor,
    edges: torch.Tensor,
    present: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `predictor.context` does, of keys (n, k, H) that aren't clamped yet, on the CPU in float32.

    Values, edges and presence get no gradients.
    """
    layers = [m.parameters[f"{group}.{layer}.{kind}"] for layer in ("edge", "score") for kind in "wb"]
    query = predictor.query(m, group, geometry, earlier)
    pooled, attended = _Pooled.apply(keys, values, query, edges, present, *layers)  # type: ignore[no-untyped-call]
    return pooled, attended.flatten(1)
