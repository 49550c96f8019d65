"""Weights of an anchor scene's values without renders (SPEC "Encoder notes").

The steps are those that HAC begins with, but in the log domain for scales; features, whose size depends on
how a scene was trained, count by their spread.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.profile import FIRST_MASK, SCALES
from hemgs_codec.distortion.weights import IMPORTANCE_STEP, Weights

FEATURE_SHARE = 0.5
"""Step of features at the reference lambda, as a share of their root mean square over the scene."""
SCALE_STEP = 0.05
OFFSET_STEP = 0.2
_LEAST_SPREAD = 1e-6


def analytic_anchor_weights(attributes: npt.NDArray[np.float64], shape: NetworkShape) -> Weights:
    """Return weights of the channels (N, C) of `anchors.profile.attributes_from_anchors`."""
    first, features = FIRST_MASK + shape.slots, shape.features
    steps = np.ones_like(attributes)
    spread = np.sqrt(np.mean(attributes[:, first : first + features] ** 2))
    steps[:, first : first + features] = FEATURE_SHARE * max(spread, _LEAST_SPREAD)
    steps[:, first + features : first + features + SCALES] = SCALE_STEP
    steps[:, first + features + SCALES :] = OFFSET_STEP
    steps[:, 0] = IMPORTANCE_STEP
    return Weights(steps**-2.0, np.ones(len(attributes)))
