"""Networks as differences from shipped ones."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.model.differences import pack_differences, unpack_differences
from hemgs_codec.model.frozen import PARAMETER_LIMIT, FrozenModel
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_format.errors import CorruptError, HgsError
from tests.small import random_model

SPEC = ModelSpec((Group("a", (1, 2), (0, 0)), Group("b", (2,), (0,))), (), 2, 5, 4, 2)
BASE = random_model(SPEC)


def moved(share: float, size: int, shift: int, seed: int) -> FrozenModel:
    """Return the base with a share of its parameters moved by up to ``size`` steps of 2**shift."""
    rng = np.random.default_rng(seed)

    def move(
        values: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
        steps = rng.integers(-size, size + 1, values.shape) * (rng.random(values.shape) < share)
        wanted = values + (steps << shift)
        return np.where(np.abs(wanted) <= PARAMETER_LIMIT, wanted, values).astype(np.int32)

    return replace(
        BASE,
        weights={name: move(w) for name, w in BASE.weights.items()},
        biases={name: move(b) for name, b in BASE.biases.items()},
    )


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1), st.integers(1, 3000), st.integers(0, 14), st.integers(0, 99))
def test_they_come_back(share: float, size: int, shift: int, seed: int) -> None:
    model = moved(share, size, shift, seed)
    weights, biases = unpack_differences(SPEC, pack_differences(model, BASE), BASE)
    for found, expected in ((weights, model.weights), (biases, model.biases)):
        assert list(found) == list(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)


def test_no_differences_are_no_bytes() -> None:
    assert pack_differences(BASE, BASE) == b""
    weights, biases = unpack_differences(SPEC, b"", BASE)
    assert weights is BASE.weights
    assert biases is BASE.biases


def test_few_differences_take_few_bytes_whatever_power_of_two_divides_them() -> None:
    sizes = [len(pack_differences(moved(0.02, 2, shift, 1), BASE)) for shift in (0, 7)]
    assert sizes[0] == sizes[1]
    assert sizes[0] < len(pack_differences(moved(1.0, 2, 0, 1), BASE)) / 2


def test_parameters_beyond_their_limit_are_refused() -> None:
    name = next(iter(BASE.weights))
    far = BASE.weights[name].copy()
    far[0, 0] = PARAMETER_LIMIT + 1
    data = pack_differences(replace(BASE, weights={**BASE.weights, name: far}), BASE)
    with pytest.raises(CorruptError, match=f"layer {name}: a parameter exceeds"):
        unpack_differences(SPEC, data, BASE)


def test_every_error_is_an_hgs_error() -> None:
    data = pack_differences(moved(0.3, 20, 2, 5), BASE)
    rng = np.random.default_rng(3)
    for _ in range(300):
        words = np.frombuffer(data, "<u4").copy()
        words[rng.integers(0, len(words))] = rng.integers(0, 2**32)
        part = words.tobytes()[: 4 * int(rng.integers(0, len(words) + 1))]
        with contextlib.suppress(HgsError):
            unpack_differences(SPEC, part, BASE)
