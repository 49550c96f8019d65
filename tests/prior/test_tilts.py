"""Steps of a scene that nothing is fitted to follow its opacity and scales as the scene wants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec import GaussianScene, decode, encode, profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.decoder import decode_symbols
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.centre import centred_model, tilt_for
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.model.scaling import VALUE_LIMIT
from hemgs_codec.model.tilts import NUM_TILTING, NUM_TILTS, TILT_BITS, tilted_octaves, tilting_features
from hemgs_codec.model.units import UNIT
from hemgs_codec.prior import library
from tests.prior.small import random_prior
from tests.small import crop


def seen(count: int) -> npt.NDArray[np.int16]:
    return np.random.default_rng(3).normal(0, UNIT, (count, NUM_TILTING + 4)).astype(np.int16)


def test_tilts_that_a_scene_wants_are_found() -> None:
    features = tilting_features(seen(4000))
    planted = np.zeros((1, NUM_TILTS), dtype=np.int8)
    planted[0, [1, 3, 7]] = 40, -90, 25
    off = tilted_octaves(features, planted)[:, 0] / UNIT + 0.75
    offset, tilts, gain = tilt_for(features, off, np.full(4000, 0.1))
    assert offset == pytest.approx(6, abs=1)
    assert np.abs(tilts - planted[0]).max() <= 2
    assert gain > 0.1 * 0.5 * off.var()


def test_what_isnt_coded_yet_tilts_nothing() -> None:
    features = tilting_features(np.where(np.arange(9) < 2, seen(300), 0).astype(np.int16))
    off = np.random.default_rng(4).normal(0, 1, 300)
    tilts = tilt_for(features, off, np.ones(300))[1]
    assert not tilts[[2, 3, 4, 7, 8, 9]].any()


def test_tilted_octaves_are_integers_and_bounded() -> None:
    extremes = np.full((1, NUM_TILTING), -VALUE_LIMIT, dtype=np.int16)
    largest = tilted_octaves(tilting_features(extremes), np.full((1, NUM_TILTS), -128, dtype=np.int8))
    smallest = NUM_TILTING * -128 * (VALUE_LIMIT**2 // UNIT - VALUE_LIMIT)
    assert largest.tolist() == [[smallest >> TILT_BITS]]


def test_they_are_sent_where_they_save_more_than_they_take(chair: GaussianScene) -> None:
    prior = random_prior()
    tilts = []
    for count in (2, 400):
        scene = crop(chair, count)
        attributes = profile.attributes_from_scene(scene)
        channels = gaussian_channels(scene, attributes, count)
        options = EncodeOptions(effort=0)
        tilts.append(centred_model(channels, analytic_weights(attributes), options, prior).scaling.tilts)
    assert tilts[0] is None  # and steps are centred without them
    assert tilts[1] is not None


def test_a_tilted_scene_decodes_to_what_was_verified(
    chair: GaussianScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior = random_prior()
    monkeypatch.setitem(library._known, prior.id, prior)
    data = encode(crop(chair, 400), weights="analytic", prior=prior, effort=0, cache=False)
    assert decode_symbols(data).fields.scaling.tilts is not None
    scene = decode(data)
    assert isinstance(scene, GaussianScene)
    assert scene.num_gaussians == 400
