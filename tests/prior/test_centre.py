"""A prior's steps are centred on a scene that nothing is fitted to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hemgs_codec import profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.centre import centre_rows, centred_offsets
from hemgs_codec.fit.fit import EncodeOptions, choose_lattice, prepare_fit
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.scene import GaussianScene
from tests.prior.small import random_prior
from tests.small import crop


def test_without_a_fit_steps_are_on_average_those_wanted(chair: GaussianScene) -> None:
    scene, prior = crop(chair, 400), random_prior(octaves=2.0)
    attributes = profile.attributes_from_scene(scene)
    weights = analytic_weights(attributes)
    channels = gaussian_channels(scene, attributes, 400)
    fit, geometry, scaling = prepare_fit(channels, weights, EncodeOptions(effort=0), prior=prior)
    uncentred, *_ = prepare_fit(channels, weights, EncodeOptions(effort=1), prior=prior)
    moved = fit.step_offsets - uncentred.step_offsets
    assert moved[moved != 0].median() == pytest.approx(-2, abs=0.25)  # the prior's own bias is out
    np.testing.assert_array_equal(scaling.octaves, (8 * fit.step_offsets).numpy())

    lattice = choose_lattice(channels, weights, 2e-3, None)
    rows = np.arange(400)
    samples = make_samples(
        scene.means,
        [lattice],
        order="permuted",
        context=20,
        window=25,
        voxel_shift=geometry.voxel_shift,
        prior=prior,
    )
    torch.testing.assert_close(
        centred_offsets(fit, rows, samples), fit.step_offsets, atol=1 / 8 + 1e-6, rtol=0
    )


def test_large_scenes_are_centred_on_blocks_of_neighbours(chair: GaussianScene) -> None:
    by_morton = morton_sort(np.floor((chair.means - chair.means.min(0)) * 64).astype(np.int64))
    rows = centre_rows(by_morton)
    assert len(rows) == len(set(rows.tolist())) == 8192
    place = np.argsort(by_morton)[rows]
    assert (np.diff(place) == 1).sum() == 8184
    assert (place[0], place[-1]) == (0, len(by_morton) - 1)


def test_small_scenes_are_centred_on_all_points() -> None:
    assert sorted(centre_rows(np.array([2, 0, 1])).tolist()) == [0, 1, 2]
