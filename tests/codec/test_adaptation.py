"""Predictions are set right by what was coded so far, alike by every decoder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.coding.adaptation import BIASES, FAVOUR, GAINS, SHIFTS, Adaptation, cost_table
from hemgs_codec.model.units import NUM_SIGMAS
from hemgs_format.symbols import MAX_SYMBOL, gaussian_bits
from tests.test_reference import load as load_reference

Int64Array = npt.NDArray[np.int64]
Batch = tuple[Int64Array, Int64Array, Int64Array, Int64Array]
COUNT = 4000
CHANNEL = np.zeros(COUNT, dtype=np.int64)


def drawn(mean16: Int64Array, sigma: float) -> Int64Array:
    noise = np.random.default_rng(5).normal(0, sigma, mean16.shape)
    return np.rint(mean16 / 16 + noise).astype(np.int64)


def learned(symbols: Int64Array, means: Int64Array, sigma_index: int) -> tuple[Int64Array, Int64Array]:
    """Return what the same predictions become once such symbols were coded, in batches."""
    sigmas, channels = np.full_like(means, sigma_index), CHANNEL[: len(symbols)]
    adaptation = Adaptation(1)
    for start in range(0, len(symbols), 100):
        part = slice(start, start + 100)
        adaptation.observe(channels[part], symbols[part], means[part], sigmas[part])
        adaptation.learn()
    return adaptation.adapt(channels, means, sigmas)


@pytest.mark.parametrize(("index", "factor"), [(32, 2.0), (32, 0.5), (60, 2.0), (90, 0.5)])
def test_sigmas_become_those_of_the_symbols(index: int, factor: float) -> None:
    means = np.random.default_rng(1).integers(-300, 300, COUNT)
    symbols = drawn(means, factor * 2.0 ** ((index - 32) / 8))
    new_means, sigmas = learned(symbols, means, index)
    assert set(sigmas.tolist()) == {index + round(8 * np.log2(factor))}
    assert (
        gaussian_bits(symbols, new_means, sigmas).sum()
        < 0.97 * gaussian_bits(symbols, means, np.full(COUNT, index)).sum()
    )


@pytest.mark.parametrize("gain", [-8, -4, 4])
def test_means_that_are_too_large_or_small_are_drawn(gain: int) -> None:
    means = np.random.default_rng(2).integers(-300, 300, COUNT)
    true = means + ((gain * means + 8) >> 4)
    np.testing.assert_array_equal(learned(drawn(true, 1.0), means, 32)[0], true)


@pytest.mark.parametrize("bias", [-4, 2])
def test_means_that_are_beside_the_symbols_are_moved(bias: int) -> None:
    means = np.zeros(COUNT, dtype=np.int64)
    new_means, _ = learned(drawn(means + bias, 1.0), means, 32)
    assert set(new_means.tolist()) == {bias}


def test_nothing_changes_before_anything_is_learned() -> None:
    means, sigmas = np.arange(-2000, 2000), np.arange(COUNT) % NUM_SIGMAS
    adaptation = Adaptation(1)
    adaptation.observe(CHANNEL, means, means, sigmas)
    for values, same in zip(adaptation.adapt(CHANNEL, means, sigmas), (means, sigmas), strict=True):
        np.testing.assert_array_equal(values, same)


def test_a_few_symbols_change_nothing() -> None:
    """They could be so by chance: an alternative must have saved `FAVOUR`."""
    means = np.zeros(3, dtype=np.int64)
    new_means, sigmas = learned(np.array([2, -2, 2]), means, 32)
    assert new_means.tolist() == [0, 0, 0]
    assert sigmas.tolist() == [32, 32, 32]


def test_a_batch_that_is_forgotten_teaches_nothing() -> None:
    means, sigmas = np.zeros(COUNT, dtype=np.int64), np.full(COUNT, 32)
    adaptation = Adaptation(1)
    adaptation.observe(CHANNEL, drawn(means, 4.0), means, sigmas)
    adaptation.forget()
    adaptation.learn()
    assert not adaptation.costs.any()
    assert set(adaptation.adapt(CHANNEL, means, sigmas)[1].tolist()) == {32}


def test_channels_and_octaves_learn_apart() -> None:
    means = np.zeros(COUNT, dtype=np.int64)
    adaptation = Adaptation(2)
    adaptation.observe(CHANNEL + 1, drawn(means, 2.0), means, np.full(COUNT, 32))
    adaptation.learn()
    channels, sigmas = np.array([0, 1, 1, 1]), np.array([32, 32, 39, 40])
    assert adaptation.adapt(channels, means[:4], sigmas)[1].tolist() == [32, 40, 47, 40]


def test_costs_are_near_those_of_the_tables() -> None:
    for index in (0, 20, 32, 47, 55):
        residuals = np.arange(6)
        bits = gaussian_bits(residuals, np.zeros(6, dtype=np.int64), np.full(6, index))
        near = bits < 16
        assert near.any()
        np.testing.assert_allclose(cost_table()[16 * residuals, index][near] / 256, bits[near], atol=0.05)


def by_the_reference(batches: list[Batch]) -> list[tuple[Int64Array, Int64Array]]:
    adaptation, results = load_reference().Adaptation(3), []
    for channels, symbols, means, sigmas in batches:
        results.append(adaptation.adapt(channels, means, sigmas))
        adaptation.observe(channels, symbols, means, sigmas)
    return results


@settings(deadline=None)  # the first one compiles
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([1, 40, 5000, 1 << 20]))
def test_the_reference_decoder_learns_the_same(seed: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    batches: list[Batch] = []
    for _ in range(3):
        channels, sigmas = rng.integers(0, 3, 60), rng.integers(0, NUM_SIGMAS, 60)
        means = rng.integers(-16 * spread, 16 * spread, 60)
        symbols = np.clip(means // 12 + rng.integers(-spread, spread, 60), -MAX_SYMBOL, MAX_SYMBOL)
        symbols[0] = rng.choice([MAX_SYMBOL, -MAX_SYMBOL])
        batches.append((channels, symbols, means, sigmas))
    adaptation = Adaptation(3)
    for batch, (means, sigmas) in zip(batches, by_the_reference(batches), strict=True):
        own_means, own_sigmas = adaptation.adapt(batch[0], *batch[2:])
        np.testing.assert_array_equal(own_means, means)
        np.testing.assert_array_equal(own_sigmas, sigmas)
        adaptation.observe(*batch)
        adaptation.learn()


def test_changing_nothing_is_an_alternative_of_each_kind() -> None:
    assert all((values == 0).sum() == 1 for values in (SHIFTS, GAINS, BIASES))
    assert FAVOUR > 0
