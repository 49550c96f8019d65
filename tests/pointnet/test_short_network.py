"""A PointNet++ in 16-bit integers says what float64s say, whatever its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec.model.frozen import PARAMETER_LIMIT
from hemgs_codec.model.units import LIMIT
from hemgs_codec.pointnet import PointNetSpec, plan_points, point_features
from hemgs_codec.pointnet.short_kernels import layer_pass
from hemgs_codec.pointnet.short_network import ShortPointNet
from hemgs_codec.pointnet.wide_layers import open_scratch, wide_layer
from hemgs_codec.threads import MANY, use_threads
from tests.pointnet.clouds import surface
from tests.pointnet.test_features import frozen

SPECS = (
    PointNetSpec(16, (32, 48, 64), (32, 32, 48)),
    PointNetSpec(3, (5, 17), (1, 33)),
    PointNetSpec(1, (1,), (1,)),
)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("count", [0, 1, 2, 5, 300])
def test_it_says_what_float64s_say(spec: PointNetSpec, count: int) -> None:
    net, plan = frozen(spec), plan_points(surface(count), 4, levels=spec.levels)
    expected = point_features(net.arithmetic(None), spec, plan)
    assert np.array_equal(ShortPointNet(net).point_features(plan), expected)


def test_weights_may_use_all_of_their_bits() -> None:
    spec, rng = SPECS[0], np.random.default_rng(0)
    net, plan = frozen(spec), plan_points(surface(200), 4)
    net = replace(
        net,
        weights={
            name: rng.choice([-PARAMETER_LIMIT, 0, PARAMETER_LIMIT], w.shape).astype(np.int32)
            for name, w in net.weights.items()
        },
        shifts=dict.fromkeys(net.shifts, 20),
    )
    expected = point_features(net.arithmetic(None), spec, plan)
    assert len(np.unique(expected)) > 100
    assert np.array_equal(ShortPointNet(net).point_features(plan), expected)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_sums_are_whole(sign: int) -> None:
    weights, bias, shift = np.full((125, 3), PARAMETER_LIMIT, np.int32), sign * ((1 << 32) + 1), 22
    layer = wide_layer(weights, np.full(3, bias), shift)
    x = np.full((5, 125), sign * LIMIT, np.int16)
    low, high = np.iinfo(np.int16).min, np.iinfo(np.int16).max
    out, counter = np.empty((5, 16), np.int16), np.zeros(1, np.int64)
    layer_pass(np.arange(5), x, 125, x[:, :0], layer, low, high, out, counter, open_scratch(layer))
    whole = (sign * 125 * PARAMETER_LIMIT * LIMIT + bias) >> shift
    assert LIMIT < abs(whole) <= high
    assert (out[:, :3] == whole).all()


def test_threads_do_not_matter() -> None:
    net, plan = frozen(), plan_points(surface(MANY), 4)
    found = []
    for threads in (1, 2):
        with use_threads(threads):
            found.append(ShortPointNet(net).point_features(plan))
    assert np.array_equal(found[0], found[1])
