"""Fit an entropy model to a scene: samples, training, freezing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.options import EncodeOptions, fit_length
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.setting import (
    choose_geometry,
    choose_lattice,
    finest_lattice,
    model_spec,
    position_octaves,
)
from hemgs_codec.fit.train import Fit, FitOptions
from hemgs_codec.model.scaling import Scaling, coded_entries, fit_scaling
from hemgs_codec.prior.prior import Prior
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.progress import Progress
from hemgs_codec.shapes import groups_of

_MOST_LEARNING_RATE = 2e-2
_LEARNING_RATE_OF_ONE = 0.16
_LATTICE_LAMBDAS = (5e-4, 2e-3, 8e-3)


def learning_rate(iterations: int) -> float:
    """Return the learning rate of a fit that starts from shipped networks.

    Differences count once they cross half a step of a weight, and cost bits: a short fit must stride to get
    there, a long one that strides makes more of them than it needs.
    """
    return min(_LEARNING_RATE_OF_ONE / math.sqrt(max(iterations, 1)), _MOST_LEARNING_RATE)


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
    samples = make_samples(
        scene.means,
        lattices,
        order=options.order,
        context=options.context,
        window=options.window,
        voxel_shift=geometry.voxel_shift,
        prior=prior,
    )
    finest = finest_lattice(scene)
    fit_options = FitOptions(iterations=fit_length(scene.count, options), seed=options.seed)
    if prior is not None:
        fit_options = replace(fit_options, learning_rate=learning_rate(fit_options.iterations))
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
    if prior is not None:
        scaling = replace(scaling, octaves=(8 * fit.step_offsets).cpu().numpy().astype(np.int8))
    return fit, geometry, scaling


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
