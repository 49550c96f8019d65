"""Fit an entropy model to a scene: sizes from the scene, samples, training, freezing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec import profile
from hemgs_codec.coding.fields import Geometry
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.context.order import Order
from hemgs_codec.distortion.weights import Weights, lattice_step_for
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
from hemgs_codec.model.scaling import Scaling, constant_groups, fit_scaling
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.progress import Progress
from hemgs_codec.scene import GaussianScene

GRID_BITS = 0.25
"""Binary entries of the hash grid per Gaussian: beside an autoregressive network a larger one never paid."""
GRID_FEATURES = 2
_LATTICE_LAMBDAS = (5e-4, 2e-3, 8e-3)


@dataclass(frozen=True)
class EncodeOptions:
    """Options of a fit and the coding that follows; the defaults are `encode`'s.

    Attributes
    ----------
    iterations : int or None
        Length of the fit; None: by scene size.
    order, context, window
        Coding order, most context anchors, window width in voxels.
    position_bits : int or None
        Bits an axis; None: by λ.
    use_hash, use_context, use_earlier : bool
        Ablation switches: the hash grid, the autoregressive network, conditioning on earlier groups.
    """

    seed: int = 0
    iterations: int | None = None
    order: Order = "permuted"
    context: int = 20
    window: int = 25
    position_bits: int | None = None
    use_hash: bool = True
    use_context: bool = True
    use_earlier: bool = True


def default_iterations(num_gaussians: int) -> int:
    """Length of a fit by scene size: small scenes overfit their networks soon."""
    return int(np.clip(num_gaussians // 40, 600, 1200))


def network_widths(num_gaussians: int) -> tuple[int, int]:
    """Hidden widths by scene size, of all layers and of the slices': a network must save its own bits."""
    if num_gaussians < 15_000:
        return 8, 12
    return (16, 24) if num_gaussians < 120_000 else (24, 32)


def model_spec(scene: GaussianScene, scaling: Scaling, options: EncodeOptions) -> ModelSpec:
    """Size the networks to the scene."""
    groups = profile.groups(scene.sh_degree)
    count = scene.num_gaussians
    hidden, slice_hidden = network_widths(count)
    return ModelSpec(
        groups=groups,
        levels=make_levels(count, GRID_BITS, GRID_FEATURES) if options.use_hash else (),
        features=GRID_FEATURES,
        hidden=hidden,
        slice_hidden=slice_hidden,
        heads=2,
        use_context=options.use_context and options.context > 0,
        use_earlier=options.use_earlier,
        constant=constant_groups(scaling, groups),
    )


def choose_lattice(
    scene: GaussianScene, weights: Weights, lambda_: float, position_bits: int | None
) -> Lattice:
    """Return the lattice that a scene is coded on at λ."""
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


def prepare_fit(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64],
    weights: Weights,
    options: EncodeOptions,
    *,
    device: str = "cpu",
    fixed_octaves: torch.Tensor | None = None,
) -> tuple[Fit, Geometry, Scaling]:
    """Make all that a fit starts from.

    Parameters
    ----------
    attributes : (N, C) float64
        Canonical attributes (`profile.attributes_from_scene`).
    fixed_octaves : (λs, N, S) int8 or None
        Steps to keep instead of fitting them: see `Fit`.
    """
    attributes = weights.with_importance(attributes)
    scaling = fit_scaling(attributes, profile.groups(scene.sh_degree))
    spec = model_spec(scene, scaling, options)
    finest = fit_lattice(scene.means, 0)
    points = finest.base_points(finest.quantise(scene.means))
    coords = finest.quantise(scene.means)
    voxel_shift = choose_voxel_shift(points[morton_sort(coords)])
    lattices = [choose_lattice(scene, weights, v, options.position_bits) for v in _LATTICE_LAMBDAS]
    if options.position_bits is not None:
        lattices = lattices[:1]
    position_octaves = np.log2(weights.positions**-0.5 / finest.unit)
    position_step = int(np.rint(8 * (np.median(position_octaves) - math.log2(lattice_step(0)))))
    geometry = Geometry(
        options.order,
        options.context,
        options.window,
        voxel_shift,
        hash_box(points),
        int(np.clip(position_step, -NUM_LATTICE_STEPS, NUM_LATTICE_STEPS)),
    )
    samples = make_samples(
        scene.means,
        lattices,
        order=options.order,
        context=options.context,
        window=options.window,
        voxel_shift=voxel_shift,
    )
    iterations = options.iterations if options.iterations is not None else default_iterations(len(points))
    fit = Fit(
        spec,
        scaling.normalise(attributes, spec.groups),
        weights.values * scaling.channel_scales(spec.groups) ** 2,
        position_octaves - math.log2(lattice_step(0)) - geometry.position_step / 8,
        points,
        np.array(geometry.box),
        samples,
        FitOptions(iterations=iterations, seed=options.seed),
        device,
        fixed_octaves,
    )
    return fit, geometry, scaling


def fit_model(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64],
    weights: Weights,
    options: EncodeOptions,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FittedModel:
    """Fit and freeze a model; parameters as those of `prepare_fit`."""
    fit, geometry, scaling = prepare_fit(scene, attributes, weights, options, device=device)
    fit.run(progress)
    model = freeze(fit.spec, fit.parameters, fit.weight_steps)
    return FittedModel(scene.sh_degree, geometry, scaling, model)
