"""Exact inference by kind of layer, on a full batch: NumPy as decoders use it, and torch on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.layers import GROUP, SLICE, Batch, make_batch
from benchmarks.micro.measure import measure
from hemgs_codec.model import predictor
from hemgs_codec.model.edge_kernel import pool_edges
from hemgs_codec.model.slice_kernel import slice_tables

NAMES = {None: "numpy", "cpu": "torch"}


@pytest.fixture(scope="module", params=NAMES, ids=NAMES.get)
def batch(request: pytest.FixtureRequest) -> Batch:
    """Return a batch for NumPy, then one for torch."""
    return make_batch(request.param)


def test_prior_layer(benchmark: BenchmarkFixture, batch: Batch) -> None:
    """Compute prior features from location, earlier groups and λ."""
    location, earlier = batch.given(batch.location), batch.given(batch.earlier)
    lam = batch.given(np.zeros((len(batch.seen), 1)))
    measure(
        benchmark,
        lambda: predictor.prior(batch.m, GROUP, location, earlier, lam),
        len(batch.seen),
        "anchors",
    )


def test_key_and_query(benchmark: BenchmarkFixture, batch: Batch) -> None:
    """Compute what an anchor tells others and what it asks them."""
    m, earlier = batch.m, batch.given(batch.earlier)
    geometry = batch.given(batch.location[:, batch.spec.hash_width :])
    visible = batch.given(np.concatenate([batch.earlier, batch.own], axis=1))
    measure(
        benchmark,
        lambda: (predictor.key(m, GROUP, visible), predictor.query(m, GROUP, geometry, earlier)),
        len(batch.seen),
        "anchors",
    )


def test_edges(benchmark: BenchmarkFixture, batch: Batch) -> None:
    """Pool and attend over context edges, query included: the compiled kernel, or torch's operations."""
    m, graph, earlier = batch.m, batch.graph, batch.given(batch.earlier)
    geometry = batch.given(batch.location[:, batch.spec.hash_width :])

    def in_one_pass() -> object:
        query = predictor.query(m, GROUP, geometry, earlier)
        return pool_edges(m, GROUP, graph, batch.ranks, batch.keys, batch.own, query)

    keys, own = batch.given(batch.keys), batch.given(batch.own)
    near = m.array(graph.neighbours.astype(np.int64))
    present = batch.given(graph.neighbours >= 0)

    def by_operations() -> object:
        edges = batch.given(graph.edges)
        return predictor.context(m, GROUP, keys[near], own[near], geometry, earlier, edges, present)

    work = by_operations if m.is_torch else in_one_pass
    measure(benchmark, work, graph.neighbours.size, "edges")


def test_slice(benchmark: BenchmarkFixture, batch: Batch) -> None:
    """Predict one slice's values: the compiled loops with their tables, or torch's operations without."""
    m, spec, ranks, own = batch.m, batch.spec, batch.ranks, np.ascontiguousarray(batch.own)
    done = sum(spec.groups[GROUP].slices[:SLICE])
    width = spec.groups[GROUP].slices[SLICE]
    prior, pooled, octaves = batch.given(batch.prior), batch.given(batch.pooled), batch.given(batch.octaves)
    attended = batch.given(batch.attended[:, :, done : done + width]).reshape(len(ranks), -1)
    seen = batch.given(own[:, : spec.earlier_own(done)])

    def compiled() -> object:
        return slice_tables(
            m,
            spec,
            GROUP,
            SLICE,
            ranks,
            batch.prior,
            batch.seen,
            batch.pooled,
            batch.attended,
            batch.steps,
        )

    def by_operations() -> object:
        return predictor.slice_parameters(m, spec, GROUP, SLICE, prior, pooled, attended, octaves, seen)

    measure(benchmark, by_operations if m.is_torch else compiled, len(ranks) * width, "values")
