"""A rotated or mirrored scene is the same object: its pictures say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec import profile
from hemgs_codec.cameras import synthesise_cameras
from hemgs_codec.cameras.look_at import directions
from hemgs_codec.distortion.measured import measured_weights
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.prior.augment import mirrored
from hemgs_codec.prior.rotate import (
    MIRROR,
    Float64Array,
    band_matrices,
    quat_of,
    random_rotation,
    rotated,
    rotated_weights,
)
from hemgs_codec.render import Camera, render
from hemgs_codec.render.colour import harmonics_along
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.small import crop

QUARTERS = [
    np.array(rows, dtype=np.float64)
    for rows in (
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
        [[-1, 0, 0], [0, 1, 0], [0, 0, -1]],
        [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    )
]


def matrices() -> list[Float64Array]:
    turns = [*QUARTERS, *(random_rotation(np.random.default_rng(seed)) for seed in range(4))]
    return [*turns, *(turn @ MIRROR for turn in turns), -np.eye(3)]


def moved_along(camera: Camera, matrix: Float64Array) -> Camera:
    """Return the camera that sees what the other saw, before the scene was multiplied by the matrix."""
    pose = camera.world_to_camera.copy()
    pose[:3, :3] = pose[:3, :3] @ matrix.T
    if np.linalg.det(matrix) > 0:
        return replace(camera, world_to_camera=pose)
    pose[0] *= -1  # right is left
    return replace(camera, world_to_camera=pose, cx=camera.width - camera.cx)


@pytest.fixture(scope="module")
def part(chair: GaussianScene) -> GaussianScene:
    return crop(chair, 400)


@pytest.fixture(scope="module")
def cameras(part: GaussianScene) -> list[Camera]:
    cameras = synthesise_cameras(part, count=6, width=64, height=64)
    return [replace(camera, cx=camera.cx + 3) for camera in cameras]


def test_a_rotated_scene_looks_the_same_to_a_rotated_camera(
    part: GaussianScene, cameras: list[Camera]
) -> None:
    for seed, camera in enumerate(cameras):
        matrix = random_rotation(np.random.default_rng(seed))
        image = render(part, camera, (1.0, 0.5, 0.0), backend="cpu")[0]
        again = render(rotated(part, matrix), moved_along(camera, matrix), (1.0, 0.5, 0.0), backend="cpu")[0]
        assert image.std() > 0.05
        np.testing.assert_allclose(again, image, atol=2e-4)


def test_a_mirrored_scene_looks_mirrored_to_a_mirrored_camera(
    part: GaussianScene, cameras: list[Camera]
) -> None:
    turn = random_rotation(np.random.default_rng(5))
    for camera in cameras:
        image = render(part, camera, backend="cpu")[0][:, ::-1]
        again = render(mirrored(part), moved_along(camera, MIRROR), backend="cpu")[0]
        np.testing.assert_allclose(again, image, atol=2e-4)
        both = render(rotated(part, turn @ MIRROR), moved_along(camera, turn @ MIRROR), backend="cpu")[0]
        np.testing.assert_allclose(both, image, atol=2e-4)


@pytest.mark.parametrize("matrix", matrices())
def test_band_matrices_are_orthogonal_and_exact(matrix: Float64Array) -> None:
    ways = directions(37, turn=0.3)
    for degree, band in enumerate(band_matrices(matrix), 1):
        assert band.shape == (2 * degree + 1, 2 * degree + 1)
        np.testing.assert_allclose(band @ band.T, np.eye(2 * degree + 1), atol=1e-13)
        rows = slice(degree**2, (degree + 1) ** 2)
        before, after = harmonics_along(ways, 3)[:, rows], harmonics_along(ways @ matrix.T, 3)[:, rows]
        np.testing.assert_allclose(after @ band, before, atol=1e-13)


def test_band_matrices_multiply_as_rotations_do() -> None:
    first, second = (random_rotation(np.random.default_rng(seed)) for seed in (1, 2))
    for a, b, both in zip(*map(band_matrices, (first, second, first @ second)), strict=True):
        np.testing.assert_allclose(a @ b, both, atol=1e-13)


def test_a_mirror_changes_signs_of_coefficients_alone() -> None:
    for band in band_matrices(MIRROR):
        np.testing.assert_allclose(band, np.diag(np.sign(np.diag(band))), atol=1e-13)


@pytest.mark.parametrize("matrix", [m for m in matrices() if np.linalg.det(m) > 0])
def test_a_matrix_has_its_quaternion(matrix: Float64Array) -> None:
    w, x, y, z = quat_of(matrix)
    assert w * w + x * x + y * y + z * z == pytest.approx(1.0)
    v = np.array([x, y, z])
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    again = (w * w - v @ v) * np.eye(3) + 2 * np.outer(v, v) + 2 * w * cross
    np.testing.assert_allclose(again, matrix, atol=1e-14)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
def test_there_and_back_is_the_same_scene(chair: GaussianScene, mirror: bool, sh_degree: int) -> None:
    scene = crop(chair, 200, sh_degree=sh_degree)
    matrix = random_rotation(np.random.default_rng(3))
    if mirror:
        matrix = matrix @ MIRROR
    back = rotated(rotated(scene, matrix), matrix.T)
    np.testing.assert_allclose(back.means, scene.means, atol=1e-6)
    np.testing.assert_allclose(back.shN, scene.shN, atol=1e-6)
    signs = np.sign((back.quats * scene.quats).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(signs * back.quats, scene.quats, atol=1e-6)
    for name in ("log_scales", "opacity_logits", "sh0"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scene, name))


def test_rotations_are_uniform() -> None:
    rng = np.random.default_rng(0)
    turns = np.stack([random_rotation(rng) for _ in range(4000)])
    np.testing.assert_allclose(np.linalg.det(turns), 1.0)
    np.testing.assert_allclose(turns.mean(axis=0), np.zeros((3, 3)), atol=0.05)
    # the angle's density is (1 - cos) / pi, whose mean cosine is -1/2
    assert ((np.trace(turns, axis1=1, axis2=2) - 1) / 2).mean() == pytest.approx(-0.5, abs=0.03)


def test_what_rotates_nothing_is_refused(part: GaussianScene) -> None:
    for matrix in (2 * np.eye(3), np.eye(4), np.full((3, 3), np.nan)):
        with pytest.raises(SceneError, match="orthogonal"):
            rotated(part, matrix)


def logs(weights: Weights, channels: slice) -> Float64Array:
    return np.log2(weights.values[:, channels])


def test_rotated_weights_are_nearly_those_measured(chair: GaussianScene) -> None:
    cameras = synthesise_cameras(chair, count=12, width=64, height=64)
    weights = measured_weights(chair, profile.attributes_from_scene(chair), cameras)
    matrix = random_rotation(np.random.default_rng(1)) @ MIRROR
    scene = rotated(chair, matrix)
    along = [moved_along(camera, matrix) for camera in cameras]
    true = measured_weights(scene, profile.attributes_from_scene(scene), along)
    guessed = rotated_weights(weights, matrix)
    guessed.check(weights.values.shape)
    first = profile.SH_CHANNEL
    bands = [slice(first + 3 * (d * d - 1), first + 3 * (d * d + 2 * d)) for d in (1, 2, 3)]
    for channels in (profile.ROTATION_CHANNELS, *bands):
        off = logs(guessed, channels).mean(axis=1) - logs(true, channels).mean(axis=1)
        assert abs(off.mean()) < 0.15, channels
        assert off.std() < 0.6, channels
    for channels in bands:
        off_now, off_before = (
            np.square(logs(w, channels) - logs(true, channels)) for w in (guessed, weights)
        )
        assert off_now.mean() < 0.6 * off_before.mean(), channels
    kept = [0, profile.OPACITY_CHANNEL, *range(2, 5), *range(8, 11)]
    np.testing.assert_array_equal(guessed.values[:, kept], weights.values[:, kept])
    np.testing.assert_array_equal(guessed.importance, weights.importance)


def test_weights_are_the_same_after_no_rotation_but_for_quaternions(part: GaussianScene) -> None:
    rng = np.random.default_rng(0)
    for sh_degree in range(4):
        shape = (50, profile.SH_CHANNEL + 3 * ((sh_degree + 1) ** 2 - 1))
        weights = Weights(rng.uniform(1, 100, shape), rng.uniform(1, 100, 50))
        same = rotated_weights(weights, np.eye(3))
        others = [c for c in range(shape[1]) if c not in range(5, 8)]
        np.testing.assert_allclose(same.values[:, others], weights.values[:, others])
        turns = profile.ROTATION_CHANNELS
        np.testing.assert_allclose(logs(same, turns).sum(axis=1), logs(weights, turns).sum(axis=1))
        assert np.ptp(logs(same, turns), axis=1).max() < 1e-9
