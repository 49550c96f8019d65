"""Gaussians as trainers begin them, among others."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec.prior.fresh import freshened
from hemgs_codec.scene import GaussianScene
from tests.small import crop


@pytest.fixture(scope="module")
def part(chair: GaussianScene) -> GaussianScene:
    return crop(chair, 500)


def spheres(scene: GaussianScene) -> np.ndarray:
    return np.flatnonzero(np.ptp(scene.log_scales, axis=1) == 0)


def test_a_share_are_spheres_of_one_opacity_without_bands(part: GaussianScene) -> None:
    for seed in range(8):
        fresh = freshened(part, 0.2, np.random.default_rng(seed))
        rows = spheres(fresh)
        assert len(rows) == 100
        assert len(np.unique(fresh.opacity_logits[rows])) == 1
        assert not fresh.shN[rows].any()
        np.testing.assert_allclose(np.linalg.norm(fresh.quats[rows], axis=1), 1, rtol=1e-6)


def test_the_others_and_all_positions_stay(part: GaussianScene) -> None:
    fresh = freshened(part, 0.2, np.random.default_rng(1))
    others = np.setdiff1d(np.arange(500), spheres(fresh))
    assert np.array_equal(fresh.means, part.means)
    for name in ("log_scales", "quats", "opacity_logits", "sh0", "shN"):
        assert np.array_equal(getattr(fresh, name)[others], getattr(part, name)[others])


def test_a_sphere_is_about_as_large_as_its_neighbours_are_far(part: GaussianScene) -> None:
    fresh = freshened(part, 1.0, np.random.default_rng(2))
    places = part.means.astype(np.float64)
    squares = np.sort(np.square(places[:, None] - places).sum(axis=2), axis=1)[:, 1:4]
    ratio = np.exp(fresh.log_scales[:, 0]) / np.sqrt(squares.mean(axis=1))
    assert np.exp(-1.0) < np.median(ratio) < np.exp(0.5)
    assert (np.abs(ratio / np.median(ratio) - 1) < 0.02).mean() > 0.95  # torch's distances are rough


def test_trainers_differ(part: GaussianScene) -> None:
    drawn = [freshened(part, 0.5, np.random.default_rng(seed)) for seed in range(20)]
    assert {round(float(scene.opacity_logits[spheres(scene)[0]]), 2) for scene in drawn} == {
        -2.2,
        -3.89,
        -4.6,
    }
    upright = [bool((scene.quats[spheres(scene), 0] == 1).all()) for scene in drawn]
    assert 0 < sum(upright) < 20


def test_no_share_is_the_scene_itself(part: GaussianScene) -> None:
    assert freshened(part, 0.0, np.random.default_rng(0)) is part
