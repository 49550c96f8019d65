"""Half-turns: the same Gaussians, in agreement with their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec.canonical import canonicalise, half_turns, quats_from_xyz
from hemgs_codec.half_turns import LEAST_W, agree_with_neighbours
from hemgs_codec.scene import GaussianScene
from tests.strategies import random_scene

Array = npt.NDArray[np.float64]


def smooth_curve(count: int) -> tuple[npt.NDArray[np.float32], Array]:
    """Return Gaussians along x that turn slowly about y; the last few are past a quarter-turn."""
    along = np.linspace(0, 1, count)
    means = np.stack([along, 0 * along, 0 * along], axis=1).astype(np.float32)
    angle = 0.3 + 0.55 * along  # of the quaternion: half of the turn's
    return means, np.stack([np.cos(angle), 0 * angle, np.sin(angle), 0 * angle], axis=1)


def canonical_turn(quats: Array) -> Array:
    turns = half_turns(np.where(quats[:, :1] < 0, -quats, quats)[:, 1:])
    return turns[np.arange(len(turns)), turns[..., 0].argmax(axis=1), 1:]


def test_a_chosen_turn_draws_the_same_gaussian() -> None:
    scene = random_scene(2000)
    _, xyz = canonicalise(scene)
    chosen = quats_from_xyz(agree_with_neighbours(scene.means, xyz))
    nearest = np.abs(half_turns(xyz) - chosen[:, None]).max(axis=2).min(axis=1)
    assert nearest.max() < 1e-9
    assert (chosen[:, 0] >= LEAST_W - 1e-9).all()


def test_a_jump_of_the_canonical_turn_is_mended() -> None:
    means, quats = smooth_curve(30)
    xyz = canonical_turn(quats)
    assert np.abs(np.diff(xyz, axis=0)).max() > 0.5
    assert np.abs(np.diff(agree_with_neighbours(means, xyz), axis=0)).max() < 0.2


def test_neighbours_in_a_real_scene_agree_better(chair: GaussianScene) -> None:
    _, xyz = canonicalise(chair)
    chosen = agree_with_neighbours(chair.means, xyz)
    order = np.lexsort(np.floor(chair.means * 50).T)
    before = (np.diff(xyz[order], axis=0) ** 2).sum(1).mean()
    after = (np.diff(chosen[order], axis=0) ** 2).sum(1).mean()
    assert after < 0.95 * before


@pytest.mark.parametrize("count", [1, 2, 17])
def test_few_gaussians_will_do(count: int) -> None:
    scene = random_scene(count)
    _, xyz = canonicalise(scene)
    assert agree_with_neighbours(scene.means, xyz).shape == (count, 3)


def test_gaussians_in_one_place_will_do() -> None:
    _, xyz = canonicalise(random_scene(300))
    chosen = agree_with_neighbours(np.ones((300, 3), np.float32), xyz)
    assert np.isfinite(chosen).all()


def test_the_order_of_the_input_does_not_matter() -> None:
    scene = random_scene(500)
    _, xyz = canonicalise(scene)
    order = np.random.default_rng(2).permutation(500)
    np.testing.assert_array_equal(
        agree_with_neighbours(scene.means[order], xyz[order]), agree_with_neighbours(scene.means, xyz)[order]
    )
