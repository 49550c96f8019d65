"""Fit an entropy model to a scene: sizes from the scene, samples, training, freezing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.context.order import Order
from hemgs_codec.distortion.weights import Weights, lattice_step_for
from hemgs_codec.fit.centre import centre_rows, centred_offsets
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.train import Fit, FitOptions
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
from hemgs_codec.model.scaling import Scaling, coded_entries, constant_groups, fit_scaling
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.prior.prior import Prior
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.progress import Progress
from hemgs_codec.shapes import groups_of

LEARNING_RATE_FROM_PRIOR = 2e-2
"""Of fits that start from shipped networks: differences count once they cross half a step of a weight."""
GRID_BITS = 0.25
"""Binary entries of the hash grid per Gaussian: beside an autoregressive network a larger one never paid."""
GRID_FEATURES = 2
DEFAULT_EFFORT = 4
LENGTHS = (0.0, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Length of a fit by effort, as a share of the usual one."""
GRID_EFFORT = 3
"""The least effort at which there is a hash grid: it takes long to learn, and starts from nothing."""
_LATTICE_LAMBDAS = (5e-4, 2e-3, 8e-3)


@dataclass(frozen=True)
class EncodeOptions:
    """Options of a fit and the coding that follows; the defaults are `encode`'s.

    Attributes
    ----------
    effort : int
        0 .. 9: how long to fit, from not at all.
    iterations : int or None
        Length of the fit; None: by effort and scene size.
    order, context, window
        Coding order, most context anchors, window width in voxels.
    position_bits : int or None
        Bits an axis; None: by λ.
    use_hash, use_context, use_earlier : bool
        Ablation switches: the hash grid, the autoregressive network, conditioning on earlier groups.
    """

    seed: int = 0
    effort: int = DEFAULT_EFFORT
    iterations: int | None = None
    order: Order = "permuted"
    context: int = 20
    window: int = 25
    position_bits: int | None = None
    use_hash: bool = True
    use_context: bool = True
    use_earlier: bool = True


def fit_length(num_gaussians: int, options: EncodeOptions) -> int:
    """Length of a fit by effort and scene size: small scenes overfit their networks soon."""
    if options.iterations is not None:
        return options.iterations
    return round(float(np.clip(num_gaussians / 40, 600, 1200)) * LENGTHS[options.effort])


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


def prepare_fit(
    scene: ChannelScene,
    weights: Weights,
    options: EncodeOptions,
    *,
    device: str = "cpu",
    fixed_octaves: torch.Tensor | None = None,
    prior: Prior | None = None,
) -> tuple[Fit, Geometry, Scaling]:
    """Make all that a fit starts from.

    Parameters
    ----------
    fixed_octaves : (λs, N, S) int8 or None
        Steps to keep instead of fitting them: see `Fit`.
    prior : Prior or None
        Networks to start from.
    """
    attributes = weights.with_importance(scene.attributes)
    scaling = fit_scaling(attributes, groups_of(scene.shape))
    if prior is not None:
        scaling = in_prior_units(scaling, groups_of(scene.shape))
    spec = model_spec(scene, scaling, options, prior)
    geometry = choose_geometry(scene, weights, options)
    lattices = [choose_lattice(scene, weights, v, options.position_bits) for v in _LATTICE_LAMBDAS]
    if options.position_bits is not None or scene.lattice is not None:
        lattices = lattices[:1]
    draw = partial(
        make_samples,
        order=options.order,
        context=options.context,
        window=options.window,
        voxel_shift=geometry.voxel_shift,
        prior=prior,
    )
    length = fit_length(scene.count, options)
    samples = draw(scene.means, lattices if length else [])  # contexts are for a fit to look at
    finest = finest_lattice(scene)
    fit_options = FitOptions(iterations=length, seed=options.seed)
    if prior is not None:
        fit_options = replace(fit_options, learning_rate=LEARNING_RATE_FROM_PRIOR)
    fit = Fit(
        spec,
        scaling.normalise(attributes, spec.groups),
        weights.values * scaling.channel_scales(spec.groups) ** 2,
        position_octaves(weights, finest) - geometry.position_step / 8,
        finest.base_points(finest.quantise(scene.means)),
        np.array(geometry.box),
        samples,
        fit_options,
        device,
        fixed_octaves,
        coded_entries(attributes, spec.groups),
        centre_steps=prior is not None,
        base=None if prior is None else prior.networks_for(spec),
    )
    if prior is not None and not length:
        rows = centre_rows(morton_sort(finest.quantise(scene.means)))
        around = draw(scene.means[rows], [lattices[len(lattices) // 2]])
        fit.step_offsets = centred_offsets(fit, rows, around)
    if prior is not None:
        scaling = replace(scaling, octaves=(8 * fit.step_offsets).numpy().astype(np.int8))
    return fit, geometry, scaling


def finest_lattice(scene: ChannelScene) -> Lattice:
    """Return the lattice that says where anchors are, whatever λ they are coded at."""
    return scene.lattice if scene.lattice is not None else fit_lattice(scene.means, 0)


def position_octaves(weights: Weights, lattice: Lattice) -> npt.NDArray[np.float64]:
    """Return log2 (N,) of the steps that positions want, in finest lattice steps."""
    octaves = np.log2(weights.positions**-0.5 / lattice.unit) - math.log2(lattice_step(0))
    return np.asarray(octaves)


def fit_model(
    scene: ChannelScene,
    weights: Weights,
    options: EncodeOptions,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    prior: Prior | None = None,
) -> FittedModel:
    """Fit and freeze a model; parameters as those of `prepare_fit`."""
    fit, geometry, scaling = prepare_fit(scene, weights, options, device=device, prior=prior)
    fit.run(progress)
    base = None if prior is None else prior.networks_for(fit.spec)
    model = freeze(fit.spec, fit.parameters, fit.weight_steps, base)
    return FittedModel(scene.shape, geometry, scaling, model, prior)
