"""A slice's networks and the steps of a group in compiled passes over 16-bit integers: see `short_layers`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare, source_fingerprint
from hemgs_codec.model.lanes import LANES
from hemgs_codec.model.short_layers import ShortLayer, multiply
from hemgs_codec.model.vectors import copy, settle

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


def _bind_slice(fingerprint: str) -> Callable[..., None]:
    def slice_pass(
        ranks: Int64Array,
        prior: Int16Array,
        width_of_hidden: int,
        steps: Int64Array,
        first_step: int,
        shares: int,
        unit_step: int,
        half_eighth: int,
        seen: Int16Array,
        first: int,
        own: int,
        pooled: Int16Array,
        attended: Int16Array,
        first_attended: int,
        layer: ShortLayer,
        outs: int,
        limit: int,
        out_layer: ShortLayer,
        skip: Int64Array,
        skip_shift: int,
        table: Int64Array,
        mean_limit: int,
        eighth_bits: int,
        unit_sigma: int,
        most_sigma: int,
        means: Int64Array,
        sigmas: Int64Array,
        rows: Int16Array,
        sums: Int32Array,
        joined: Int16Array,
        out: Int32Array,
    ) -> None:
        """Fill means and sigma indices (n, W) of one slice of anchors ``ranks`` (n,).

        What the network sees is prior, steps, own earlier slices, pooled and attended; its second layer sees
        the first's ``outs`` activations and own earlier slices. Rows, sums, joined and out are scratch space
        of the two layers.
        """
        _ = fingerprint
        count, width = means.shape
        heads, shift = skip.shape[0], np.int32(layer.shift)
        columns = layer.weights.shape[1]
        for start in range(0, count, 4):
            for r in range(4):
                i = min(start + r, count - 1)  # the last one again where there are no more
                rank, at = ranks[i], width_of_hidden
                copy(prior, i * prior.shape[1], rows, r * rows.shape[1], width_of_hidden)
                for s in range(shares):
                    rows[r, at + s] = (steps[i, first_step + s] - unit_step) * half_eighth
                at += shares
                for c in range(own):
                    rows[r, at + c] = seen[rank, first + c]
                at += own
                if heads > 0:
                    copy(pooled, i * pooled.shape[1], rows, r * rows.shape[1] + at, width_of_hidden)
                    at += width_of_hidden
                for head in range(heads):
                    for c in range(width):
                        rows[r, at + c] = attended[i, head, first_attended + c]
                    at += width
            multiply(rows, layer, sums)
            for r in range(4):
                for h in range(0, columns, LANES):
                    source, target = r * columns + h, r * joined.shape[1] + h
                    settle(sums, source, shift, np.int32(0), np.int32(limit), joined, target)
                rank = ranks[min(start + r, count - 1)]
                for c in range(own):
                    joined[r, outs + c] = seen[rank, first + c]
            multiply(joined, out_layer, out)
            for r in range(4):
                i = min(start + r, count - 1)
                for c in range(width):
                    mean, near = np.int64(out[r, c]) >> out_layer.shift, np.int64(0)
                    for head in range(heads):
                        near += attended[i, head, first_attended + c] * skip[head, c]
                    mean = max(mean + (near >> skip_shift), np.int64(-mean_limit))
                    means[i, c] = min(mean, np.int64(mean_limit))
                    log_sigma = np.int64(out[r, width + c]) >> out_layer.shift
                    sigmas[i, c] = ((log_sigma + (1 << (eighth_bits - 1))) >> eighth_bits) + unit_sigma
                per_step = width // shares
                for s in range(shares):
                    index = steps[i, first_step + s]
                    step = table[index]
                    for c in range(s * per_step, (s + 1) * per_step):
                        # below 2**31 over less than 2**23: a rounded quotient has the floor of the true one
                        means[i, c] = np.int64(np.floor(float(16 * means[i, c] + step // 2) / float(step)))
                        sigmas[i, c] = min(max(sigmas[i, c] - (index - unit_step), 0), most_sigma)

    return cached_bare(slice_pass)


def _bind_steps(fingerprint: str) -> Callable[..., None]:
    def steps_pass(
        ranks: Int64Array,
        prior: Int16Array,
        width_of_hidden: int,
        lambda_feature: int,
        layer: ShortLayer,
        limit: int,
        slope: int,
        seen: Int16Array,
        tilts: Int64Array,
        square_bits: int,
        tilt_bits: int,
        index_bits: int,
        offsets: Int64Array,
        most: int,
        all_steps: Int16Array,
        first: int,
        steps: Int64Array,
        rows: Int16Array,
        sums: Int32Array,
    ) -> None:
        """Fill step indices (n, S), and keep them in the columns from ``first`` on of all (N, …).

        Tilts are (S, 2 T), of T channels and their squares, or (S, 0). Rows and sums are scratch space.
        """
        _ = fingerprint
        count, shares, tilting = steps.shape[0], steps.shape[1], tilts.shape[1] // 2
        for start in range(0, count, 4):
            for r in range(4):
                i = min(start + r, count - 1)
                copy(prior, i * prior.shape[1], rows, r * rows.shape[1], width_of_hidden)
                rows[r, width_of_hidden] = lambda_feature
            multiply(rows, layer, sums)
            for r in range(4):
                i = min(start + r, count - 1)
                rank = ranks[i]
                for s in range(shares):
                    octaves = max(np.int64(sums[r, s]) >> layer.shift, np.int64(-limit))
                    octaves = min(octaves, np.int64(limit)) + slope
                    tilted = np.int64(0)
                    for c in range(tilting):
                        value = np.int64(seen[rank, c])
                        tilted += value * tilts[s, c]
                        tilted += ((value * value) >> square_bits) * tilts[s, tilting + c]
                    index = ((octaves + (tilted >> tilt_bits)) >> index_bits) + offsets[s]
                    steps[i, s] = min(max(index, 0), most)
                    all_steps[rank, first + s] = steps[i, s]

    return cached_bare(steps_pass)


_FINGERPRINT = source_fingerprint(Path(__file__).parent)
slice_pass = _bind_slice(_FINGERPRINT)
steps_pass = _bind_steps(_FINGERPRINT)
