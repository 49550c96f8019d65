"""Networks in 16-bit integers say what networks in float64s say, or aren't used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec.coding.ground import Ground
from hemgs_codec.coding.networks import FloatNetworks
from hemgs_codec.coding.short_networks import short_networks
from hemgs_codec.coding.walk import unknown
from hemgs_codec.context.graph import Graph
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.short_layers import short_layer
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.tilts import NUM_TILTS
from hemgs_codec.model.units import LIMIT, UNIT
from tests.small import random_model

COUNT, CONTEXT = 120, 6
GROUPS = (
    Group("a", (2, 3, 6), (0, 1, 2), shares=(1, 1, 3)),
    Group("flags", (1,), (0,), flags=True),
    Group("positions", (), ()),
    Group("b", (18, 1), (0, 1)),
)
SPEC = ModelSpec(GROUPS, (), 2, 7, 20, 2)


def small_model(spec: ModelSpec, seed: int, *, is_coarse: bool = False) -> FrozenModel:
    """Weights of which 32 bits hold the sums, and units that leave something of them."""
    model = random_model(spec, seed)
    rng = np.random.default_rng(seed)
    weights = {name: rng.integers(-900, 901, w.shape, dtype=np.int32) for name, w in model.weights.items()}
    if is_coarse:  # outputs' shifts are to the left then
        weights = {name: w // 128 for name, w in weights.items()}
    shifts = {name: (3 if is_coarse else 9) + number % 4 for number, name in enumerate(weights)}
    return replace(model, weights=weights, shifts=shifts)


def ground_of(spec: ModelSpec, model: FrozenModel, rng: np.random.Generator, *, is_tilted: bool) -> Ground:
    neighbours = rng.integers(0, COUNT, (COUNT, CONTEXT)).astype(np.int32)
    neighbours[rng.random(neighbours.shape) < rng.random((COUNT, 1))] = -1
    neighbours[0] = -1
    edges = rng.integers(-LIMIT, LIMIT + 1, (COUNT, CONTEXT, 4)).astype(np.int16)
    graph = Graph(np.arange(COUNT), neighbours, edges, np.zeros((COUNT, 2), np.int16), [np.arange(COUNT)])
    steps = sum(group.num_steps for group in spec.groups)
    tilts = rng.integers(-128, 128, (steps, NUM_TILTS)).astype(np.int8)
    return Ground(
        spec=spec,
        arithmetic=model.arithmetic(None),
        graph=graph,
        location=rng.integers(-UNIT, UNIT, (COUNT, spec.hash_width + spec.geometry)).astype(np.int16),
        coarseness=0,
        lambda_feature=-700.0,
        slope=-350.0,
        is_live=np.ones(spec.channels, dtype=bool),
        constants=np.zeros(spec.channels),
        step_offsets=rng.integers(70, 90, steps),
        tilts=tilts if is_tilted else None,
        seen=rng.integers(-8 * UNIT, 8 * UNIT + 1, (COUNT, spec.channels)).astype(np.int16),
        **vars(unknown(COUNT, spec)),
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("use_context", [True, False])
@pytest.mark.parametrize("use_earlier", [True, False])
@pytest.mark.parametrize("is_coarse", [True, False])
def test_they_say_what_float64s_say(seed: int, use_context: bool, use_earlier: bool, is_coarse: bool) -> None:
    spec = replace(SPEC, use_context=use_context, use_earlier=use_earlier)
    rng = np.random.default_rng(seed)
    ground = ground_of(spec, small_model(spec, seed, is_coarse=is_coarse), rng, is_tilted=bool(seed % 2))
    for group, shape in enumerate(spec.groups):
        short, long = short_networks(ground, group), FloatNetworks(ground, group)
        assert short is not None
        for size in (COUNT - 1, 90):
            ranks = np.sort(rng.choice(COUNT, size, replace=False))
            prior, steps = short.open(ranks)
            kept = ground.steps.copy()
            expected_prior, expected_steps = long.open(ranks)
            np.testing.assert_array_equal(prior[:, : spec.hidden], expected_prior)
            np.testing.assert_array_equal(steps, expected_steps)
            np.testing.assert_array_equal(kept, ground.steps)
            if shape.refines_positions:
                continue
            seen, expected = short.look_around(ranks), long.look_around(ranks)
            if use_context:
                np.testing.assert_array_equal(seen[0][:, : spec.hidden], expected[0])
                first = spec.hidden - short.first_value
                np.testing.assert_array_equal(seen[1][:, :, first : first + shape.channels], expected[1])
            for number in range(len(shape.slices)):
                found = short.predict_slice(number, ranks, prior, steps, *seen)
                wanted = long.predict_slice(number, ranks, expected_prior, steps, *expected)
                for a, b in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(a, b)
                    assert is_coarse or len(np.unique(a)) > 3
            short.tell(ranks)
            long.tell(ranks)


def test_sums_that_32_bits_may_not_hold_are_left_to_float64s() -> None:
    model = small_model(SPEC, 0)
    model.weights["3.0.hidden"][:, 2] = 32767
    ground = ground_of(SPEC, model, np.random.default_rng(0), is_tilted=False)
    assert short_networks(ground, 3) is None
    assert short_networks(ground, 0) is not None


def test_the_largest_sums_that_32_bits_hold_are_right() -> None:
    """Of 2**31 - 1, and not one more."""
    weights = np.full((5, 1), 26214.0)
    most = float(2**31 - 1 - LIMIT * 5 * 26214)
    assert short_layer(weights, np.array([most]), 1.0) is not None
    assert short_layer(weights, np.array([most + 1]), 1.0) is None


def test_shifts_to_the_left_are_the_weights() -> None:
    layer = short_layer(np.full((2, 2), 3.0), np.array([5.0, -7.0]), 4.0)
    assert layer is not None
    assert layer.shift == 0
    assert layer.weights[0, :2].tolist() == [[12, 12], [12, 12]]
    assert layer.biases[:2].tolist() == [20, -28]
