from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec.fit.parameters import Parameters
from hemgs_codec.model.frozen import BIAS_BITS, PARAMETER_LIMIT
from hemgs_codec.model.units import LIMIT, UNIT, UNIT_BITS
from hemgs_codec.pointnet import FrozenPointNet, PointNetSpec, PointPlan, network, plan_points, point_features
from hemgs_codec.pointnet.float_arithmetic import PointFloats
from hemgs_codec.pointnet.parameters import finest_steps, freeze_point_net, initial_parameters
from hemgs_codec.pointnet.short_network import ShortPointNet
from hemgs_codec.threads import use_threads
from hemgs_format.errors import CorruptError
from tests.pointnet.clouds import EXTREMES, surface

Int64Array = npt.NDArray[np.int64]
SPEC = PointNetSpec(features=5, down=(8, 10, 12), up=(7, 9, 11))


def parameters_with_biases(spec: PointNetSpec, seed: int = 0) -> Parameters:
    """Initial parameters, but for biases: a training wouldn't leave them at 0."""
    generator = torch.Generator().manual_seed(seed)
    parameters = initial_parameters(spec, generator)
    with torch.no_grad():
        noise = 0.2 * torch.randn(parameters.network.shape, generator=generator)
        parameters.network += torch.where(parameters.matrix < 0, noise, 0.0)
    return parameters


def frozen(spec: PointNetSpec = SPEC, seed: int = 0) -> FrozenPointNet:
    parameters = parameters_with_biases(spec, seed)
    return freeze_point_net(spec, parameters, finest_steps(parameters))


def integer_features(model: FrozenPointNet, plan: PointPlan, device: str | None = None) -> Int64Array:
    m = model.arithmetic(device)
    features: npt.NDArray[np.int16] = m.numpy(point_features(m, model.spec, plan))
    assert features.dtype == np.int16
    assert np.array_equal(ShortPointNet(model).point_features(plan), features)
    return features.astype(np.int64)


def slow_features(model: FrozenPointNet, plan: PointPlan) -> Int64Array:
    """Features by the definition, in 64-bit integers: every group's members through all layers."""

    def products(name: str, x: Int64Array) -> Int64Array:
        shift = model.shifts[name]
        bias = model.biases[name].astype(np.int64) << (UNIT_BITS + shift - BIAS_BITS)
        sums = x @ model.weights[name].astype(np.int64) + bias
        return np.asarray(np.clip(sums >> shift, -LIMIT, LIMIT), dtype=np.int64)

    seen = [plan.levels[0].inputs.astype(np.int64)]
    for number, level in enumerate(plan.levels):
        rows = seen[-1]
        joined = products(f"{number}.key", rows[level.groups])
        joined += products(f"{number}.query", rows[level.centres])[:, None]
        joined += products(f"{number}.edge", level.edges.astype(np.int64))
        hidden = np.clip(products(f"{number}.group", np.clip(joined, 0, LIMIT)), 0, LIMIT)
        feature = hidden.max(axis=1)
        if number + 1 < len(plan.levels):
            seen.append(np.concatenate([feature, plan.levels[number + 1].inputs], axis=1))
    for number in reversed(range(len(plan.levels))):
        level = plan.levels[number]
        around = (feature[level.parents] * level.shares.astype(np.int64)[..., None]).sum(axis=1) >> UNIT_BITS
        feature = np.clip(products(f"{number}.up", np.concatenate([around, seen[number]], axis=1)), 0, LIMIT)
    return products("out", feature)


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("count", [3, 70, 1500])
def test_features_are_integer_arithmetic(device: str | None, count: int) -> None:
    model, plan = frozen(), plan_points(surface(count), 4)
    features = integer_features(model, plan, device)
    assert features.shape == (count, SPEC.features)
    np.testing.assert_array_equal(features, slow_features(model, plan))
    assert features.std() > UNIT / 20  # or all of it would prove little


@pytest.mark.parametrize("device", [None, "cpu"])
def test_features_that_saturate_are_integer_arithmetic(device: str | None) -> None:
    plan, model = plan_points(surface(300), 4), frozen()
    rng = np.random.default_rng(0)
    ends = {
        name: (PARAMETER_LIMIT * rng.choice([-1, 1], w.shape)).astype(np.int32)
        for name, w in model.weights.items()
    }
    model = replace(model, weights=ends)
    features = integer_features(model, plan, device)
    assert (np.abs(features) == LIMIT).mean() > 0.5
    np.testing.assert_array_equal(features, slow_features(model, plan))


def test_chunks_dont_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    model, plan = frozen(), plan_points(surface(500), 4)
    whole = integer_features(model, plan)
    monkeypatch.setattr(network, "_POINTS", 37)
    monkeypatch.setattr(network, "_CENTRES", 3)
    np.testing.assert_array_equal(integer_features(model, plan), whole)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_features_are_the_same_with_any_number_of_threads(device: str | None) -> None:
    points, model = surface(3000), frozen(PointNetSpec())
    with use_threads(1):
        alone = integer_features(model, plan_points(points, 4), device)
    with use_threads(2):
        together = integer_features(model, plan_points(points, 4), device)
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_clouds_have_features(name: str, device: str | None) -> None:
    model, plan = frozen(), plan_points(EXTREMES[name], 4)
    features = integer_features(model, plan, device)
    assert features.shape == (len(EXTREMES[name]), SPEC.features)
    np.testing.assert_array_equal(features, slow_features(model, plan))


def test_points_of_a_heap_have_the_same_features_if_their_group_has() -> None:
    features = integer_features(frozen(), plan_points(EXTREMES["heap"], 4))
    assert (features == features[0]).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_floats_agree_with_integers_to_the_freezing_error(seed: int) -> None:
    spec = PointNetSpec()
    parameters = parameters_with_biases(spec, seed)
    model, plan = freeze_point_net(spec, parameters, finest_steps(parameters)), plan_points(surface(2000), 4)
    with torch.no_grad():
        floats = point_features(PointFloats(parameters.pieces(parameters.network)), spec, plan).numpy()
    error = integer_features(model, plan) / UNIT - floats
    assert np.sqrt((error**2).mean()) < 0.02 * floats.std()
    assert np.abs(error).max() < 0.03


def test_gradients_reach_every_parameter() -> None:
    parameters, plan = parameters_with_biases(SPEC), plan_points(surface(800), 4)
    features = point_features(PointFloats(parameters.pieces(parameters.network)), SPEC, plan)
    features.square().sum().backward()
    gradient = parameters.network.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    for name, piece in parameters.pieces(gradient).items():
        assert piece.abs().sum() > 0, name


def test_gradients_are_those_of_finite_differences() -> None:
    spec, plan = PointNetSpec(1, (2, 2), (2, 2)), plan_points(surface(24), 4, levels=2)
    parameters = parameters_with_biases(spec)
    pieces = {
        name: piece.detach().double().requires_grad_()
        for name, piece in parameters.pieces(parameters.network).items()
    }

    def features(*values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = point_features(PointFloats(dict(zip(pieces, values, strict=True))), spec, plan)
        return result

    assert torch.autograd.gradcheck(features, tuple(pieces.values()), eps=1e-7, atol=1e-4)


def test_weights_are_as_fine_as_16_bits_let_them_be() -> None:
    parameters = parameters_with_biases(SPEC)
    model = freeze_point_net(SPEC, parameters, finest_steps(parameters))
    pieces = parameters.pieces(parameters.network.detach())
    assert list(model.weights) == list(SPEC.matrices())
    for name, weights in model.weights.items():
        assert PARAMETER_LIMIT // 2 < np.abs(weights).max() <= PARAMETER_LIMIT
        error = weights * 2.0 ** -model.shifts[name] - pieces[f"{name}.w"].numpy()
        assert np.abs(error).max() <= 2.0 ** -(model.shifts[name] + 1)


def test_initial_parameters_follow_the_seed() -> None:
    first, again, other = (
        initial_parameters(SPEC, torch.Generator().manual_seed(seed)).network for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_weights_beyond_the_budget_are_refused(device: str | None) -> None:
    model = frozen()
    too_large = np.full_like(model.weights["1.group"], 2**31 - 1)
    broken = replace(model, weights={**model.weights, "1.group": too_large})
    with pytest.raises(CorruptError, match=r"layer 1\.group: sums may reach"):
        broken.arithmetic(device)


def test_a_plan_of_other_levels_is_refused() -> None:
    model = frozen()
    plan = plan_points(surface(50), 4, levels=2)
    with pytest.raises(ValueError, match="the plan has 2 levels, expected 3"):
        point_features(model.arithmetic(None), SPEC, plan)


def test_a_spec_has_as_many_widths_down_as_up() -> None:
    for down, up in (((), ()), ((4,), (4, 4))):
        with pytest.raises(ValueError, match="widths down"):
            PointNetSpec(4, down, up)
