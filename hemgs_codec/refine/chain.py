"""The chain rule from a scene's arrays to its canonical channels (`profile.attributes_from_scene`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.colour import luma_chroma_from_rgb
from hemgs_codec.render import Gradients

Float64Array = npt.NDArray[np.float64]
_LEAST_W = 0.05
"""The quaternion's w falls without bound as x, y, z grow to length 1: there its slope is capped."""


def channel_gradients(attributes: Float64Array, by_scene: Gradients) -> Float64Array:
    """Return gradients (N, C) by attributes (N, C) from those by `profile.scene_from_attributes` of them."""
    out = np.zeros_like(attributes)
    companded = attributes[:, profile.OPACITY_CHANNEL]
    out[:, profile.OPACITY_CHANNEL] = by_scene.opacity_logits * profile.opacity_slope(companded)
    out[:, profile.SCALE_CHANNELS] = by_scene.log_scales
    xyz = attributes[:, profile.ROTATION_CHANNELS]
    square = (xyz * xyz).sum(axis=1, keepdims=True)
    by_w, by_xyz = by_scene.quats[:, :1], by_scene.quats[:, 1:]
    inside = by_xyz - by_w * xyz / np.sqrt(np.maximum(1.0 - square, _LEAST_W**2))
    # beyond length 1 w stays 0 and the length is divided out
    length = np.sqrt(np.maximum(square, 1.0))
    outside = (by_xyz - xyz * (by_xyz * xyz).sum(axis=1, keepdims=True) / length**2) / length
    out[:, profile.ROTATION_CHANNELS] = np.where(square < 1.0, inside, outside)
    out[:, profile.DC_CHANNELS.start :] = profile.colour_channels(
        luma_chroma_from_rgb(by_scene.sh0), luma_chroma_from_rgb(by_scene.shN)
    )
    return out
