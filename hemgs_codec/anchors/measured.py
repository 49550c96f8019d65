"""Measured weights of an anchor scene: what errors cost in its renders (SPEC "Encoder notes").

As for Gaussian scenes, derivatives are taken of scenes disturbed as the coder will: first about as much as
the analytic weights say, then as the weights found that way say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hemgs_codec.anchors.neural import AnchorTensors, tensors_of
from hemgs_codec.anchors.profile import FIRST_MASK, SCALES, attributes_from_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.sensitivity import squared_derivatives, wanted_weights
from hemgs_codec.anchors.weights import analytic_anchor_weights
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.distortion.weights import IMPORTANCE_STEP, Weights
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera

FIRST_VIEWS, VIEWS = 16, 64
"""At most, for the first weights and for those that count."""
DISTURBANCE = 0.57
"""Share of a step at the reference λ that values are moved within."""
MOST_STEP = 2.0
"""In standard deviations of a channel, however little is seen of an anchor: other views may see more."""
_LARGEST_MOVE = 1.7  # width of the noise in standard deviations of a channel


def measured_anchor_weights(
    scene: AnchorScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Weights:
    """Measure the weights of a scene's channels.

    Parameters
    ----------
    cameras
        The views that count; at most `VIEWS` of them are used.
    progress
        Called with stage, done and total.
    """
    tensors, shape = tensors_of(scene), scene.networks.shape
    attributes = attributes_from_anchors(scene)
    values = torch.from_numpy(attributes.astype(np.float32))
    spread = values.std(dim=0).clamp(min=1e-6)
    generator = torch.Generator().manual_seed(seed)
    count, slots, features = scene.num_anchors, shape.slots, shape.features
    sizes = [FIRST_MASK, slots, features, SCALES, 3 * slots]
    first = FIRST_MASK + slots
    num_values = count * (features + SCALES + 3 * slots)
    steps = torch.from_numpy(analytic_anchor_weights(attributes, shape).values ** -0.5).float()
    weights = steps**-2
    for number in (FIRST_VIEWS, VIEWS):
        width = DISTURBANCE * torch.minimum(weights**-0.5, _LARGEST_MOVE * spread)
        width[:, :first] = 0

        def make(width: torch.Tensor = width) -> tuple[torch.Tensor, AnchorTensors]:
            noise = torch.rand(values.shape, generator=generator) - 0.5
            leaf = (values + width * noise).requires_grad_()
            _, masks, feature, scales, offsets = torch.split(leaf, sizes, dim=1)
            moved = AnchorTensors(
                tensors.anchors,
                feature,
                scales,
                offsets.reshape(count, slots, 3),
                masks,
                shape,
                tensors.weights,
                tensors.biases,
            )
            return leaf, moved

        views = spread_views(cameras, number)
        squares = squared_derivatives(make, views, background, generator, backend="cpu", progress=progress)
        weights = wanted_weights(squares, num_values) + (MOST_STEP * spread) ** -2
    found = weights.double().numpy()
    found[:, :FIRST_MASK] = IMPORTANCE_STEP**-2
    importance = -0.5 * np.log2(found[:, first : first + features]).mean(axis=1)
    return Weights(found, np.ones(count), importance)
