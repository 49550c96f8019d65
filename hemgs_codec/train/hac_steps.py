"""Steps as HAC has them: one for all values of a kind, none much wider than where it begins.

HAC multiplies first steps of 1 for features and 0.2 for offsets by 1 + tanh of what its network says. Without
such a bound steps of offsets grow far beyond their spread: noise still averages out in training, but rounding
leaves nothing.
"""

from __future__ import annotations

import torch

from hemgs_codec.anchors.profile import SCALES
from hemgs_codec.model.spec import ModelSpec

_LARGEST_FEATURE_STEP, _LARGEST_OFFSET_STEP = 2.0, 0.4


def tied_steps(spec: ModelSpec) -> dict[str, tuple[slice, ...]]:
    """Return, by the step predictor's name, which steps of anchors are one and the same in HAC."""
    features, rest = len(spec.groups) - 2, len(spec.groups) - 1
    number = spec.groups[rest].num_steps
    half = SCALES // 2
    return {
        f"{features}.step": (slice(0, spec.groups[features].num_steps),),
        f"{rest}.step": (slice(0, half), slice(half, SCALES), slice(SCALES, number)),
    }


def most_octaves(spec: ModelSpec, scale: torch.Tensor) -> list[torch.Tensor]:
    """Return for each group log2 (S,) of its largest steps in channel scales (C,)."""
    largest = [torch.full((group.num_steps,), torch.inf) for group in spec.groups]
    for g, first, size in ((-2, 0, _LARGEST_FEATURE_STEP), (-1, SCALES, _LARGEST_OFFSET_STEP)):
        group = spec.groups[g]
        channels = scale[spec.first_channel(len(spec.groups) + g) :][: group.channels]
        by_channel = torch.log2(size / channels).cpu()
        for channel, step in enumerate(group.channel_steps):
            if step >= first:
                largest[g][step] = by_channel[channel]
    return [octaves.to(scale) for octaves in largest]
