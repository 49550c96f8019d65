from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_codec.anchors.network_coding import (
    INTEGER_LIMIT,
    NetworkIntegers,
    pack_rendering,
    quantise_networks,
    unpack_rendering,
)
from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_format.errors import CorruptError, SceneError
from tests.anchors.small import BANK, SHAPE, random_networks


def same(a: NetworkIntegers, b: NetworkIntegers) -> bool:
    return a.shape == b.shape and a.shifts == b.shifts and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("shape", [SHAPE, BANK, NetworkShape(1, 1)])
def test_bytes_bring_the_integers_back(shape: NetworkShape) -> None:
    integers = quantise_networks(random_networks(shape))
    assert same(unpack_rendering(shape, pack_rendering(integers)), integers)


@given(st.floats(1e-12, 1e6), st.sampled_from([1 / 4, 1 / 16, 1 / 256]))
def test_weights_of_any_size_lose_half_a_step_at_most(size: float, step: float) -> None:
    networks = random_networks(SHAPE)
    scaled = RenderingNetworks(
        SHAPE, {k: (v * size).astype(np.float32) for k, v in networks.weights.items()}, networks.biases
    )
    rounded = quantise_networks(scaled, step)
    back = rounded.networks()
    for name, weight in scaled.weights.items():
        error, used = np.abs(back.weights[name] - weight).max(), 2.0 ** -rounded.shifts[name][0]
        assert error <= 0.5 * used * (1 + 1e-6)
        rms = float(np.sqrt(np.mean(weight.astype(np.float64) ** 2)))
        if 2**-31 < rms * step < 1:
            assert used >= 0.7 * rms * step
            # a coarser step is one that all happen to be multiples of
            assert error <= 0.5 * 1.42 * rms * step


def test_rounded_networks_stay_what_they_are() -> None:
    integers = quantise_networks(random_networks(BANK), 1 / 16)
    assert same(quantise_networks(integers.networks(), 1 / 64), integers)


def test_layers_of_zeros_cost_next_to_nothing() -> None:
    layers = SHAPE.layers()
    zeros = RenderingNetworks(
        SHAPE,
        {name: np.zeros(size, np.float32) for name, size in layers.items()},
        {name: np.zeros(size[1], np.float32) for name, size in layers.items()},
    )
    assert len(pack_rendering(quantise_networks(zeros))) <= 28


def test_outliers_are_held_by_a_coarser_step() -> None:
    networks = random_networks(SHAPE)
    weights = dict(networks.weights)
    weights["opacity.out"] = np.zeros_like(weights["opacity.out"])
    weights["opacity.out"][0, 0] = INTEGER_LIMIT
    integers = quantise_networks(replace(networks, weights=weights), 2.0**-24)
    assert same(unpack_rendering(SHAPE, pack_rendering(integers)), integers)
    assert integers.networks().weights["opacity.out"][0, 0] == INTEGER_LIMIT


def test_weights_beyond_the_format_are_refused() -> None:
    networks = random_networks(SHAPE)
    weights = dict(networks.weights)
    weights["colour.out"] = weights["colour.out"] + np.float32(2**25)
    with pytest.raises(SceneError, match=r"layer colour\.out"):
        quantise_networks(replace(networks, weights=weights))


def test_bytes_that_go_on_are_refused() -> None:
    data = pack_rendering(quantise_networks(random_networks(SHAPE)))
    with pytest.raises(CorruptError):
        unpack_rendering(SHAPE, data + b"\1\0\0\0" * 3)
