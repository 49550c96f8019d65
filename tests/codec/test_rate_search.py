"""The search for a lambda by size or quality."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN
from hemgs_codec.rate_search import MOST_PASSES, search_lambda


@given(
    target=st.floats(35, 45),
    start=st.sampled_from([LAMBDA_MIN, 1e-3, 2e-3, LAMBDA_MAX]),
    bend=st.floats(-0.08, 0.08),  # so that the curve falls over all of the range
    at_least=st.booleans(),
)
def test_a_target_within_reach_is_met_from_its_right_side_in_a_few_passes(
    target: float, start: float, bend: float, at_least: bool
) -> None:
    tried = []

    def attempt(lambda_: float) -> tuple[float, float]:
        tried.append(lambda_)
        octaves = math.log2(lambda_ / 2e-3)
        return lambda_, 40 - 2.5 * octaves + bend * octaves**2

    found = search_lambda(attempt, target, at_least=at_least, tolerance=0.05, slope=2.6, start=start)
    assert len(tried) <= MOST_PASSES
    assert abs(found.figure - target) < 0.2
    assert found.figure >= target if at_least else found.figure <= target
    assert found.result == found.lambda_


@pytest.mark.parametrize(("target", "end"), [(90.0, LAMBDA_MIN), (5.0, LAMBDA_MAX)])
def test_a_target_out_of_reach_gives_the_end_of_the_range(target: float, end: float) -> None:
    def attempt(lambda_: float) -> tuple[None, float]:
        return None, 40 - 2.5 * math.log2(lambda_ / 2e-3)

    found = search_lambda(attempt, target, at_least=target > 40, tolerance=0.05, slope=2.6, start=2e-3)
    assert found.lambda_ == pytest.approx(end, rel=0.05)


def test_a_curve_that_is_flat_and_then_steep_is_searched_between_its_ends() -> None:
    tried = []

    def attempt(lambda_: float) -> tuple[float, float]:
        tried.append(lambda_)
        octaves = math.log2(lambda_ / LAMBDA_MIN)
        return lambda_, 43.6 - 0.5 * (octaves - 1.4) if octaves > 1.4 else 46.9 - 2 * octaves

    found = search_lambda(attempt, 44.3, at_least=True, tolerance=0.06, slope=2.6, start=2e-3)
    assert len(set(tried)) == len(tried)
    assert 44.3 <= found.figure < 44.8
