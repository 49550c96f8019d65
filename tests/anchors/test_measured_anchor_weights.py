"""Weights measured in renders of anchors: what they predict is what happens."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec.anchors.measured import MOST_STEP, measured_anchor_weights
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.neural import AnchorTensors, neural_gaussians, tensors_of
from hemgs_codec.anchors.profile import FIRST_MASK, SCALES, attributes_from_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.sensitivity import squared_derivatives, wanted_weights
from hemgs_codec.distortion.weights import (
    IMPORTANCE_STEP,
    LOSS_PER_SQUARED_ERROR,
    REFERENCE_LAMBDA,
    Weights,
)
from hemgs_codec.render import Camera
from hemgs_codec.render.autograd import render_coloured_tensors
from tests.anchors.small import random_anchors
from tests.views import look_at

SHAPE = NetworkShape(6, 3)
FIRST = FIRST_MASK + SHAPE.slots
FEATURES = slice(FIRST, FIRST + SHAPE.features)
SCALINGS = slice(FEATURES.stop, FEATURES.stop + SCALES)
OFFSETS = slice(SCALINGS.stop, None)
VALUES = slice(FIRST, None)
"""The channels that renders show: all but importance and masks."""
EYE = (3.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def scene() -> AnchorScene:
    """Anchors that fill the views, of networks that are smooth: few values sit at a clamp."""
    anchors = random_anchors(60, SHAPE, seed=4, voxel=0.03, spread=30)
    size = np.array([-2] * 3 + [-1.5] * 3, np.float32)
    return replace(anchors, log_scales=(0.3 * (anchors.log_scales + 4) + size).astype(np.float32))


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    directions = np.random.default_rng(5).normal(size=(16, 3))
    directions *= 3 / np.linalg.norm(directions, axis=1, keepdims=True)
    return [look_at((x, y, z)) for x, y, z in directions.tolist()]


@pytest.fixture(scope="module")
def weights(scene: AnchorScene, cameras: list[Camera]) -> Weights:
    return measured_anchor_weights(scene, cameras)


def most_steps(attributes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the coarsest step of each channel."""
    return MOST_STEP * np.asarray(attributes.std(axis=0, ddof=1).clip(1e-6))


def with_values(scene: AnchorScene, attributes: npt.NDArray[np.float64]) -> AnchorTensors:
    features, log_scales, offsets = np.split(
        attributes[:, VALUES].astype(np.float32), [SHAPE.features, SHAPE.features + SCALES], axis=1
    )
    return tensors_of(
        replace(scene, features=features, log_scales=log_scales, offsets=offsets.reshape(-1, SHAPE.slots, 3))
    )


def image_of(tensors: AnchorTensors, camera: Camera) -> torch.Tensor:
    seen = neural_gaussians(tensors, camera.position)
    arrays = (seen.means, seen.log_scales, seen.quats, seen.opacity_logits, seen.colours)
    return render_coloured_tensors(*arrays, camera, (0.0, 0.0, 0.0), backend="cpu")[0]


def renders(
    scene: AnchorScene, attributes: npt.NDArray[np.float64], cameras: list[Camera]
) -> npt.NDArray[np.float64]:
    tensors = with_values(scene, attributes)
    return np.stack([image_of(tensors, camera).numpy().astype(np.float64) for camera in cameras])


def test_random_signs_estimate_squared_derivatives(scene: AnchorScene) -> None:
    camera = look_at(EYE, width=12, height=9, focal=10.0)
    tensors = tensors_of(scene)

    def make() -> tuple[torch.Tensor, AnchorTensors]:
        leaf = torch.from_numpy(scene.features.copy()).requires_grad_()
        return leaf, replace(tensors, features=leaf)

    leaf, moved = make()
    image = image_of(moved, camera)
    exact = torch.zeros_like(leaf)
    for pixel in image.flatten():
        (gradient,) = torch.autograd.grad(pixel, leaf, retain_graph=True)
        exact += gradient.square()
    exact /= image.numel()
    generator = torch.Generator().manual_seed(0)
    found = squared_derivatives(make, [camera] * 200, (0.0, 0.0, 0.0), generator, backend="cpu")
    large = exact > 0.01 * exact.max()
    # each estimate is off by 7 % or so, their sum by less
    torch.testing.assert_close(found[large], exact[large], rtol=0.35, atol=0.0)
    assert float(found.sum() / exact.sum()) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("size", [0.1, 0.57])
@pytest.mark.parametrize(
    "channels",
    [VALUES, FEATURES, SCALINGS, OFFSETS],
    ids=["all values", "features", "log scales", "offsets"],
)
def test_the_predicted_error_of_noise_is_the_true_one(
    size: float, channels: slice, scene: AnchorScene, cameras: list[Camera], weights: Weights
) -> None:
    attributes = attributes_from_anchors(scene)
    before = renders(scene, attributes, cameras)
    # as wide as steps of other estimates: where these are too low by chance, errors wouldn't be by chance
    steps = measured_anchor_weights(scene, cameras, seed=1).values ** -0.5
    width = np.zeros_like(steps)
    width[:, channels] = size * steps[:, channels]
    rng = np.random.default_rng(1)
    true = []
    for _ in range(6):
        moved = attributes + (rng.random(attributes.shape) - 0.5) * width
        true.append(((renders(scene, moved, cameras) - before) ** 2).mean())
    squares = (weights.values - most_steps(attributes) ** -2)[:, VALUES]
    unit = wanted_weights(torch.ones((), dtype=torch.float64), squares.size).item()
    predicted = (squares * width[:, VALUES] ** 2).sum() / 12 / unit
    assert 0.5 < np.mean(true) / predicted < 2.0


def test_weights_are_inverse_squares_of_steps_at_the_reference_lambda() -> None:
    # where 24 h s^2 / 12 - lambda log2(s) / values is least: SPEC "Encoder notes", "Rate"
    square, values = 3.0, 1000
    step = math.sqrt(6 * REFERENCE_LAMBDA / (LOSS_PER_SQUARED_ERROR * square * values * math.log(2.0)))
    assert wanted_weights(torch.tensor(square), values).item() == pytest.approx(step**-2)


def test_weights_are_the_same_every_time(scene: AnchorScene, cameras: list[Camera], weights: Weights) -> None:
    again = measured_anchor_weights(scene, cameras)
    np.testing.assert_array_equal(again.values, weights.values)
    assert again.importance is not None
    assert weights.importance is not None
    np.testing.assert_array_equal(again.importance, weights.importance)
    other = measured_anchor_weights(scene, cameras, seed=1)
    assert (other.values[:, VALUES] != weights.values[:, VALUES]).any()


def test_importance_is_the_mean_step_of_an_anchors_features(weights: Weights) -> None:
    features = weights.values[:, FEATURES]
    assert weights.importance is not None
    np.testing.assert_allclose(weights.importance, np.log2(features**-0.5).mean(axis=1))
    assert (weights.values[:, 0] == IMPORTANCE_STEP**-2).all()
    weights.check(weights.values.shape)


def test_steps_never_exceed_what_other_views_might_show(
    scene: AnchorScene, cameras: list[Camera], weights: Weights
) -> None:
    attributes = attributes_from_anchors(scene)
    steps, most = weights.values**-0.5, most_steps(attributes)
    assert (steps <= 1.001 * most)[:, VALUES].all()
    # slots that aren't in use show nothing: their offsets have the coarsest steps
    shut = np.repeat(~scene.masks, 3, axis=1)
    coarsest = np.broadcast_to(most[OFFSETS], shut.shape)
    np.testing.assert_allclose(steps[:, OFFSETS][shut], coarsest[shut], rtol=1e-3)


def test_anchors_that_no_view_shows_may_be_coarse(scene: AnchorScene, cameras: list[Camera]) -> None:
    anchors = scene.anchors.copy()
    anchors[:10] += np.float32(30)
    measured = measured_anchor_weights(replace(scene, anchors=anchors, voxel_size=None), cameras)
    assert measured.importance is not None
    assert measured.importance[:10].min() > np.median(measured.importance[10:]) + 1


def test_progress_counts_every_view(scene: AnchorScene, cameras: list[Camera]) -> None:
    told: list[tuple[str, int, int]] = []
    measured_anchor_weights(scene, cameras[:2], progress=lambda *said: told.append(said))
    assert told == [("sensitivities", done, 2) for done in (1, 2)] * 2
