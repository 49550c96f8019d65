from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks.bench_scaling import growth, rows_of

COUNTS = [1, 10, 100, 1000]


def test_a_straight_line_between_logarithms_has_its_slope() -> None:
    # 2 n**1.5 at 1, 4, 16: its logarithms lie on a line
    assert growth([1, 4, 16], [2, 16, 128]).slope == pytest.approx(1.5)


def test_two_sizes_have_a_slope_and_no_more() -> None:
    fit = growth([100, 1000], [3, 30])
    assert fit.slope == pytest.approx(1)
    assert math.isnan(fit.power)


def test_a_constant_flattens_the_slope_and_not_the_power() -> None:
    # 5 + 0.2 n: 5.2, 7, 25, 205
    fit = growth(COUNTS, [5.2, 7, 25, 205])
    # logarithms to base 10 rise by x = -1.5, -0.5, 0.5, 1.5; slope = sum(x y) / sum(x x), which is 5
    rise = 1.5 * (math.log10(205) - math.log10(5.2)) + 0.5 * (math.log10(25) - math.log10(7))
    assert fit.slope == pytest.approx(rise / 5)
    assert fit.slope == pytest.approx(0.534, abs=0.001)
    assert fit[1:] == pytest.approx((5, 0.2, 1))


def test_a_power_without_a_constant_has_none() -> None:
    fit = growth(COUNTS, [3 * n**1.25 for n in COUNTS])
    assert fit.slope == pytest.approx(1.25)
    assert fit[1:] == pytest.approx((0, 3, 1.25), abs=1e-6)


def test_a_constant_is_never_negative() -> None:
    # n**2 - 0.5 from 1 on would fit a = -0.5
    fit = growth(COUNTS, [n**2 - 0.5 for n in COUNTS])
    assert fit.constant == 0
    assert fit.power > 2


def test_errors_count_relative_to_the_figures() -> None:
    # the largest scene is 10 % off: an absolute fit would bend to it alone, this one misses each by less
    figures = [11.0, 20.0, 110.0, 1010.0 * 1.1]
    fit = growth(COUNTS, figures)
    misses = [
        abs(fit.constant + fit.factor * n**fit.power - t) / t for n, t in zip(COUNTS, figures, strict=True)
    ]
    assert max(misses) < 0.05


def test_rows_are_those_of_the_commit_and_the_latest_of_each_case(tmp_path: Path) -> None:
    path = tmp_path / "scaling.jsonl"
    assert rows_of("a", path) == {}
    rows = [
        {"num_gaussians": 10, "effort": 0, "commit": commit, "decode_s": seconds}
        for commit, seconds in [("a", 1), ("b", 2), ("a", 3)]
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert rows_of("a", path) == {(10, 0): rows[2]}
