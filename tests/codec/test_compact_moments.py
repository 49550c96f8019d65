from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec.compact.choose import choose
from hemgs_codec.compact.measure import measure
from hemgs_codec.compact.moments import (
    axes_of,
    covariances,
    merge_moments,
    merge_pairs,
    quaternions,
    rotations,
)
from hemgs_codec.compact.pairs import DOUBT, neighbour_pairs, pair_costs
from hemgs_codec.render import render
from hemgs_codec.scene import GaussianScene
from tests.views import cloud, look_at


def test_quaternions_and_matrices_are_inverse() -> None:
    quats = np.random.default_rng(0).standard_normal((500, 4))
    quats[:4] = np.eye(4)
    matrices = rotations(quats)
    assert rotations(quaternions(matrices)) == pytest.approx(matrices, abs=1e-12)


def test_axes_are_those_of_the_covariance() -> None:
    covariance = covariances(cloud(50, 1))
    log_scales, quats = axes_of(covariance)
    assert (np.diff(log_scales, axis=1) <= 0).all()
    axes = rotations(quats) * np.exp(log_scales)[:, None, :]
    assert axes @ axes.transpose(0, 2, 1) == pytest.approx(covariance, rel=1e-6, abs=1e-9)


def test_merging_conserves_mean_and_covariance() -> None:
    scene = cloud(2, 2)
    shares = np.array([[0.3, 0.7]])
    pairs = np.array([[0, 1]])
    means, covariance = merge_moments(scene.means, covariances(scene), shares, pairs)
    rng = np.random.default_rng(0)
    axes = rotations(scene.quats) * np.exp(scene.log_scales.astype(np.float64))[:, None, :]
    which = rng.choice(2, 400_000, p=shares[0])
    points = scene.means[which] + np.einsum("nab,nb->na", axes[which], rng.standard_normal((len(which), 3)))
    assert means[0] == pytest.approx(points.mean(axis=0), abs=5e-3)
    assert covariance[0] == pytest.approx(np.cov(points.T), abs=5e-3)
    merged = merge_pairs(scene, pairs, shares, np.array([0.4]))
    assert covariances(merged)[0] == pytest.approx(covariance[0], rel=1e-4, abs=1e-6)
    assert merged.sh0[0] == pytest.approx(0.3 * scene.sh0[0] + 0.7 * scene.sh0[1], rel=1e-5)
    assert 1 / (1 + np.exp(-merged.opacity_logits[0])) == pytest.approx(0.4)


def test_neighbours_are_pairs_of_the_nearest() -> None:
    scene = cloud(80, 3)
    distance = np.linalg.norm(scene.means[:, None] - scene.means[None].astype(np.float64), axis=2)
    nearest = np.argsort(distance + 1e9 * np.eye(80), axis=1)[:, :4]
    expected = {(min(i, j), max(i, j)) for i in range(80) for j in nearest[i].tolist()}
    assert {(i, j) for i, j in neighbour_pairs(scene, 4).tolist()} == expected


def test_the_cost_of_a_merger_is_what_rendering_says() -> None:
    # Two well seen splats before a background: nothing else that the local picture leaves out.
    scene = cloud(2, 4, sh_degree=1)
    scene = replace(
        scene,
        means=np.array([[0.0, 0.05, 0.0], [0.0, -0.05, 0.05]], np.float32),
        log_scales=np.full((2, 3), -2.0, np.float32) + 0.3 * scene.quats[:, :3],
        opacity_logits=np.array([0.3, -0.5], np.float32),
        sh0=np.array([[1.0, -0.5, 0.2], [0.4, 0.3, -0.8]], np.float32),
    )
    cameras = [look_at((2.0, 0.3, 0.2), width=200, height=160, focal=260.0), look_at((1.5, 1.5, 0.4))]
    references = [render(scene, camera)[0] for camera in cameras]
    measured = measure(scene, cameras, (0.0, 0.0, 0.0), references)
    found = pair_costs(scene, cameras, measured)
    merged = merge_pairs(scene, found.pairs, found.shares, found.opacities)
    error = measure(merged, cameras, (0.0, 0.0, 0.0), references).error
    predicted = found.costs[0] - DOUBT * measured.costs.min()
    assert len(found.pairs) == 1
    assert predicted == pytest.approx(error, rel=0.25)
    for factor in (0.85, 1.15):
        other = merge_pairs(scene, found.pairs, found.shares, found.opacities * factor)
        assert measure(other, cameras, (0.0, 0.0, 0.0), references).error > error


def test_no_gaussian_is_chosen_twice() -> None:
    removals = np.array([5.0, 1.0, 9.0, 9.0, 0.5])
    pairs = np.array([[0, 1], [0, 2], [2, 3], [3, 4]])
    choice = choose(removals, pairs, np.array([0.2, 0.1, 0.3, 0.4]), 9, 6.0)
    assert choice.merged.tolist() == [1, 3]  # the pair (0, 2), then (3, 4)
    assert choice.removed.tolist() == [1]
    assert choose(removals, pairs, np.full(4, np.inf), 9, 6.0).removed.tolist() == [4, 1, 0]
    assert choose(removals, pairs, np.zeros(4), 1, 6.0).count == 1


def test_measured_costs_are_rises_of_the_error() -> None:
    scene, camera = cloud(30, 6), look_at((2.0, 1.0, 0.7))
    reference = render(scene, camera)[0]
    costs = measure(scene, [camera], (0.0, 0.0, 0.0), [reference]).costs
    for i in range(scene.num_gaussians):
        rest: GaussianScene = scene.take(np.arange(30) != i)
        error = np.square(render(rest, camera)[0] - reference, dtype=np.float64).sum()
        assert costs[i] == pytest.approx(error, rel=1e-3, abs=1e-6)
