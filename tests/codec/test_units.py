from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.model.units import (
    LAMBDA_MAX,
    LAMBDA_MIN,
    LAMBDA_REFERENCE_Q,
    NUM_STEPS,
    UNIT_STEP,
    VALUE_BITS,
    attention_table,
    lambda_to_q,
    log2_fixed,
    step_table,
)


def test_steps_are_eighths_of_an_octave_rounded_down() -> None:
    steps = step_table()
    assert len(steps) == NUM_STEPS
    assert steps[UNIT_STEP] == 1 << VALUE_BITS
    for j, step in enumerate(steps.tolist()):
        assert step**8 <= 1 << (j + 48) < (step + 1) ** 8
        assert step == pytest.approx(2.0 ** ((j - UNIT_STEP) / 8 + VALUE_BITS), abs=1)
    assert (np.diff(steps) > 0).all()


def test_attention_weights_are_sixteenths_of_an_octave_rounded_down() -> None:
    for j, weight in enumerate(attention_table().astype(int).tolist()):
        assert weight**16 <= 1 << (256 - j) < (weight + 1) ** 16
        assert weight == pytest.approx(2.0 ** (16 - j / 16), abs=1)


@settings(deadline=None)  # the first call loads a compiled loop
@given(st.lists(st.integers(1, 2**62 - 1), min_size=1, max_size=20))
def test_log2_is_right_to_four_256ths(values: list[int]) -> None:
    found = log2_fixed(np.array(values))
    for value, log in zip(values, found.tolist(), strict=True):
        exact = 256 * math.log2(value)
        assert exact - 3.75 < log <= exact + 1e-6


def test_log2_of_powers_is_exact() -> None:
    assert log2_fixed(1 << np.arange(62)).tolist() == [256 * k for k in range(62)]


def test_log2_never_falls() -> None:
    values = np.unique(np.concatenate([np.arange(1, 5000), (1 << np.arange(62)) - 1, 1 << np.arange(62)]))
    assert (np.diff(log2_fixed(values[values > 0])) >= 0).all()


def test_log2_leaves_its_argument_alone() -> None:
    values = np.array([5, 600])
    log2_fixed(values)
    assert values.tolist() == [5, 600]


def test_lambdas_a_quarter_octave_apart_have_header_integers_64_apart() -> None:
    qs = [lambda_to_q(LAMBDA_MAX * 2 ** (-k / 4)) for k in range(40)]
    assert set(np.diff(qs).tolist()) == {-64}
    assert lambda_to_q(LAMBDA_MIN) <= qs[-1]
    assert lambda_to_q(2e-3) == LAMBDA_REFERENCE_Q
