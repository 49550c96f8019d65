"""Pre-training: parts of scenes teach networks that know none of them by name."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
import torch

from hemgs_codec import decode, encode, profile
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.model.spec import NUM_GEOMETRY
from hemgs_codec.model.units import UNIT
from hemgs_codec.ply import read_ply
from hemgs_codec.prior import library
from hemgs_codec.prior.corpus import CorpusScene, scene_hash
from hemgs_codec.prior.pretrain import Pretraining, PretrainOptions
from hemgs_codec.prior.prior import pack_prior, unpack_prior
from hemgs_codec.scene import GaussianScene
from tests.small import CHAIR, crop

OPTIONS = PretrainOptions(
    iterations=200, batch=128, crop=300, uses=50, pool=1, hidden=6, slice_hidden=8, points=4
)


@cache
def member() -> CorpusScene:
    scene = crop(read_ply(CHAIR), 400)
    weights = analytic_weights(profile.attributes_from_scene(scene)).sent()
    return CorpusScene("chair", scene_hash(CHAIR), scene, weights)


@cache
def trained() -> tuple[Pretraining, list[float]]:
    training = Pretraining([member()], OPTIONS)
    return training, training.run()


def test_bits_fall() -> None:
    _, log = trained()
    assert len(log) == 2
    assert log[1] < 0.85 * log[0]


def test_both_networks_learn() -> None:
    training, _ = trained()
    fresh = Pretraining([member()], OPTIONS)
    assert not torch.equal(training.net.network, fresh.net.network)
    assert not torch.equal(training.parameters.network, fresh.parameters.network)


def test_a_batch_does_without_some_features_of_the_points_and_with_more_of_the_others() -> None:
    sample = next(Pretraining([member()], replace(OPTIONS, dropout=0.25)).samples())
    sample.requantise()
    rows = torch.arange(len(sample.values))
    graph = torch.zeros_like(rows)
    whole = sample.geometry[0, :, NUM_GEOMETRY:].float() / UNIT
    seen = sample.places(graph, rows)[:, NUM_GEOMETRY:].detach()
    left_out = (seen == 0) & (whole.abs() > 2 / UNIT)
    assert 0.2 < left_out.sum() / (whole.abs() > 2 / UNIT).sum() < 0.3
    torch.testing.assert_close(seen[seen != 0], whole[seen != 0] / 0.75, rtol=0, atol=2 / UNIT)


def test_the_same_seed_gives_the_same_prior() -> None:
    short = replace(OPTIONS, iterations=5)

    def once(seed: int) -> bytes:
        training = Pretraining([member()], replace(short, seed=seed))
        training.run()
        return pack_prior(training.prior())

    assert once(3) == once(3)
    assert once(3) != once(4)


def test_another_process_makes_the_same_samples() -> None:
    here = islice(Pretraining([member()], OPTIONS).samples(), 3)
    there = islice(Pretraining([member()], OPTIONS, makers=1).samples(), 3)
    for one, other in zip(here, there, strict=True):
        torch.testing.assert_close(one.values, other.values, rtol=0, atol=0)
        torch.testing.assert_close(one.neighbours, other.neighbours, rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU to train on")
def test_a_gpu_learns_as_the_cpu_does() -> None:
    training = Pretraining([member()], OPTIONS, device="cuda")
    log = training.run()
    assert abs(log[-1] - trained()[1][-1]) < 0.05 * log[-1]
    assert unpack_prior(pack_prior(training.prior())).model.spec == trained()[0].spec


def test_half_precision_is_all_that_a_corpus_needs() -> None:
    halved = member().halved()
    assert np.array_equal(halved.scene.means, member().scene.means)
    np.testing.assert_allclose(halved.scene.shN, member().scene.shN, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(halved.weights.values, member().weights.values, rtol=0.02)


def test_what_was_learned_ships_with_its_corpus() -> None:
    prior = unpack_prior(pack_prior(trained()[0].prior()))
    assert prior.corpus == (bytes.fromhex(member().hash),)
    assert prior.point_net.spec.features == OPTIONS.points


def test_a_scene_is_coded_by_what_was_learned_without_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crop(read_ply(CHAIR), 300)
    sizes = []
    # else a scene teaches networks that learned nothing as it goes
    monkeypatch.setattr("hemgs_codec.coding.adaptation.FAVOUR", 1 << 40)
    for training in (trained()[0], Pretraining([member()], OPTIONS)):
        prior = unpack_prior(pack_prior(training.prior()))
        monkeypatch.setitem(library._known, prior.id, prior)
        data = encode(scene, weights="analytic", prior=prior, effort=0, cache=False)
        decoded = decode(data)
        assert isinstance(decoded, GaussianScene)
        assert decoded.num_gaussians == scene.num_gaussians
        sizes.append(len(data))
    assert sizes[0] < sizes[1]


def test_without_the_point_network_its_features_are_zero() -> None:
    training = Pretraining([member()], replace(OPTIONS, iterations=3, use_points=False))
    training.run()
    prior = unpack_prior(pack_prior(training.prior()))
    points = np.arange(60, dtype=np.int64).reshape(20, 3)
    assert not prior.point_features(points, 2).any()
