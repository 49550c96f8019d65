"""A prior's steps are centred on a scene that nothing is fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec import profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.cache import make_fit
from hemgs_codec.fit.centre import centre_rows, centred_model
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import groups_of
from tests.prior.small import random_prior
from tests.small import crop


def test_without_a_fit_a_priors_bias_of_steps_is_taken_out(chair: GaussianScene) -> None:
    scene = crop(chair, 400)
    attributes = profile.attributes_from_scene(scene)
    weights = analytic_weights(attributes)
    channels = gaussian_channels(scene, attributes, 400)
    options = EncodeOptions(effort=0)
    plain, biased = (
        centred_model(channels, weights, options, random_prior(octaves=bias)).scaling.step_offsets(
            groups_of(channels.shape)
        )
        for bias in (0.0, 2.0)
    )
    moved = (biased - plain) / 8
    assert np.median(moved[moved != 0]) == pytest.approx(-2, abs=0.25)


def test_a_model_without_a_fit_is_the_priors(chair: GaussianScene) -> None:
    scene, prior = crop(chair, 400), random_prior()
    attributes = profile.attributes_from_scene(scene)
    channels = gaussian_channels(scene, attributes, 400)
    fitted = make_fit(channels, analytic_weights(attributes), EncodeOptions(effort=0), prior=prior)
    assert fitted.prior is prior
    for name, matrix in fitted.model.weights.items():
        np.testing.assert_array_equal(matrix, prior.model.weights[name])


def test_large_scenes_are_centred_on_blocks_of_neighbours(chair: GaussianScene) -> None:
    by_morton = morton_sort(np.floor((chair.means - chair.means.min(0)) * 64).astype(np.int64))
    rows = centre_rows(by_morton)
    assert len(rows) == len(set(rows.tolist())) == 8192
    place = np.argsort(by_morton)[rows]
    assert (np.diff(place) == 1).sum() == 8184
    assert (place[0], place[-1]) == (0, len(by_morton) - 1)


def test_small_scenes_are_centred_on_all_points() -> None:
    assert sorted(centre_rows(np.array([2, 0, 1])).tolist()) == [0, 1, 2]
