"""The exact layers against Python's integers, on NumPy and torch; the overflow proof; the probe."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec import decoder
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.parameters import initial_parameters
from hemgs_codec.model import probe
from hemgs_codec.model.arithmetic import EXACT, MAX_SHIFT, ExactArithmetic, check_budget
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.frozen import PARAMETER_LIMIT
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.units import LIMIT, UNIT, UNIT_BITS, VALUE_BITS, attention_table
from hemgs_codec.prior.packing import pack_model, unpack_model
from hemgs_format.errors import CorruptError, HgsError, SceneError
from tests.small import random_model

Int64Array = npt.NDArray[np.int64]
DEVICES: tuple[str | None, ...] = (None, "cpu")
SPEC = ModelSpec((Group("a", (1, 2), (0, 0)), Group("b", (2,), (0,))), (), 2, 5, 4, 2)

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 7)
shifts = st.integers(0, MAX_SHIFT)


def clamp(value: int, low: int) -> int:
    return min(max(value, low), LIMIT)


def integers(rng: np.random.Generator, limit: int, *shape: int) -> Int64Array:
    """Integers of -limit .. limit, the ends and zero more often than others."""
    values = rng.integers(-limit, limit + 1, shape)
    ends = rng.choice([-limit, 0, limit], shape)
    return np.where(rng.random(shape) < 0.3, ends, values)


def make(weights: Int64Array, bias: Int64Array, shift: int, device: str | None) -> ExactArithmetic:
    return ExactArithmetic({"layer": weights.astype(np.int32)}, {"layer": bias}, {"layer": shift}, device)


def result(m: ExactArithmetic, y: object) -> list[object]:
    values = m.numpy(y)
    assert values.dtype == np.float64
    assert (values == np.floor(values)).all()
    as_list: list[object] = values.astype(object).tolist()
    return as_list


@pytest.mark.parametrize("device", DEVICES)
@given(
    seed=seeds, rows=sizes, fan_in=sizes, fan_out=sizes, shift=shifts, relu=st.booleans(), wide=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_linear_is_integer_arithmetic(
    device: str | None, seed: int, rows: int, fan_in: int, fan_out: int, shift: int, relu: bool, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    x, w = integers(rng, LIMIT, rows, fan_in), integers(rng, PARAMETER_LIMIT, fan_in, fan_out)
    b = integers(rng, 1 << 30, fan_out)
    m = make(w, b, shift, device)
    expected = []
    for row in x.tolist():
        sums = [sum(p * q for p, q in zip(row, column, strict=True)) for column in w.T.tolist()]
        sums = [s + c for s, c in zip(sums, b.tolist(), strict=True)]
        if wide:
            expected.append([(s << (VALUE_BITS - UNIT_BITS)) >> shift for s in sums])
        else:
            expected.append([clamp(s >> shift, 0 if relu else -LIMIT) for s in sums])
    assert result(m, m.linear("layer", m.array(x.astype(np.float64)), relu=relu, wide=wide)) == expected


@pytest.mark.parametrize("device", DEVICES)
@given(seed=seeds, n=sizes, k=sizes, hidden=sizes)
@settings(max_examples=40, deadline=None)
def test_edges_are_joined_and_averaged_in_integers(
    device: str | None, seed: int, n: int, k: int, hidden: int
) -> None:
    rng = np.random.default_rng(seed)
    m = make(np.ones((1, 1), np.int64), np.zeros(1, np.int64), 0, device)
    rows, edges = integers(rng, LIMIT, n, k, hidden), integers(rng, LIMIT, n, k, hidden)
    query, present = integers(rng, LIMIT, n, hidden), rng.integers(0, 2, (n, k))

    def array(values: Int64Array) -> object:
        return m.array(values.astype(np.float64))

    joined = [
        [
            [clamp(int(rows[i, j, h] + query[i, h] + edges[i, j, h]), 0) for h in range(hidden)]
            for j in range(k)
        ]
        for i in range(n)
    ]
    found = m.join_relu(array(rows), array(query), array(edges))
    assert result(m, found) == joined
    means = []
    for i in range(n):
        chosen = [joined[i][j] for j in range(k) if present[i, j]]
        means.append([sum(column) // len(chosen) for column in zip(*chosen, strict=True)] or [0] * hidden)
    assert result(m, m.mean(found, array(present))) == means


@pytest.mark.parametrize("device", DEVICES)
@given(seed=seeds, n=sizes, k=sizes, heads=st.integers(1, 3), width=sizes)
@settings(max_examples=40, deadline=None)
def test_attention_is_integer_arithmetic(
    device: str | None, seed: int, n: int, k: int, heads: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    m = make(np.ones((1, 1), np.int64), np.zeros(1, np.int64), 0, device)
    score = integers(rng, int(rng.choice([10, 1000, LIMIT])), n, k, heads)
    values, present = integers(rng, 8 * UNIT, n, k, width), rng.integers(0, 2, (n, k))
    table = [int(v) for v in attention_table()]
    expected = []
    for i in range(n):
        edges = [j for j in range(k) if present[i, j]]
        row: list[int] = []
        for h in range(heads):
            top = max((int(score[i, j, h]) for j in edges), default=0)
            weight = {j: table[min((top - int(score[i, j, h])) * 16 // UNIT, 255)] for j in edges}
            total = sum(weight.values())
            sums = [sum(weight[j] * int(values[i, j, v]) for j in edges) for v in range(width)]
            row.extend(s // total if edges else 0 for s in sums)
        expected.append(row)
    parts = (m.array(part.astype(np.float64)) for part in (score, values, present))
    assert result(m, m.attend(*parts)) == expected


@pytest.mark.parametrize("device", DEVICES)
@given(seed=seeds, n=sizes, heads=sizes, width=sizes, shift=shifts)
@settings(max_examples=40, deadline=None)
def test_skip_and_halve_are_integer_arithmetic(
    device: str | None, seed: int, n: int, heads: int, width: int, shift: int
) -> None:
    rng = np.random.default_rng(seed)
    w, x = integers(rng, PARAMETER_LIMIT, heads, width), integers(rng, 8 * UNIT, n, heads * width)
    m = make(w, np.zeros(width, np.int64), shift, device)
    expected = [
        [
            (sum(int(x[i, h * width + v]) * int(w[h, v]) for h in range(heads)) << (VALUE_BITS - UNIT_BITS))
            >> shift
            for v in range(width)
        ]
        for i in range(n)
    ]
    attended = m.array(x.astype(np.float64))
    assert result(m, m.skip("layer", attended)) == expected
    assert result(m, m.halve(attended)) == (x // 2).tolist()


def test_sums_at_the_widest_budget_are_exact_in_any_order() -> None:
    fan_in = 511
    w = np.full((fan_in, 1), PARAMETER_LIMIT)
    largest = EXACT // (1 << (VALUE_BITS - UNIT_BITS)) - 1 - fan_in * PARAMETER_LIMIT * LIMIT
    for device in DEVICES:
        m = make(w, np.array([largest]), MAX_SHIFT, device)
        for sign in (-1, 1):
            x = np.full((1, fan_in), sign * LIMIT)
            exact = sign * fan_in * PARAMETER_LIMIT * LIMIT + largest
            expected = (exact << (VALUE_BITS - UNIT_BITS)) >> MAX_SHIFT
            assert result(m, m.linear("layer", m.array(x.astype(np.float64)), wide=True)) == [[expected]]


def test_the_budget_is_refused_one_beyond_its_end() -> None:
    most = EXACT >> (VALUE_BITS - UNIT_BITS)
    w = np.full((2, 3), 1, np.int32)
    fits = np.array([0, 0, most - 2 * LIMIT - 1])
    check_budget({"layer": w}, {"layer": fits}, {"layer": 0})
    with pytest.raises(CorruptError, match="layer layer: sums may reach"):
        check_budget({"layer": w}, {"layer": fits + 1}, {"layer": 0})
    with pytest.raises(CorruptError, match="shift"):
        check_budget({"layer": w}, {}, {"layer": MAX_SHIFT + 1})


def test_a_model_beyond_the_budget_has_no_arithmetic() -> None:
    model = random_model(SPEC)
    name = next(iter(model.biases))
    too_large = np.full_like(model.biases[name], 2**31 - 1)
    # a bias is scaled by 2**(shift + 2): what no file can spell, but a fit gone wrong could
    broken = replace(
        model, biases={**model.biases, name: too_large}, shifts={**model.shifts, name: MAX_SHIFT}
    )
    for device in DEVICES:
        with pytest.raises(CorruptError, match=f"layer {name}"):
            broken.arithmetic(device)


@pytest.mark.parametrize("relu", [False, True])
def test_floats_are_clamped_where_integers_are(relu: bool) -> None:
    rng = np.random.default_rng(5)
    w, x = rng.normal(0, 4, (6, 5)), rng.normal(0, 4, (40, 6))
    integers = make(np.rint(w * 2**8).astype(np.int64), np.zeros(5, np.int64), 8, None)
    exact = integers.linear("layer", np.rint(x * UNIT), relu=relu) / UNIT
    floats = FloatArithmetic(
        {"layer.w": torch.from_numpy(np.rint(w * 2**8) / 2**8), "layer.b": torch.zeros(5).double()}
    )
    found = floats.linear("layer", torch.from_numpy(np.rint(x * UNIT) / UNIT), relu=relu).numpy()
    assert exact.max() == LIMIT / UNIT
    np.testing.assert_allclose(found, exact, atol=1.01 / UNIT)
    rows, query, edge = (torch.from_numpy(rng.normal(0, 12, size)) for size in ((7, 3, 4), (7, 4), (7, 3, 4)))
    joined = floats.join_relu(rows, query, edge)
    assert joined.min() == 0
    assert joined.max() == LIMIT / UNIT


def test_a_parameter_beyond_its_limit_is_refused_when_a_file_is_read() -> None:
    model = random_model(SPEC)
    name = next(iter(model.weights))
    weights = model.weights[name].copy()
    weights[0, 0] = PARAMETER_LIMIT + 1
    packed = pack_model(replace(model, weights={**model.weights, name: weights}), None)
    with pytest.raises(CorruptError, match=f"layer {name}: a parameter exceeds"):
        unpack_model(SPEC, *packed, None)


def test_freezing_limits_parameters_so_that_the_proof_holds() -> None:
    parameters = initial_parameters(SPEC, torch.zeros(2), torch.Generator().manual_seed(0))
    with torch.no_grad():
        parameters.network *= 1e9
    model = freeze(SPEC, parameters, torch.full((parameters.num_matrices,), 2.0**-14))
    assert max(np.abs(w).max() for w in model.weights.values()) == PARAMETER_LIMIT
    model.arithmetic(None)  # proven


def test_a_model_comes_back_from_its_bytes() -> None:
    model = random_model(SPEC)
    again = unpack_model(SPEC, *pack_model(model, None), None)
    assert again.shifts == model.shifts
    for name, matrix in model.weights.items():
        np.testing.assert_array_equal(again.weights[name], matrix)
    for name, bias in model.biases.items():
        np.testing.assert_array_equal(again.biases[name], bias)


def test_the_probe_trusts_this_machine() -> None:
    assert probe.is_exact("cpu")


@pytest.fixture
def inexact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch multiply as hardware with reduced precision does."""
    exact: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = torch.Tensor.__matmul__

    def reduced(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return exact(a.float(), b.float()).double()

    monkeypatch.setattr(torch.Tensor, "__matmul__", reduced)
    probe.is_exact.cache_clear()


def test_an_inexact_device_is_refused_with_a_warning_and_numpy_takes_over(inexact: None) -> None:
    try:
        assert not probe.is_exact("cpu")
        model = random_model(SPEC)
        with pytest.warns(UserWarning, match="doesn't multiply integers exactly: using NumPy"):
            arithmetic = decoder.open_arithmetic(model, "torch:cpu")
        assert not arithmetic.is_torch
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            decoder.open_arithmetic(model, "cpu")  # NumPy needs no probe
    finally:
        probe.is_exact.cache_clear()


@pytest.mark.parametrize("device", ["nonsense", "torch:nonsense", "cuda:99", ""])
def test_a_device_that_isnt_there_is_refused(device: str) -> None:
    with pytest.raises(SceneError, match="can't be used"):
        decoder.open_arithmetic(random_model(SPEC), device)


def test_torch_runs_on_the_cpu_if_asked() -> None:
    model = random_model(SPEC)
    assert decoder.open_arithmetic(model, "torch:cpu").is_torch
    assert not decoder.open_arithmetic(model, "cpu").is_torch


def test_every_error_of_a_model_is_an_hgs_error() -> None:
    model = random_model(SPEC)
    networks, grid = pack_model(model, None)
    rng = np.random.default_rng(3)
    for _ in range(300):
        words = np.frombuffer(networks, "<u4").copy()
        words[rng.integers(0, len(words))] = rng.integers(0, 2**32)
        part = words.tobytes()[: 4 * int(rng.integers(0, len(words) + 1))]
        with contextlib.suppress(HgsError):
            unpack_model(SPEC, part, grid, None).arithmetic(None)


def test_units_are_as_documented() -> None:
    assert UNIT == 1 << UNIT_BITS
    assert math.log2(LIMIT + 1) == 14
