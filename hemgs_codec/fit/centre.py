"""A model without a fit: a prior's networks, and steps that are centred on the scene.

A prior says by how much steps of an anchor differ from the scene's. In a scene unlike those it has seen it
may be off by the same amount everywhere, which costs bits and says nothing: `Scaling.octaves` takes it out;
or by what hangs on opacity and scales, which `Scaling.tilts` takes out.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.setting import (
    choose_geometry,
    choose_lattice,
    finest_lattice,
    model_spec,
    position_octaves,
)
from hemgs_codec.fit.wanted import mean_steps, wanted_octaves, wanted_steps
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model import predictor
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.scaling import activations, coded_entries, fit_scaling
from hemgs_codec.model.tilts import NUM_TILTS, TILT_BITS, tilted_octaves, tilting_features
from hemgs_codec.model.units import NUM_STEPS, UNIT, UNIT_STEP, VALUE_BITS, step_table
from hemgs_codec.prior.prior import Prior
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.shapes import groups_of

_LAMBDA = 2e-3
"""Where steps are centred: there the networks' input for λ is 0."""
_MIDDLE = 1 / 16  # octaves are floored to eighths: the middle of a step index
_BLOCKS, _BLOCK = 8, 1024
_RIDGE = 1e-2
_COARSEST = 2.0
_NEWTON_STEPS = 12
_LEAST_MOVE = 1e-3
Int64Array = npt.NDArray[np.int64]


def centred_model(scene: ChannelScene, weights: Weights, options: EncodeOptions, prior: Prior) -> FittedModel:
    """Return a prior's networks for a scene, with steps that are on average those wanted."""
    groups = groups_of(scene.shape)
    attributes = weights.with_importance(scene.attributes)
    scaling = in_prior_units(fit_scaling(attributes, groups), groups)
    model = prior.networks_for(model_spec(scene, scaling, options, prior))
    geometry, finest = choose_geometry(scene, weights, options), finest_lattice(scene)
    wanted, share = wanted_steps(
        model.spec,
        wanted_octaves(weights.values * scaling.channel_scales(groups) ** 2),
        position_octaves(weights, finest) - geometry.position_step / 8,
        coded_entries(attributes, groups),
    )
    rows = centre_rows(morton_sort(finest.quantise(scene.means)))
    places = _places(scene, weights, options, geometry, prior, rows)
    values = scaling.normalise(attributes[rows], groups)
    first = np.rint(8 * mean_steps(wanted)).astype(np.int64)
    octaves, tilts = centred_steps(
        model, places, values, wanted[rows], share[rows], first, scene.count, has_tilts=options.use_tilts
    )
    scaling = replace(scaling, octaves=octaves.astype(np.int8), tilts=tilts)
    return FittedModel(scene.shape, geometry, scaling, model, prior)


def centre_rows(by_morton: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return rows to centre on, of all in Morton order (N,): blocks of neighbours, spread over the scene."""
    count = len(by_morton)
    if count <= _BLOCKS * _BLOCK:
        return by_morton
    starts = np.linspace(0, count - _BLOCK, _BLOCKS).astype(np.int64)
    return by_morton[np.unique(starts[:, None] + np.arange(_BLOCK))]


def centred_steps(
    model: FrozenModel,
    places: npt.NDArray[np.int16],
    values: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
    share: npt.NDArray[np.float64],
    first: Int64Array,
    count: int,
    *,
    has_tilts: bool = True,
) -> tuple[Int64Array, npt.NDArray[np.int8] | None]:
    """Return step offsets (S,) in eighths of octaves and tilts (S, 10): steps are near those wanted.

    Parameters
    ----------
    places : (n, L)
        Location features.
    values : (n, C)
        In channel scales.
    wanted, share : (n, S)
        Of `wanted_steps`.
    first : (S,)
        What stays where no step is predicted.
    count : int
        Gaussians of the scene: tilts are None where they save less than they take, or without `has_tilts`.
    """
    spec, m = model.spec, model.arithmetic(None)
    location, lam = places.astype(np.float64), np.zeros((len(places), 1))
    seen = np.zeros(values.shape)
    offsets, tilts = first.copy(), np.zeros((len(first), NUM_TILTS), dtype=np.int8)
    saved = 0.0
    for g, group in enumerate(spec.groups):
        steps = slice(spec.first_step(g), spec.first_step(g + 1))
        index = np.full((len(places), group.num_steps), UNIT_STEP)
        if not group.flags and g not in spec.constant:
            prior = predictor.prior(m, g, location, seen[:, : spec.earlier(g)], lam)
            octaves = predictor.step_octaves(m, g, prior, lam) / UNIT
            features = tilting_features(seen)
            for t in range(steps.start, steps.stop):
                if share[:, t].any():
                    off = wanted[:, t] + _MIDDLE - octaves[:, t - steps.start]
                    if has_tilts:
                        offsets[t], tilts[t], gain = tilt_for(features, off, share[:, t])
                        saved += gain
                    else:
                        mean = share[:, t] @ off / share[:, t].sum()
                        offsets[t] = int(np.clip(np.rint(8 * mean), -128, 127))
            octaves += tilted_octaves(features, tilts[steps]) / UNIT
            index = np.floor(8 * octaves).astype(np.int64) + UNIT_STEP + offsets[steps]
        step = step_table()[np.clip(index, 0, NUM_STEPS - 1)][:, list(group.channel_steps)]
        channels = slice(spec.first_channel(g), spec.first_channel(g) + group.channels)
        symbols = np.rint(values[:, channels] * 2.0**VALUE_BITS / step).astype(np.int64)
        seen[:, channels] = activations(symbols * step)
    if not has_tilts:
        return offsets, None
    if saved * spec.channels * count > 8 * tilts.size:
        return offsets, tilts
    return centred_steps(model, places, values, wanted, share, first, count, has_tilts=False)


def tilt_for(
    features: npt.NDArray[np.float64], off: npt.NDArray[np.float64], share: npt.NDArray[np.float64]
) -> tuple[int, npt.NDArray[np.int8], float]:
    """Return one step's offset, its tilts (10,), and the bits a value that they save.

    A step r octaves too long costs 4**r / ln 4 - r bits a value: errors, less what is saved. Beyond
    `_COARSEST` errors grow no faster, for there values are about as large as their errors.

    Parameters
    ----------
    features, off, share : (n, 10), (n,), (n,)
        Of `tilting_features`; octaves by which steps are to be longer; values that take a step, of all.
    """
    weight = share / share.sum()
    mean = float(weight @ off)
    scaled = features / UNIT
    inputs = np.concatenate([np.ones((len(off), 1)), scaled], axis=1)
    ridge = math.log(4) * np.diag([0.0] + [_RIDGE] * NUM_TILTS)
    solution = np.concatenate([[mean], np.zeros(NUM_TILTS)])

    def cost(solution: npt.NDArray[np.float64]) -> float:
        return _cost_of(inputs @ solution - off, weight) + 0.5 * float(solution @ ridge @ solution)

    least = cost(solution)
    for _ in range(_NEWTON_STEPS):
        rest = inputs @ solution - off
        errors = 4.0 ** np.minimum(rest, _COARSEST)
        slope = inputs.T @ (weight * (errors - 1)) + ridge @ solution
        bend = math.log(4) * (inputs.T * (weight * errors)) @ inputs + ridge
        move = np.linalg.solve(bend, -slope)
        while (further := cost(solution + move)) > least and np.abs(move).max() > _LEAST_MOVE:
            move /= 2
        if further > least:
            break
        solution, least = solution + move, further
    tilts = np.clip(np.rint(solution[1:] * (1 << TILT_BITS)), -128, 127).astype(np.int8)
    eighths = int(np.clip(np.rint(8 * solution[0]), -128, 127))
    rest = scaled @ tilts / (1 << TILT_BITS) + eighths / 8 - off
    return eighths, tilts, float(share.mean()) * (_cost_of(mean - off, weight) - _cost_of(rest, weight))


def _cost_of(rest: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> float:
    """Return the bits a value that steps (n,) octaves too long cost; see `tilt_for`."""
    within = np.minimum(rest, _COARSEST)
    return float(weight @ (4.0**within * (1 / math.log(4) + rest - within) - rest))


def _places(
    scene: ChannelScene,
    weights: Weights,
    options: EncodeOptions,
    geometry: Geometry,
    prior: Prior,
    rows: npt.NDArray[np.intp],
) -> npt.NDArray[np.int16]:
    """Return location features (n, L) of scene rows (n,), seen as a scene of its own."""
    lattice = choose_lattice(scene, weights, _LAMBDA, options.position_bits)
    samples = make_samples(
        scene.means[rows],
        [lattice],
        order=options.order,
        context=options.context,
        window=options.window,
        voxel_shift=geometry.voxel_shift,
        prior=prior,
    )
    return np.asarray(samples.geometry[0])
