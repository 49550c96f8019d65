"""The ``gaussian`` profile: a vanilla 3DGS scene as attribute groups (SPEC "Gaussian profile").

A profile is data: which channels a scene has, how they are grouped and sliced, and the way back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.canonical import canonicalise, quats_from_xyz
from hemgs_codec.colour import luma_chroma_from_rgb, rgb_from_luma_chroma
from hemgs_codec.half_turns import agree_with_neighbours
from hemgs_codec.model.spec import Group
from hemgs_codec.profile_names import GAUSSIAN_GROUPS
from hemgs_codec.scene import GaussianScene

IMPORTANCE_CHANNEL = 0
OPACITY_CHANNEL = 1
SCALE_CHANNELS = slice(2, 5)
ROTATION_CHANNELS = slice(5, 8)
DC_CHANNELS = slice(8, 11)
SH_CHANNEL = 11
"""The first of the bands' channels."""
_DC_GROUP = GAUSSIAN_GROUPS.index("sh0")  # the last one of the first layer
OPACITY_KNEE = 3.0
_OPACITY_LIMIT = 1.0 - 2.0**-8
_BANDS = (1, 4, 9)  # first coefficient of SH bands 1, 2, 3 when the DC is coefficient 0


def groups(sh_degree: int) -> tuple[Group, ...]:
    """Return the attribute groups, in coding order, of a scene of this SH degree."""
    slices: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((1,), (0,)),  # importance
        ((1,), (0,)),  # opacity
        ((1, 1, 1), (0, 0, 1)),  # scales
        ((), ()),  # positions
        ((1, 1, 1), (0, 1, 2)),  # rotation
        ((1, 1, 1), (0, 1, 1)),  # sh0
        *(((2 * degree + 1, 4 * degree + 2), (0, 1)) for degree in range(1, sh_degree + 1)),
    )
    return tuple(
        Group(name, *parts, follows_lambda=name != GAUSSIAN_GROUPS[0], layer=max(index - _DC_GROUP, 0))
        for index, (name, parts) in enumerate(zip(GAUSSIAN_GROUPS, slices, strict=False))
    )


def compress_opacity(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compress logits (N,) above 0 toward 3: between two nearly opaque Gaussians there's little to see."""
    high = np.maximum(logits, 0.0) / OPACITY_KNEE
    return np.where(logits > 0, OPACITY_KNEE * (high / np.sqrt(1.0 + high * high)), logits)


def expand_opacity(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Invert `compress_opacity`; values beyond its range give its largest logit, 33.9.

    Only operations that IEEE 754 rounds the same everywhere: a decoder calls it.
    """
    high = np.minimum(np.maximum(values, 0.0) / OPACITY_KNEE, _OPACITY_LIMIT)
    return np.where(values > 0, OPACITY_KNEE * (high / np.sqrt(1.0 - high * high)), values)


def opacity_slope(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the derivative (N,) of `expand_opacity`."""
    high = np.minimum(np.maximum(values, 0.0) / OPACITY_KNEE, _OPACITY_LIMIT)
    return np.asarray((1.0 - high * high) ** -1.5)


def attributes_from_scene(scene: GaussianScene) -> npt.NDArray[np.float64]:
    """Return the channels (N, C) of a scene in canonical form, groups side by side.

    Importance, no part of a scene and 0 here (`distortion.weights.Weights` has it); companded opacity
    logit; log-scales in descending order; quaternion x, y, z; luma and two chromas of the DC; per SH band all
    lumas, then both chromas.
    """
    log_scales, canonical_xyz = canonicalise(scene)
    xyz = agree_with_neighbours(scene.means, canonical_xyz)
    parts = [
        np.zeros((scene.num_gaussians, 1)),
        compress_opacity(scene.opacity_logits.astype(np.float64))[:, None],
        log_scales,
        xyz,
        colour_channels(luma_chroma_from_rgb(scene.sh0), luma_chroma_from_rgb(scene.shN)),
    ]
    return np.concatenate(parts, axis=1)


def colour_channels(dc: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Put what belongs to DC (N, 3) and other SH coefficients (N, K - 1, 3) in the channels' order."""
    parts = [dc]
    for first in _BANDS:
        if first <= rest.shape[1]:
            band = rest[:, first - 1 : first + 2 * (_BANDS.index(first) + 1)]
            parts.append(band.transpose(0, 2, 1).reshape(len(rest), -1))
    return np.concatenate(parts, axis=1)


def scene_from_attributes(
    means: npt.NDArray[np.float32], values: npt.NDArray[np.float64], sh_degree: int
) -> GaussianScene:
    """Invert `attributes_from_scene`, up to symmetries: positions (N, 3) and channels (N, C) to a scene."""
    count = len(values)
    rest = np.zeros((count, (sh_degree + 1) ** 2 - 1, 3))
    first = SH_CHANNEL
    for degree in range(1, sh_degree + 1):
        width = 2 * degree + 1
        band = values[:, first : first + 3 * width].reshape(count, 3, width).transpose(0, 2, 1)
        rest[:, _BANDS[degree - 1] - 1 : _BANDS[degree - 1] - 1 + width] = band
        first += 3 * width
    return GaussianScene(
        means=means,
        log_scales=values[:, SCALE_CHANNELS].astype(np.float32),
        quats=quats_from_xyz(values[:, ROTATION_CHANNELS]).astype(np.float32),
        opacity_logits=expand_opacity(values[:, OPACITY_CHANNEL]).astype(np.float32),
        sh0=rgb_from_luma_chroma(values[:, DC_CHANNELS]).astype(np.float32),
        shN=rgb_from_luma_chroma(rest).astype(np.float32),
    )
