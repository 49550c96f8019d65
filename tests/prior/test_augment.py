"""Parts and variations of a scene."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from hemgs_codec import profile
from hemgs_codec.cameras import synthesise_cameras
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.prior.augment import Augmentation, augment, crop, scaled, scaled_weights, thin
from hemgs_codec.render import render
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.small import crop as nearest

PLAIN = Augmentation(count=300, smallest=1.0, largest=1.0, mirrored=0.0, thinned=0.0)


@pytest.fixture(scope="module")
def part(chair: GaussianScene) -> GaussianScene:
    return nearest(chair, 2000)


@pytest.fixture(scope="module")
def weights(part: GaussianScene) -> Weights:
    found = analytic_weights(profile.attributes_from_scene(part))
    return replace(found, importance=-0.5 * np.log2(found.values[:, profile.DC_CHANNELS.start]))


def test_a_crop_is_a_ball_of_as_many_as_asked_for(part: GaussianScene) -> None:
    for seed in range(5):
        rows = crop(part, 300, np.random.default_rng(seed))
        assert len(rows) == 300
        assert (np.diff(rows) > 0).all()
        means = part.means.astype(np.float64)
        # one of its own is nearer to each of them than to any other
        radii = [np.sqrt(((means - means[row]) ** 2).sum(axis=1)) for row in rows]
        outside = np.setdiff1d(np.arange(part.num_gaussians), rows)
        assert any(radius[rows].max() <= radius[outside].min() for radius in radii)


def test_a_crop_is_the_same_for_the_same_generator(part: GaussianScene) -> None:
    first, same, other = (crop(part, 300, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_a_crop_of_more_than_there_are_is_all(part: GaussianScene) -> None:
    rows = crop(part, 10_000, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, np.arange(2000))


def test_a_crop_chooses_among_the_rows_given(part: GaussianScene) -> None:
    among = thin(part, 0.25, np.random.default_rng(0))
    assert len(among) == 500
    assert (np.diff(among) > 0).all()
    rows = crop(part, 100, np.random.default_rng(0), among=among)
    assert len(rows) == 100
    assert np.isin(rows, among).all()


def test_thinning_keeps_at_least_one(part: GaussianScene) -> None:
    assert len(thin(part, 1e-9, np.random.default_rng(0))) == 1
    assert len(thin(part, 1.0, np.random.default_rng(0))) == 2000


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_a_scaled_scene_looks_the_same_to_a_camera_as_much_farther_off(
    chair: GaussianScene, factor: float
) -> None:
    part = nearest(chair, 400)
    for camera in synthesise_cameras(part, count=4, width=64, height=64):
        pose = camera.world_to_camera.copy()
        pose[:3, 3] *= factor
        image = render(part, camera, backend="cpu")[0]
        again = render(scaled(part, factor), replace(camera, world_to_camera=pose), backend="cpu")[0]
        assert image.std() > 0.05
        np.testing.assert_allclose(again, image, atol=2e-4)


def test_weights_of_a_scaled_scene_are_those_of_its_values(part: GaussianScene, weights: Weights) -> None:
    larger = analytic_weights(profile.attributes_from_scene(scaled(part, 4.0)))
    guessed = scaled_weights(weights, 4.0)
    np.testing.assert_allclose(guessed.positions, larger.positions, rtol=1e-4)
    np.testing.assert_allclose(guessed.values, larger.values, rtol=1e-4)


def test_a_variation_has_the_scenes_rows_and_their_weights(part: GaussianScene, weights: Weights) -> None:
    rows = crop(part, PLAIN.count, _after(np.random.default_rng(7)))
    scene, its_weights = augment(part, weights, np.random.default_rng(7), PLAIN)
    np.testing.assert_array_equal(scene.opacity_logits, part.opacity_logits[rows])
    np.testing.assert_array_equal(its_weights.positions, weights.positions[rows])
    assert its_weights.importance is not None
    assert weights.importance is not None
    np.testing.assert_array_equal(its_weights.importance, weights.importance[rows])
    before, after = part.means[rows], scene.means
    np.testing.assert_allclose(
        np.linalg.norm(after - after[0], axis=1), np.linalg.norm(before - before[0], axis=1), atol=1e-5
    )
    assert np.abs(after - before).max() > 0.1  # it's rotated


def test_variations_follow_their_options(part: GaussianScene, weights: Weights) -> None:
    everything = Augmentation(count=2000, smallest=0.25, largest=4.0, thinned=0.5, least_kept=0.3)
    rng = np.random.default_rng(0)
    sizes, counts = [], []
    for _ in range(40):
        scene, its_weights = augment(part, weights, rng, everything)
        scene.validate()
        its_weights.check(profile.attributes_from_scene(scene).shape)
        sizes.append(float(np.exp(scene.log_scales - part.log_scales.mean()).mean()))
        counts.append(scene.num_gaussians)
    assert 0.25 < min(sizes) / np.mean(np.exp(part.log_scales - part.log_scales.mean())) < 0.5
    assert 2 < max(sizes) / np.mean(np.exp(part.log_scales - part.log_scales.mean())) < 4
    assert 600 <= min(counts) < 1000
    assert 10 < counts.count(2000) < 30


def test_a_variation_is_the_same_for_the_same_generator(part: GaussianScene, weights: Weights) -> None:
    options = Augmentation(count=200, thinned=1.0)
    first, same, other = (augment(part, weights, np.random.default_rng(seed), options) for seed in (1, 1, 2))
    for field in fields(GaussianScene):
        np.testing.assert_array_equal(getattr(first[0], field.name), getattr(same[0], field.name))
    np.testing.assert_array_equal(first[1].values, same[1].values)
    assert (first[0].means != other[0].means).any()


def test_options_out_of_their_ranges_are_refused() -> None:
    for wrong in ({"count": 0}, {"smallest": 3.0}, {"mirrored": 1.5}, {"least_kept": 0.0}):
        with pytest.raises(SceneError):
            replace(Augmentation(), **wrong)


def _after(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator past the draw that says whether a scene is thinned."""
    rng.random()
    return rng
