"""The context search, and the graph made of what it finds."""

from __future__ import annotations

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.conftest import Cloud
from benchmarks.micro.measure import measure
from hemgs_codec.context.graph import build_graph
from hemgs_codec.context.neighbours import nearest

CONTEXT, WINDOW, GROUP = 20, 25, 16
EVERYWHERE = 1 << 27


def test_nearest_of_all(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Find each point's sixteen nearest, as the PointNet++ asks for them."""
    count = len(cloud.points)
    sequence, half = np.arange(count), np.full(count, EVERYWHERE)
    measure(
        benchmark,
        lambda: nearest(cloud.points, sequence, half, count=GROUP, causal=False),
        count,
        "queries",
    )


def test_build_graph(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Order the anchors, find their contexts, describe the edges and make batches."""
    measure(
        benchmark,
        lambda: build_graph(
            cloud.coords,
            cloud.points,
            order="permuted",
            context=CONTEXT,
            window=WINDOW,
            voxel_shift=cloud.voxel_shift,
        ),
        len(cloud.points),
        "anchors",
    )
