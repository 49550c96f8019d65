"""Refinement: the chain rule, rounding as the coder rounds, and what it's all for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec import encode, profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.coding.walk import Walked
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.decoder import decode_gaussians, decode_symbols, open_arithmetic, verify
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.distortion.views import ViewSet
from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice, fit_lattice
from hemgs_codec.refine import Targets, refine
from hemgs_codec.refine.chain import channel_gradients
from hemgs_codec.refine.costs import cost_table
from hemgs_codec.refine.state import State
from hemgs_codec.refine.targets import squared_error
from hemgs_codec.render import View
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene
from hemgs_codec.threads import use_threads
from hemgs_format.errors import SceneError
from hemgs_format.symbols import gaussian_bits
from tests.small import crop, random_fitted
from tests.views import cloud, look_at

LAMBDA = 8e-3


@pytest.fixture(scope="module")
def small(chair: GaussianScene) -> GaussianScene:
    scene = crop(chair, 150, sh_degree=1)
    centre = scene.means.mean(axis=0)
    return replace(
        scene, means=((scene.means - centre) * 4).astype(np.float32), log_scales=scene.log_scales + 1
    )


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    eyes = [(2.0, 0.5, 0.7), (-1.5, 1.5, 0.6), (0.3, -2.0, 0.9), (1.0, 1.4, -1.2)]
    return [replace(look_at(eye), name=f"view{i}") for i, eye in enumerate(eyes)]


@pytest.fixture(scope="module")
def fitted(small: GaussianScene) -> FittedModel:
    return random_fitted(small)


@pytest.fixture(scope="module")
def lattice(small: GaussianScene) -> Lattice:
    return fit_lattice(small.means, 112)


def refined(
    scene: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera], steps: int
) -> tuple[bytes, GaussianScene, float]:
    """Return the file, its scene, and the bits of its symbols."""
    attributes = profile.attributes_from_scene(scene)
    weights = analytic_weights(attributes)
    targets = Targets(scene, ViewSet(tuple(cameras), (), (0.0, 0.0, 0.0)))
    with use_threads(2):
        moved, moved_attributes = refine(
            scene, attributes, weights, fitted, lattice, LAMBDA, targets, steps=steps
        )
        data, coder = encode_fitted(
            gaussian_channels(moved, moved_attributes), weights, fitted, lattice, LAMBDA
        )
    return data, decode_gaussians(data), float(coder.bits.sum())


def cost(scene: GaussianScene, decoded: GaussianScene, bits: float, cameras: list[Camera]) -> float:
    targets = Targets(scene, ViewSet(tuple(cameras), (), (0.0, 0.0, 0.0)))
    errors = [
        squared_error(View(decoded, camera).image, targets.picture(i))[0] for i, camera in enumerate(cameras)
    ]
    values = scene.num_gaussians * (profile.attributes_from_scene(scene).shape[1] - 1.0)
    return float(LOSS_PER_SQUARED_ERROR * np.mean(errors) + LAMBDA * bits / values)


def test_rendering_error_and_rate_fall(
    small: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera]
) -> None:
    before, after = (refined(small, fitted, lattice, cameras, steps) for steps in (0, 60))
    verify(after[0])
    assert cost(small, *after[1:], cameras) < 0.9 * cost(small, *before[1:], cameras)


def test_the_same_seed_gives_the_same_file(
    small: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera]
) -> None:
    first, second = (refined(small, fitted, lattice, cameras, 5)[0] for _ in range(2))
    assert first == second


def test_no_steps_change_nothing(
    small: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera]
) -> None:
    attributes = profile.attributes_from_scene(small)
    targets = Targets(small, ViewSet(tuple(cameras), (), (0.0, 0.0, 0.0)))
    weights = analytic_weights(attributes)
    scene, same = refine(small, attributes, weights, fitted, lattice, LAMBDA, targets, steps=0)
    assert scene is small
    assert same is attributes


def test_gaussians_stay_in_their_cells(
    small: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera]
) -> None:
    before, after = (decode_symbols(refined(small, fitted, lattice, cameras, n)[0]) for n in (0, 30))
    assert np.array_equal(before.coords, after.coords)
    assert (after.walked.parts != before.walked.parts).any()


def test_rounding_is_the_coders(
    small: GaussianScene, fitted: FittedModel, lattice: Lattice, cameras: list[Camera]
) -> None:
    attributes = profile.attributes_from_scene(small)
    weights = analytic_weights(attributes)
    state = State(small, attributes, weights, fitted, lattice, LAMBDA, open_arithmetic(fitted.model, "cpu"))
    drawn, scene = state.draw()
    data, coder = encode_fitted(gaussian_channels(small, attributes), weights, fitted, lattice, LAMBDA)
    walked: Walked = decode_symbols(data).walked
    coded = state.tables.steps > 0
    symbols = np.rint(state.rounding.values / np.where(coded, state.tables.steps, 1))
    assert (symbols == walked.symbols)[coded].mean() > 0.999
    assert state.rounding.bits.sum() == pytest.approx(coder.bits.sum(), rel=0.01)
    decoded = decode_gaussians(data)
    order = decode_symbols(data).sequence
    assert np.abs(decoded.sh0[order] - scene.sh0).mean() < 1e-3
    assert np.array_equal(decoded.means[order], scene.means)
    assert drawn.shape == attributes.shape


def test_costs_are_the_tables() -> None:
    narrow = cost_table()
    means, symbols = np.array([-37, 5, 120]), np.array([-4, 3, 7])
    for sigma in (0, 20, 47):
        expected = gaussian_bits(symbols, means, np.full(3, sigma))
        centre = (means + 8) >> 4
        found = narrow[sigma, means - 16 * centre + 8, symbols - centre + narrow.shape[2] // 2]
        assert found == pytest.approx(expected, abs=1e-4)


def test_channel_gradients_are_finite_differences() -> None:
    scene = cloud(6, 3, sh_degree=2)
    attributes = profile.attributes_from_scene(scene)
    camera = look_at((3.0, 1.0, 1.0))
    rng = np.random.default_rng(0)
    by_image = rng.standard_normal((camera.height, camera.width, 3)).astype(np.float32)

    def image(values: npt.NDArray[np.float64]) -> View:
        return View(profile.scene_from_attributes(scene.means, values, 2), camera)

    found = channel_gradients(attributes, image(attributes).gradients(by_image))
    assert not found[:, profile.IMPORTANCE_CHANNEL].any()
    for channel in range(1, attributes.shape[1]):
        nudge = np.zeros_like(attributes)
        nudge[:, channel] = rng.choice([-1.0, 1.0], len(attributes)) * 4e-3
        up, down = (
            float((image(attributes + s * nudge).image * by_image).sum(dtype=np.float64)) for s in (1, -1)
        )
        assert (up - down) / 2 == pytest.approx(float((found * nudge).sum()), rel=0.05, abs=4e-3), channel


def test_encode_refines(small: GaussianScene, cameras: list[Camera]) -> None:
    options = {"iterations": 2, "threads": 1, "cameras": cameras, "weights": "analytic", "context": 4}
    plain, moved = (encode(small, refine=n, **options) for n in (0, 3))  # type: ignore[arg-type]  # options differ
    assert plain != moved
    assert decode_gaussians(moved).num_gaussians == small.num_gaussians


def test_options_that_do_not_go_together_are_refused(
    small: GaussianScene, cameras: list[Camera], tmp_path: Path
) -> None:
    with pytest.raises(SceneError, match="refined at one lambda"):
        encode(small, refine=3, target_size=1000)
    with pytest.raises(SceneError, match="number of steps"):
        encode(small, images=tmp_path, cameras=cameras)
    with pytest.raises(SceneError, match="need the cameras"):
        encode(small, images=tmp_path, refine=3)
    with pytest.raises(SceneError, match="out of range"):
        encode(small, refine=-1)
    with pytest.raises(SceneError, match="lacks"):
        encode(small, images=tmp_path, refine=3, cameras=cameras, weights="analytic", iterations=1)
