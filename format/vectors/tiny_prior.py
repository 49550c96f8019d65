"""Tiny files that lean on the prior that ships, made of integers only: the same on every machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.tilts import NUM_TILTS
from hemgs_codec.prior.library import default_prior
from hemgs_codec.shapes import GaussianShape
from vectors.tiny import (
    Recipe,
    draws,
    encode_tiny,
    model_spec,
    tiny_channels,
    tiny_model,
    tiny_scaling,
    tiny_scene,
)

_SPARSE = 1 << 14  # of 2**15: one list in two is sent, one parameter in two of those differs
_STEP = 4


def encode_tiny_prior(
    count: int, recipe: Recipe, seed: int, scaling: Scaling | None = None, *, has_differences: bool = False
) -> bytes:
    """Code a scene with the prior's networks, or with some that differ from them."""
    assert isinstance(recipe.shape, GaussianShape)
    degree = recipe.shape.sh_degree
    prior = default_prior(recipe.shape)
    assert prior is not None, "a release has a prior for every degree"
    scaling = scaling or tiny_scaling(degree)
    spec = prior.spec_for(model_spec(recipe, scaling))
    num_steps = spec.first_step(len(spec.groups))
    scaling = replace(scaling, octaves=(draws(seed, num_steps) >> 12).astype(np.int8))
    if not has_differences:  # as where nothing is fitted
        tilts = draws(seed + 1, num_steps * NUM_TILTS) >> 10
        scaling = replace(scaling, tilts=tilts.astype(np.int8).reshape(-1, NUM_TILTS))
    model = replace(prior.networks_for(spec), tables=tiny_model(spec, seed).tables)
    if has_differences:
        model = _changed(model, seed)
    scene = tiny_channels(tiny_scene(count, degree, seed))
    return encode_tiny(scene, recipe, scaling, model, prior)


def _changed(model: FrozenModel, seed: int) -> FrozenModel:
    """Return a model some of whose parameters are moved by multiples of a step."""
    weights, biases = dict(model.weights), dict(model.biases)
    for number, lists in enumerate((weights, biases)):
        for place, (name, values) in enumerate(lists.items()):
            drawn = draws(seed + 2 * place + number, values.size)
            if drawn[0] > 0:
                moved = np.where(np.abs(drawn) < _SPARSE, (drawn >> 12) * _STEP, 0)
                lists[name] = (values + moved.reshape(values.shape)).astype(np.int32)
    return replace(model, weights=weights, biases=biases)
