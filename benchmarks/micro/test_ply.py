"""Reading and writing .ply, through the disk's cache."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.measure import measure
from hemgs_codec import GaussianScene, read_ply, write_ply


def test_ply_read(benchmark: BenchmarkFixture, scene: GaussianScene, tmp_path: Path) -> None:
    """Read a scene."""
    path = tmp_path / "scene.ply"
    write_ply(scene, path)
    measure(benchmark, lambda: read_ply(path), scene.num_gaussians, "Gaussians")


def test_ply_write(benchmark: BenchmarkFixture, scene: GaussianScene, tmp_path: Path) -> None:
    """Write a scene."""
    path = tmp_path / "scene.ply"
    measure(benchmark, lambda: write_ply(scene, path), scene.num_gaussians, "Gaussians")
