"""The compiled choice of symbols says what tables and prices say."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec.coding.quantise import choose_symbols
from hemgs_format.symbols import MAX_SYMBOL, gaussian_bits
from hemgs_format.tables import NUM_SIGMAS, NUM_TABLE_SIGMAS


@pytest.mark.parametrize("sigmas_below", [NUM_TABLE_SIGMAS, NUM_SIGMAS])
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_it_is_a_greedy_choice_between_two_symbols(count: int, sigmas_below: int) -> None:
    rng = np.random.default_rng(count)
    sigmas = rng.integers(0, sigmas_below, count)
    width = np.maximum(2.0 ** ((sigmas - 32) / 8), 1.0)
    means = (rng.normal(0, 40, count) * width).astype(np.int64)
    wanted = means / 16 + width * rng.standard_t(2, count)
    wanted[::97] *= 1e6
    wanted[5::97] *= 1e12
    price = rng.exponential(2, count)
    price[::11] = np.inf
    symbols, bits = choose_symbols(wanted, means, sigmas, price)

    nearest = np.clip(np.floor(wanted + 0.5), -MAX_SYMBOL, MAX_SYMBOL).astype(np.int64)
    toward = np.sign(means - 16 * nearest)
    nearest_bits = gaussian_bits(nearest, means, sigmas)
    other_bits = gaussian_bits(nearest + toward, means, sigmas)
    dearer = np.where(price < np.inf, price, 0) * ((wanted - nearest - toward) ** 2 - (wanted - nearest) ** 2)
    moves = (nearest_bits - other_bits - dearer > 0) & ((wanted - nearest) * toward > 0.25) & (price < np.inf)
    np.testing.assert_array_equal(symbols, np.where(moves, nearest + toward, nearest))
    np.testing.assert_array_equal(bits, np.where(moves, other_bits, nearest_bits))
    if count > 1:
        assert 10 < moves.sum() < count / 2
