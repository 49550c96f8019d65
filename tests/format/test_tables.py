from __future__ import annotations

import hashlib

import mpmath  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pytest

from hemgs_format.errors import CorruptError
from hemgs_format.tables import (
    CLASS_ENDS,
    ESCAPE_WEIGHT,
    HALF_WIDTHS,
    INVERSE_SIGMA,
    MIN_WEIGHT,
    NUM_TABLE_SIGMAS,
    TOTAL,
    check_weights,
    class_weights,
    gaussian_row,
    half_width,
    normal_table,
    scaled_cdf,
)


def test_normal_table_is_the_rounded_normal_cdf() -> None:
    with mpmath.workdps(40):
        expected = [
            int(mpmath.nint((mpmath.ncdf(mpmath.mpf(k) / 256) - mpmath.mpf(1) / 2) * 2**32))
            for k in range(0, 1665, 13)
        ]
    assert normal_table()[::13].tolist() == expected
    assert normal_table()[-1] == 1 << 31


def test_inverse_sigma_integers_are_rounded_powers_of_two() -> None:
    for j, value in enumerate(INVERSE_SIGMA):  # value - 1/2 <= 2**(32 - j/8) < value + 1/2, in integers
        assert (2 * value - 1) ** 8 <= 2 ** (8 * 33 - j) < (2 * value + 1) ** 8


def test_scaled_cdf_is_odd_monotonic_and_near_the_truth() -> None:
    edges = np.arange(-600, 601)
    for i in range(NUM_TABLE_SIGMAS):
        values = scaled_cdf(edges, i)
        assert (values == -values[::-1]).all()
        assert (np.diff(values) >= 0).all()
        sigma = 2 ** ((i - 32) / 8)
        truth = [float(mpmath.ncdf(x / 16 / sigma) - 0.5) for x in (3, 8, 40)]
        assert values[[603, 608, 640]] / 2**32 == pytest.approx(truth, abs=5e-7)


@pytest.mark.parametrize("width_class", range(len(HALF_WIDTHS)))
def test_every_row_sums_to_2_to_24_and_gives_each_entry_its_least_weight(width_class: int) -> None:
    weights = class_weights(width_class).astype(np.int64)
    assert weights.shape[1] == 2 * HALF_WIDTHS[width_class] + 2
    assert (weights.sum(axis=1) == TOTAL).all()
    assert weights.min() >= MIN_WEIGHT
    assert weights[:, -1].min() >= ESCAPE_WEIGHT


def test_class_rows_are_ordered_by_sigma_then_fraction() -> None:
    assert (class_weights(0)[16 * 20 + 8 + 3] == gaussian_row(20, 3)).all()
    assert (class_weights(1)[16 * (45 - CLASS_ENDS[0]) + 8 - 8] == gaussian_row(45, -8)).all()


def test_half_width_is_the_smallest_that_covers_four_sigma_and_one() -> None:
    for i in range(NUM_TABLE_SIGMAS):
        assert half_width(i) == min(h for h in HALF_WIDTHS if h >= 4 * 2 ** ((i - 32) / 8) + 1)


def test_row_of_mean_zero_is_symmetric_and_shifted_means_mirror() -> None:
    for i in (0, 20, 32, 44, 55):
        row = gaussian_row(i, 0)[:-1]
        assert (row == row[::-1]).all()
        assert (gaussian_row(i, 5)[:-1] == gaussian_row(i, -5)[:-1][::-1]).all()


def test_rows_lose_less_than_a_fifth_of_a_millibit() -> None:
    for i in range(0, NUM_TABLE_SIGMAS, 11):
        for fraction in (-8, 0, 3):
            row = gaussian_row(i, fraction)[:-1]
            h = half_width(i)
            edges = (np.arange(-h, h + 2) - 0.5 - fraction / 16) / 2 ** ((i - 32) / 8)
            p = np.diff([float(mpmath.ncdf(z)) for z in edges])
            loss = np.sum(p * (24 - np.log2(row) + np.log2(np.maximum(p, 1e-300))))
            assert loss < 2e-4


def test_tables_are_the_ones_of_the_format() -> None:
    digest = hashlib.sha256()
    for width_class in range(len(HALF_WIDTHS)):
        digest.update(class_weights(width_class).astype("<u4").tobytes())
    assert digest.hexdigest() == "40fbb935576029dcf323e140d5dd41f5e19b72f2af6a232eb3774f1b1df4a42d"


@pytest.mark.parametrize(
    "weights",
    [
        np.array([TOTAL]),
        np.array([TOTAL, 0]),
        np.array([TOTAL + 1, -1]),
        np.array([5, 6]),
        np.array([0.5, 0.5]),
        np.array(TOTAL),
        np.array([[1, TOTAL - 1], [1, TOTAL - 2]]),
    ],
)
def test_unusable_weights_raise_corrupt_error(weights: npt.NDArray[np.generic]) -> None:
    with pytest.raises(CorruptError):
        check_weights(weights)
