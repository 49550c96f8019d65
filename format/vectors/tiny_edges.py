"""Tiny files at the edges of the format: sizes at which something is cut, and numbers at their limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.lattice import lattice_step
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.units import LAMBDA_MAX
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import GaussianShape
from vectors.tiny import (
    UNIT,
    Recipe,
    draws,
    encode_tiny,
    model_spec,
    tiny_channels,
    tiny_model,
    tiny_scaling,
    tiny_scene,
)
from vectors.tiny_prior import encode_tiny_prior

_OPACITY = 1  # its slice
_WHOLE_CELLS = 160  # positions aren't refined: a step of 1 stands for the coarsest lattice step

TILES = Recipe(
    GaussianShape(0), "permuted", context=1, window=25, hidden=1, heads=1, position_step=_WHOLE_CELLS
)
BATCHES = Recipe(
    GaussianShape(0),
    "tiers",
    context=1,
    window=25,
    hidden=2,
    heads=1,
    lattice_index=136,  # 2**21: eight points an axis
    position_step=_WHOLE_CELLS,
    voxel_shift=22,
    lambda_=LAMBDA_MAX,
)
BLOCKS = Recipe(GaussianShape(0), "permuted", context=0, window=1, hidden=256, heads=1, use_context=False)
LARGE = Recipe(
    GaussianShape(2),
    "raster",
    context=3,
    window=25,
    hidden=2,
    heads=1,
    use_context=False,
    lambda_=1.6e-5,
    log_sigma_bias=3000,  # twelve octaves: the widest tables of some channels, all nine low bits
)
FAR = Recipe(GaussianShape(0), "raster", context=6, window=255, hidden=2, heads=3, voxel_shift=15)
CORNERS = Recipe(
    GaussianShape(0),
    "permuted",
    context=8,
    window=3,
    hidden=2,
    heads=1,
    levels=(Level((0, 1), 12, 1 << 8), Level((0, 1, 2), 0, 8)),
    lattice_index=0,
    position_step=-161,  # twelve halvings wherever there are any
    voxel_shift=25,
)


def only_opacity(scaling: Scaling) -> Scaling:
    """Return the scaling of a scene that is coded by its opacities alone."""
    scales = np.zeros_like(scaling.scales)
    scales[_OPACITY] = scaling.scales[_OPACITY]
    return replace(scaling, scales=scales)


def _encode(channels: ChannelScene, recipe: Recipe, scaling: Scaling, seed: int) -> bytes:
    model = tiny_model(model_spec(recipe, scaling), seed, recipe.log_sigma_bias)
    return encode_tiny(channels, recipe, scaling, model)


def tiles() -> bytes:
    """Lean on a prior with more points than a tile of its PointNet++ has."""
    return encode_tiny_prior(1100, TILES, 2100, only_opacity(tiny_scaling(0)))


def batches() -> bytes:
    """Code more anchors of one depth than a batch has."""
    channels = tiny_channels(tiny_scene(6500, 0, 2200))
    return _encode(channels, BATCHES, only_opacity(tiny_scaling(0)), 2200)


def blocks() -> bytes:
    """Send a list of more weights than a block of symbols has, with escapes on both sides of its end."""
    scaling = only_opacity(tiny_scaling(0))
    spec = model_spec(BLOCKS, scaling)
    model = tiny_model(spec, 2300)
    weights = {name: np.zeros_like(matrix) for name, matrix in model.weights.items()}
    weights["1.0.hidden"][::64, ::128] = draws(2301, 5, 2) >> 5
    biases = {name: np.zeros_like(values) for name, values in model.biases.items()}
    large = FrozenModel(spec, weights, biases, model.shifts, model.tables)
    return encode_tiny(tiny_channels(tiny_scene(2, 0, 2300)), BLOCKS, scaling, large)


def large_symbols() -> bytes:
    """Code values so far out that escapes have more than 16 bits, and others with the widest tables."""
    scene = tiny_scene(12, 2, 2400)
    scene.opacity_logits[[3, 7]] = -3e6, -4e7
    scene.sh0[5] = 1e5
    return _encode(tiny_channels(scene), LARGE, tiny_scaling(2), 2400)


def far_neighbours() -> bytes:
    """Have contexts so wide that edges reach their bounds."""
    return _encode(tiny_channels(tiny_scene(24, 0, 2500)), FAR, tiny_scaling(0), 2500)


def corners() -> bytes:
    """Put Gaussians on the corners of the largest lattice, and beyond the hash grid's cube."""
    last = (1 << 21) - 1
    places = [[x, y, z] for x in (0, last) for y in (0, last) for z in (0, last)]
    places += [[last // 2, last, 1], [0, 0, 0]]
    scene = tiny_scene(len(places), 0, 2600)
    means = (np.array(places, np.float64) * (lattice_step(0) * UNIT)).astype(np.float32)
    scene = GaussianScene(means, scene.log_scales, scene.quats, scene.opacity_logits, scene.sh0, scene.shN)
    return _encode(tiny_channels(scene), CORNERS, tiny_scaling(0), 2600)
