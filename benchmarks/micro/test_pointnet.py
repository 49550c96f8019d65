"""The shipped prior's PointNet++: its plan and its features."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.conftest import Cloud
from benchmarks.micro.measure import measure
from hemgs_codec.pointnet import plan_points
from hemgs_codec.pointnet.short_network import ShortPointNet
from hemgs_codec.prior.library import DEFAULT, FOLDER, load_prior


def test_pointnet_plan(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Search, sample and describe the geometry of all levels."""
    measure(benchmark, lambda: plan_points(cloud.points, cloud.voxel_shift), len(cloud.points), "points")


def test_pointnet_features(benchmark: BenchmarkFixture, cloud: Cloud) -> None:
    """Evaluate the networks on a plan, in 16-bit integers."""
    net = load_prior(FOLDER / DEFAULT).point_net
    plan = plan_points(cloud.points, cloud.voxel_shift, levels=net.spec.levels)
    short = ShortPointNet(net)
    measure(benchmark, lambda: short.point_features(plan), len(cloud.points), "points")
