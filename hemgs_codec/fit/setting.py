"""What a fit works on, all of it chosen before: networks' sizes, lattices, and how contexts are found."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.distortion.weights import Weights, lattice_step_for
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.lattice import (
    NUM_LATTICE_STEPS,
    Lattice,
    fit_lattice,
    index_for_bits,
    index_for_step,
    lattice_step,
)
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.hashgrid import make_levels
from hemgs_codec.model.scaling import Scaling, constant_groups
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.prior.prior import Prior
from hemgs_codec.shapes import groups_of

GRID_BITS = 0.25
"""Binary entries of the hash grid per Gaussian: beside an autoregressive network a larger one never paid."""
GRID_FEATURES = 2
GRID_EFFORT = 3
"""The least effort at which there is a hash grid: it takes long to learn, and starts from nothing."""


def network_widths(num_gaussians: int) -> tuple[int, int]:
    """Hidden widths by scene size, of all layers and of the slices': a network must save its own bits."""
    if num_gaussians < 15_000:
        return 8, 12
    return (16, 24) if num_gaussians < 120_000 else (24, 32)


def model_spec(
    scene: ChannelScene, scaling: Scaling, options: EncodeOptions, prior: Prior | None = None
) -> ModelSpec:
    """Size the networks to the scene, or as a prior has them."""
    groups, count = groups_of(scene.shape), scene.count
    has_grid = options.use_hash and options.effort >= GRID_EFFORT
    hidden, slice_hidden = network_widths(count)
    spec = ModelSpec(
        groups=groups,
        levels=make_levels(count, GRID_BITS, GRID_FEATURES) if has_grid else (),
        features=GRID_FEATURES,
        hidden=hidden,
        slice_hidden=slice_hidden,
        heads=2,
        use_context=options.use_context and options.context > 0,
        use_earlier=options.use_earlier,
        use_adaptation=options.use_adaptation,
        constant=constant_groups(scaling, groups),
    )
    return spec if prior is None else prior.spec_for(spec)


def choose_lattice(
    scene: ChannelScene, weights: Weights, lambda_: float, position_bits: int | None
) -> Lattice:
    """Return the lattice that a scene is coded on at λ."""
    if scene.lattice is not None:
        return scene.lattice
    base = fit_lattice(scene.means, 0)
    if position_bits is not None:
        return fit_lattice(scene.means, index_for_bits(position_bits))
    return fit_lattice(scene.means, index_for_step(lattice_step_for(weights, lambda_), base.unit))


def hash_box(points: npt.NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Return a cube about the middle 96 % of the anchors: far outliers mustn't waste the grid."""
    low, high = np.quantile(points, (0.02, 0.98), axis=0)
    side = int((high - low).max() * 1.1) + 1
    x, y, z = (int(v) for v in (low + high) / 2 - side / 2)
    return x, y, z, side


def choose_geometry(scene: ChannelScene, weights: Weights, options: EncodeOptions) -> Geometry:
    """Return how contexts of a scene are chosen, whatever λ it's coded at."""
    finest = finest_lattice(scene)
    coords = finest.quantise(scene.means)
    points = finest.base_points(coords)
    position_step = 0
    if any(group.refines_positions for group in groups_of(scene.shape)):
        median = float(np.median(position_octaves(weights, finest)))
        position_step = int(np.clip(np.rint(8 * median), -NUM_LATTICE_STEPS, NUM_LATTICE_STEPS))
    return Geometry(
        options.order,
        options.context,
        options.window,
        choose_voxel_shift(points[morton_sort(coords)]),
        hash_box(points),
        position_step,
    )


def finest_lattice(scene: ChannelScene) -> Lattice:
    """Return the lattice that says where anchors are, whatever λ they are coded at."""
    return scene.lattice if scene.lattice is not None else fit_lattice(scene.means, 0)


def position_octaves(weights: Weights, lattice: Lattice) -> npt.NDArray[np.float64]:
    """Return log2 (N,) of the steps that positions want, in finest lattice steps."""
    octaves = np.log2(weights.positions**-0.5 / lattice.unit) - math.log2(lattice_step(0))
    return np.asarray(octaves)
