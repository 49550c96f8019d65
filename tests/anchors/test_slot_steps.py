"""Slots have steps of their own: the walk, rate and distortion, shifts and the fit all use the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec import encode_anchors
from hemgs_codec.anchors.profile import FIRST_MASK, SCALES, attributes_from_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.weights import analytic_anchor_weights
from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.arrange import arrange
from hemgs_codec.coding.centroids import fit_centroids, shifted_values
from hemgs_codec.coding.runs import SceneCoder
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.decoder import decode_symbols, open_arithmetic
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fit import prepare_fit
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.train import LAMBDAS
from hemgs_codec.model.scaling import coded_entries
from hemgs_codec.model.units import UNIT_STEP, lambda_to_q, step_table
from hemgs_codec.threads import use_threads
from hemgs_format.symbols import gaussian_bits
from tests.anchors.small import BANK, channels_of, random_anchors, random_fit, with_importance

Int64Array = npt.NDArray[np.int64]
SLOTS, FEATURES = BANK.slots, BANK.features
OFFSETS = FIRST_MASK + SLOTS + FEATURES + SCALES
"""The first channel of the first slot's offset."""


class Listener(SceneCoder):
    """A coder that keeps what it was asked for, and what it answered."""

    def __init__(self, values: npt.NDArray[np.float64], prices: npt.NDArray[np.float64] | None) -> None:
        super().__init__(values, np.zeros((len(values), 3)), prices)
        self.calls: list[tuple[Int64Array, ...]] = []

    def code(
        self,
        layer: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        symbols = super().code(layer, ranks, channels, steps, means, sigmas)
        self.calls.append((ranks, channels, steps, means, sigmas, symbols))
        return symbols


@pytest.fixture(scope="module")
def channels() -> ChannelScene:
    return with_importance(channels_of(random_anchors(80, BANK, seed=3)))


@pytest.fixture(scope="module")
def weights(channels: ChannelScene) -> Weights:
    """Weights of which every anchor's and every slot's differ, by octaves."""
    values = analytic_anchor_weights(channels.attributes, BANK).values
    rng = np.random.default_rng(1)
    by_slot = rng.normal(0, 2, (channels.count, SLOTS))
    values[:, OFFSETS:] *= np.exp2(np.repeat(by_slot, 3, axis=1))
    return Weights(values, np.ones(channels.count))


def test_the_walk_asks_for_every_symbol_with_the_step_of_its_channel(
    channels: ChannelScene, weights: Weights
) -> None:
    fitted = random_fit(channels)
    spec, scales = fitted.model.spec, fitted.scaling.channel_scales(fitted.model.spec.groups)
    assert channels.lattice is not None
    arranged = arrange(channels.means, fitted, channels.lattice)
    values = fitted.scaling.normalise(channels.attributes[arranged.rows], spec.groups)
    prices = weights.prices(2e-3, spec.groups)[arranged.rows] * scales**2
    coder = Listener(values, prices)
    walked = arranged.walk(fitted, open_arithmetic(fitted.model, "cpu"), lambda_to_q(2e-3), coder)
    ranks, numbers, steps, means, sigmas, symbols = map(np.concatenate, zip(*coder.calls, strict=True))

    own = walked.steps[:, spec.step_channels]
    np.testing.assert_array_equal(steps, own[ranks, numbers])
    np.testing.assert_array_equal(walked.values, walked.symbols * step_table()[own])
    last = walked.steps[:, spec.first_step(3) + SCALES :]
    assert all((last[:, a] != last[:, b]).any() for a in range(SLOTS) for b in range(a))
    coded = coded_entries(channels.attributes[arranged.rows], spec.groups)
    assert coded is not None
    assert len(ranks) == coded[:, scales > 0].sum()

    # a symbol that isn't the nearest saves more bits than the error is worth that it adds
    step = step_table()[steps] / 65536
    wanted = values[ranks, numbers] / step
    nearest = np.floor(wanted + 0.5).astype(np.int64)
    moved = symbols != nearest
    assert moved.any()
    assert (np.abs(symbols - nearest) <= 1).all()
    saved = gaussian_bits(nearest, means, sigmas) - gaussian_bits(symbols, means, sigmas)
    price = prices[ranks, numbers] * step**2
    added = price * ((wanted - symbols) ** 2 - (wanted - nearest) ** 2)
    assert (saved[moved] > added[moved]).all()


def test_centroids_are_shares_of_the_step_of_a_slot(channels: ChannelScene, weights: Weights) -> None:
    fitted = random_fit(channels)
    assert channels.lattice is not None
    data, coder = encode_fitted(channels, weights, fitted, channels.lattice, 2e-3)
    decoded = decode_symbols(data)
    walked, spec = decoded.walked, decoded.fields.spec
    table = np.arange(-32, 32, dtype=np.int8)
    tables = tuple(b"" if group.flags else table.tobytes() for group in spec.groups)
    shifts = np.concatenate([[0], table]).astype(np.int64)[np.abs(walked.cells.astype(np.int64))]
    shifts[:, FIRST_MASK : FIRST_MASK + SLOTS] = 0
    size = (shifts * step_table()[walked.steps[:, spec.step_channels]] + 128) >> 8
    np.testing.assert_array_equal(
        shifted_values(walked, spec.groups, tables), walked.values + np.sign(walked.cells) * size
    )
    # and fitted ones are worth more than they take
    scales = fitted.scaling.channel_scales(spec.groups)
    rows = arrange(channels.means, fitted, channels.lattice).rows
    prices = 100 * weights.prices(2e-3, spec.groups)[rows] * scales**2
    found = fit_centroids(walked, spec.groups, coder.values, prices)
    assert found[3]
    last = slice(OFFSETS - SCALES, None)
    errors = [
        (prices * (shifted_values(walked, spec.groups, t) / 65536 - coder.values) ** 2)[:, last].sum()
        for t in (found, (b"",) * len(spec.groups))
    ]
    assert errors[0] < errors[1] - 512


def test_a_fit_wants_for_each_slot_what_its_weights_ask_for(channels: ChannelScene, weights: Weights) -> None:
    fit, _, scaling = prepare_fit(channels, weights, EncodeOptions(iterations=1))
    spec = fit.spec
    used = channels.attributes[:, FIRST_MASK : FIRST_MASK + SLOTS] == 1
    scale = scaling.channel_scales(spec.groups)[OFFSETS:].reshape(SLOTS, 3)
    values = weights.values[:, OFFSETS:].reshape(-1, SLOTS, 3)
    wanted = (-0.5 * np.log2(values) - np.log2(scale)).mean(axis=2)
    steps = slice(spec.first_step(3) + SCALES, None)
    found = fit.wanted_steps[:, steps].numpy()
    np.testing.assert_allclose(found[used], wanted[used], atol=1e-5)
    share = fit.step_share[:, steps].numpy()
    np.testing.assert_allclose(share, np.where(used, 3 / spec.channels, 0))


def test_a_fit_rounds_each_slot_by_its_own_step(channels: ChannelScene, weights: Weights) -> None:
    fit, _, _ = prepare_fit(channels, weights, EncodeOptions(iterations=3))
    fit.run()
    fit.refresh()
    step = torch.exp2(fit.octaves.float() / 8)[:, :, list(fit.spec.step_channels)]
    rounded = torch.clamp((fit.values / step).round() * step, -8, 8)
    assert (fit.quantised.float() / 1024 - rounded).abs().max() <= 0.5001 / 1024
    slots = fit.octaves[:, :, fit.spec.first_step(3) + SCALES :]
    assert (slots[..., 0] != slots[..., 1]).any()


@pytest.mark.parametrize("lambda_", [5e-4, 2e-3, 8e-3])
def test_the_integer_model_has_the_fits_steps_and_bits(
    lambda_: float, channels: ChannelScene, weights: Weights
) -> None:
    with use_threads(1):
        options = EncodeOptions(iterations=40, context=6)
        fit, geometry, scaling = prepare_fit(channels, weights, options)
        fit.run()
        model = freeze(fit.spec, fit.parameters, fit.weight_steps)
        fitted = FittedModel(channels.shape, geometry, scaling, model)
        assert channels.lattice is not None
        data, coder = encode_fitted(channels, None, fitted, channels.lattice, lambda_)
        with torch.no_grad():
            network, _ = fit.parameters.quantised(fit.weight_steps)
            fit.refresh(network)
            k = LAMBDAS.index(lambda_)
            rows = torch.arange(channels.count)
            bits, _ = fit.losses(rows, torch.full_like(rows, k), network)
    by_rank = arrange(channels.means, fitted, channels.lattice).rows
    walked = decode_symbols(data).walked
    off = walked.steps - UNIT_STEP - fit.octaves[k].numpy()[by_rank]
    has_steps = np.array([not group.flags for group in fit.spec.groups for _ in range(group.num_steps)])
    assert np.abs(off[:, has_steps]).max() <= 1
    assert (off[:, has_steps] != 0).mean() < 0.02
    offsets = slice(OFFSETS, None)
    assert coder.bits[offsets].sum() == pytest.approx(float(bits[:, offsets].sum()), rel=0.02)
    assert coder.bits.sum() == pytest.approx(float(bits.sum()), rel=0.02)


def test_a_slot_that_is_looked_at_closely_gets_finer_steps() -> None:
    scene: AnchorScene = random_anchors(400, BANK, used=1.0)
    attributes = attributes_from_anchors(scene)
    values = analytic_anchor_weights(attributes, BANK).values
    values[:, OFFSETS + 3 : OFFSETS + 6] *= 2.0**6  # three octaves of step
    weights = Weights(values, np.ones(len(values)), np.zeros(len(values)))
    data = encode_anchors(scene, weights=weights, iterations=60, cache=False, threads=1)
    decoded = decode_symbols(data)
    first = decoded.fields.spec.first_step(3) + SCALES
    slots = decoded.walked.steps[:, first : first + SLOTS].mean(axis=0)
    assert np.abs(np.delete(slots, 1) - slots[1] - 24).max() < 3


def test_importance_of_anchors_is_in_the_file_and_steps_follow_it() -> None:
    scene = random_anchors(400, BANK, used=1.0)
    attributes = attributes_from_anchors(scene)
    importance = np.random.default_rng(2).normal(0, 1.5, len(attributes))
    values = analytic_anchor_weights(attributes, BANK).values
    values[:, FIRST_MASK:] *= np.exp2(-2 * importance)[:, None]
    weights = Weights(values, np.ones(len(values)), importance)
    data = encode_anchors(scene, weights=weights, iterations=150, cache=False, threads=1)
    decoded = decode_symbols(data)
    spec = decoded.fields.spec
    assert 0 not in spec.constant
    sent = decoded.walked.symbols[:, 0]
    assert len(np.unique(sent)) > 3
    order = sent.argsort()
    steps = decoded.walked.steps[:, spec.first_step(2) :]
    assert steps[order[-50:]].mean() > steps[order[:50]].mean() + 8
    # without importance the group has no network, and takes no bytes
    plain = encode_anchors(
        scene, weights=replace(weights, importance=None), iterations=2, cache=False, threads=1
    )
    assert 0 in decode_symbols(plain).fields.spec.constant
