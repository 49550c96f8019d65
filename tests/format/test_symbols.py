from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_format.errors import CorruptError, LimitError
from hemgs_format.symbols import (
    MAX_MEAN16,
    MAX_SYMBOL,
    bit_length,
    check_decoded,
    check_fits,
    check_symbols,
    find_rows,
    gaussian_bits,
    join_escapes,
    split_escapes,
)
from hemgs_format.tables import CLASS_ENDS, HALF_WIDTHS, TOTAL, class_weights, gaussian_row


def test_mean_splits_into_the_nearest_symbol_and_sixteenths() -> None:
    mean = np.arange(-40, 41)
    rows = find_rows(mean, np.full(81, 32))
    fraction = rows.row - 32 * 16 - 8
    assert fraction.min() == -8
    assert fraction.max() == 7
    assert (16 * rows.centre + fraction == mean).all()


def test_wide_sigmas_borrow_the_last_octave_of_tables() -> None:
    rows = find_rows(np.zeros(72, np.int64), np.arange(56, 128))
    assert rows.shift is not None
    assert rows.shift.tolist() == [1 + j // 8 for j in range(72)]
    assert (rows.width_class == len(HALF_WIDTHS) - 1).all()
    assert (rows.row // 16 + CLASS_ENDS[-2] == np.tile(np.arange(48, 56), 9)).all()


def test_high_part_is_centred_on_the_middle_of_its_symbols() -> None:
    # Two low bits: 4 symbols 8 .. 11 share the high part 2, whose middle is 9.5 = 152 sixteenths.
    rows = find_rows(np.array([152]), np.array([64]))
    assert (rows.centre[0], rows.row[0] % 16 - 8) == (2, 0)


@given(st.lists(st.integers(-(2**32) + 1, 2**32 - 1).filter(lambda r: abs(r) > 8), min_size=1))
def test_escapes_join_back_to_what_was_split(residuals: list[int]) -> None:
    r = np.array(residuals)
    escapes = split_escapes(r, 8)
    assert (escapes.low < 1 << escapes.length).all()
    assert escapes.length.max() <= 31
    assert (join_escapes(escapes, 8) == r).all()


def test_bit_length_is_exact_at_powers_of_two() -> None:
    values = [v for k in range(1, 50) for v in ((1 << k) - 1, 1 << k, (1 << k) + 1)]
    assert bit_length(np.array(values)).tolist() == [v.bit_length() for v in values]


def test_cost_of_a_symbol_is_minus_log2_of_its_weight() -> None:
    bits = gaussian_bits(np.array([2]), np.array([19]), np.array([40]))
    weight = gaussian_row(40, 3)[1 + HALF_WIDTHS[1]]
    assert bits[0] == pytest.approx(np.log2(TOTAL / weight))


def test_cost_counts_escapes_and_low_bits() -> None:
    bits = gaussian_bits(np.array([8 + 5, 77]), np.array([0, 8 * 1 + 77 * 16]), np.array([32, 56]))
    assert bits[0] == pytest.approx(np.log2(TOTAL / class_weights(0)[32 * 16 + 8, -1]) + 1 + 5 + 2)
    high = find_rows(np.array([8 + 77 * 16]), np.array([56]))
    weight = class_weights(2)[high.row[0], 38 - high.centre[0] + 32]
    assert bits[1] == pytest.approx(np.log2(TOTAL / weight) + 1)


@pytest.mark.parametrize(
    ("mean", "sigma"),
    [
        ([0], [128]),
        ([0], [-1]),
        ([MAX_MEAN16 + 1], [0]),
        ([-MAX_MEAN16 - 1], [0]),
        ([2**62], [0]),
        ([0, 0], [0]),
    ],
)
def test_parameters_out_of_range_raise_limit_error(mean: list[int], sigma: list[int]) -> None:
    with pytest.raises(LimitError):
        find_rows(np.array(mean), np.array(sigma))


def test_symbols_beyond_the_limit_are_refused() -> None:
    assert check_symbols(np.array([MAX_SYMBOL, -MAX_SYMBOL])).size == 2
    for value in (MAX_SYMBOL + 1, -MAX_SYMBOL - 1, 2**63 - 1):
        with pytest.raises(LimitError):
            check_symbols(np.array([value]))
    with pytest.raises(LimitError):
        check_symbols(np.zeros((2, 2), np.int64))
    with pytest.raises(CorruptError):
        check_decoded(np.array([0, MAX_SYMBOL + 1]))
    with pytest.raises(LimitError):
        gaussian_bits(np.array([1, 2]), np.array([0]), np.array([0]))


def test_values_must_fit_their_bits() -> None:
    check_fits(np.array([0, 7]), np.array([0, 3]))
    for value in (8, -1):
        with pytest.raises(LimitError):
            check_fits(np.array([value]), np.array([3]))
