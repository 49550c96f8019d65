"""Locations to bytes and back."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.conftest import Cloud
from benchmarks.micro.measure import measure
from hemgs_codec.location import decode_locations, encode_locations


def test_octree_encode(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Encode lattice coordinates."""
    measure(benchmark, lambda: encode_locations(cloud.coords, cloud.bits), len(cloud.coords), "points")


def test_octree_decode(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Decode them."""
    data, count = encode_locations(cloud.coords, cloud.bits), len(cloud.coords)
    measure(benchmark, lambda: decode_locations(data, count, cloud.bits), count, "points")
