"""The compiled pass over context edges says what the arithmetic's own operations say."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec.context.graph import Graph
from hemgs_codec.model import predictor
from hemgs_codec.model.edge_kernel import pool_edges
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.units import LIMIT
from tests.small import random_model

SPEC = ModelSpec((Group("a", (2, 3), (0, 0)),), (), 2, 7, 4, 2)
COUNT, CONTEXT = 200, 6


def random_graph(rng: np.random.Generator) -> Graph:
    """Contexts of 0 to 6 anchors, some of the places between left empty."""
    neighbours = rng.integers(0, COUNT, (COUNT, CONTEXT)).astype(np.int32)
    neighbours[rng.random(neighbours.shape) < rng.random((COUNT, 1))] = -1
    neighbours[0] = -1
    edges = rng.integers(-LIMIT, LIMIT + 1, (COUNT, CONTEXT, 4)).astype(np.int16)
    geometry = rng.integers(0, 1024, (COUNT, 2)).astype(np.int16)
    return Graph(np.arange(COUNT), neighbours, edges, geometry, [np.arange(COUNT)])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [20, LIMIT])
def test_it_is_the_predictors_context(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    m, graph = random_model(SPEC, seed).arithmetic(None), random_graph(rng)
    keys, values = (
        rng.integers(-size, size + 1, (COUNT, width)).astype(np.float64) for width in (SPEC.hidden, 5)
    )
    ranks = np.sort(rng.choice(COUNT, 90, replace=False))
    geometry, nothing = graph.geometry[ranks].astype(np.float64), np.zeros((len(ranks), 0))
    near = np.maximum(graph.neighbours[ranks], 0)
    expected = predictor.context(
        m,
        0,
        keys[near],
        values[near],
        geometry,
        nothing,
        graph.edges[ranks].astype(np.float64),
        (graph.neighbours[ranks] >= 0).astype(np.float64),
    )
    found = pool_edges(
        m,
        0,
        graph,
        ranks,
        keys.astype(np.int16),
        values.astype(np.int16),
        predictor.query(m, 0, geometry, nothing),
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.any()
