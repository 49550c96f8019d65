"""Opacities and sizes of Gaussians that a part of a file doesn't tell (SPEC "Partial decoding").

What networks expect is near in numbers and far in renders: guessed opacities beside true ones look worse
than the scene's mean, and the largest guesses hide what is known. Where there's no expectation at all, sizes
follow the spacing, which locations tell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemgs_codec.context.neighbours import nearest
from hemgs_codec.decoder import Decoded
from hemgs_codec.model.units import MEAN_LIMIT, log2_fixed
from hemgs_codec.profile import OPACITY_CHANNEL, SCALE_CHANNELS

_NEAREST = 3
_SIZE_PER_SPACING = 32
"""In 2**-16 of a log-scale, for a 256th of an octave of squared spacing: scales grow as its power 0.36."""
Int64Array = npt.NDArray[np.int64]


def fill_gaussians(decoded: Decoded, known: Int64Array, *, is_expected: bool) -> Decoded:
    """Fill in what isn't known of the first layer.

    Parameters
    ----------
    decoded
        Gaussians; values that aren't known are what the networks expect, or 0.
    known : (K,) int64
        Ranks of those whose first layer is known.
    is_expected
        The networks were asked for the others.
    """
    fields, values = decoded.fields, decoded.walked.values.copy()
    unknown = np.ones(len(values), dtype=bool)
    unknown[known] = False
    if is_expected:
        values[unknown, OPACITY_CHANNEL] = 0
        values[unknown, SCALE_CHANNELS] = (values[unknown, SCALE_CHANNELS] * 3) >> 2
    elif unknown.any():
        points = fields.lattice.base_points(decoded.coords)
        spacing = log_spacing(points, fields.geometry.voxel_shift)[decoded.sequence[unknown]]
        scales = fields.scaling.channel_scales(fields.spec.groups)
        for channel in range(*SCALE_CHANNELS.indices(len(scales))):
            if scales[channel] > 0:
                size = np.floor(_SIZE_PER_SPACING * spacing / scales[channel])
                values[unknown, channel] = np.clip(size, -MEAN_LIMIT, MEAN_LIMIT)
    return replace(decoded, walked=replace(decoded.walked, values=values))


def log_spacing(points: Int64Array, voxel_shift: int) -> Int64Array:
    """Return by how much log2 of each point's squared spacing, in 1/256, is above the mean.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates in Morton order.
    voxel_shift : int
        log2 of the voxel in base units.

    Returns
    -------
    (N,) int64
    """
    count = len(points)
    sequence = np.arange(count, dtype=np.int64)
    everywhere = np.full(count, 1 << 27, dtype=np.int64)
    _, squared = nearest(points, sequence, everywhere, count=_NEAREST, causal=False)
    # two voxels are as near as near gets: the crowded aren't small in proportion, and duplicates have a size
    nearest_square = np.int64(1) << (2 * voxel_shift + 2)
    logs = log2_fixed(squared.sum(axis=1) + nearest_square)
    return np.asarray(logs - logs.sum() // count, dtype=np.int64)
