"""Analytic weights: what errors cost the picture, guessed without one (SPEC "Encoder notes").

What `encode` does with ``weights="analytic"``; also how coarsely a scene is disturbed before anything was
measured:

* A Gaussian's best step is the reference step times ``opacity**-1/2 * (s1 * s2)**-1/8``, s1 and s2 its two
  largest scales, relative to the scene's median and capped at 8 both ways; its weight is the inverse square
  of that.
* Scales count by relative change, the smallest axis a third as much; companded opacity logits alike for all.
* A turn about one of the Gaussian's axes counts by the log ratio of the other two scales: turning a sphere
  changes nothing. x, y, z of the quaternion count by the turns that an error in them makes.
* All SH coefficients, DC included, count alike.
* A position counts in units of the Gaussian's own size.
* What is said here of geometry is then lessened by `weights.GEOMETRY_SHARE`.

The exponents were chosen by rendering four trained scenes with one attribute disturbed at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.distortion.weights import GEOMETRY_SHARE, IMPORTANCE_STEP, MAX_LOG_SIZE, Weights
from hemgs_codec.half_turns import LEAST_W

Float64Array = npt.NDArray[np.float64]

OPACITY_POWER = 0.5
AREA_POWER = 0.125
CAP = 8.0
"""Steps differ from the median Gaussian's by at most this factor."""

REFERENCE_STEPS = {"opacity": 0.32, "scales": 0.17, "rotation": 0.05, "sh": 0.14}
"""Steps, in each value's own units, of a median Gaussian at the reference lambda where rates are high."""
SMALLEST_AXIS_FACTOR = 2.4
REFERENCE_POSITION_STEP = 0.042
"""Step of a position at the reference lambda, as a share of the largest scale."""


def analytic_weights(attributes: Float64Array, *, geometry_share: float = GEOMETRY_SHARE) -> Weights:
    """Return weights of canonical attributes (N, C), by the rule above; geometry's count as much as said."""
    log_opacity = -np.logaddexp(0.0, -profile.expand_opacity(attributes[:, profile.OPACITY_CHANNEL]))
    scales = attributes[:, profile.SCALE_CHANNELS]
    log_area = scales[:, 0] + scales[:, 1]

    def relative(log_step: Float64Array) -> Float64Array:
        limit = np.log(CAP)
        return np.asarray(np.exp(np.clip(log_step - np.median(log_step), -limit, limit)))

    colour = relative(-OPACITY_POWER * log_opacity - AREA_POWER * log_area)
    shape = relative(-OPACITY_POWER * log_opacity)
    turns = _turn_sensitivity(scales, attributes[:, profile.ROTATION_CHANNELS])
    rotation = relative(-OPACITY_POWER * log_opacity[:, None] - np.log(turns))
    steps = np.empty_like(attributes)
    steps[:, profile.IMPORTANCE_CHANNEL] = IMPORTANCE_STEP
    steps[:, profile.OPACITY_CHANNEL] = REFERENCE_STEPS["opacity"]
    steps[:, profile.SCALE_CHANNELS] = REFERENCE_STEPS["scales"] * shape[:, None]
    steps[:, profile.SCALE_CHANNELS.stop - 1] *= SMALLEST_AXIS_FACTOR
    steps[:, profile.ROTATION_CHANNELS] = REFERENCE_STEPS["rotation"] * rotation
    steps[:, profile.DC_CHANNELS.start :] = REFERENCE_STEPS["sh"] * colour[:, None]
    size = np.exp(np.clip(scales[:, 0], -MAX_LOG_SIZE, MAX_LOG_SIZE))
    weights = Weights(steps**-2.0, (REFERENCE_POSITION_STEP * size * shape) ** -2.0)
    return weights.with_geometry_at(geometry_share)


def _turn_sensitivity(
    log_scales: npt.NDArray[np.float64], quat_xyz: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return how much the shape changes (N, 3) with the quaternion's x, y, z.

    With q = (w, v), an error dv turns the Gaussian about its own axes by 2 (w dv + v (v·dv) / w - v x dv).
    """
    x, y, z = quat_xyz.T
    w = np.sqrt(np.maximum(1.0 - (quat_xyz**2).sum(axis=1), LEAST_W**2))
    turns = w[:, None, None] * np.eye(3) + quat_xyz[:, :, None] * quat_xyz[:, None, :] / w[:, None, None]
    cross = np.zeros_like(turns)  # the matrix of v x
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    turns -= cross - cross.transpose(0, 2, 1)
    s = log_scales
    ratios = np.stack([s[:, 1] - s[:, 2], s[:, 0] - s[:, 2], s[:, 0] - s[:, 1]], axis=1)
    return np.asarray(np.sqrt(np.einsum("nj,nji->ni", np.maximum(ratios, 0.05) ** 2, turns**2)))
