from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.model.units import LIMIT, UNIT
from hemgs_codec.pointnet import PointPlan, plan_points
from hemgs_codec.pointnet.plan import GROUP, LEVELS, PARENTS, inverse_square_shares
from hemgs_codec.pointnet.sampling import farthest_points
from hemgs_codec.threads import use_threads
from hemgs_format.errors import LimitError
from tests.pointnet.clouds import EXTREMES, HEAP, MAX_COORDINATE, clouds, in_order, surface

Int64Array = npt.NDArray[np.int64]


def level_points(points: Int64Array, plan: PointPlan) -> list[Int64Array]:
    found = [points]
    for level in plan.levels:
        found.append(found[-1][level.centres])
    return found


def nearest_first(point: Int64Array, others: Int64Array) -> list[tuple[int, int]]:
    """Pairs of squared distance and index, by the definition."""
    squares = ((others - point) ** 2).sum(axis=1).tolist()
    return sorted((square, index) for index, square in enumerate(squares))


def same(a: PointPlan, b: PointPlan) -> bool:
    return all(
        np.array_equal(getattr(x, name), getattr(y, name))
        for x, y in zip(a.levels, b.levels, strict=True)
        for name in vars(x)
    )


@given(points=clouds())
@settings(max_examples=60, deadline=None)
def test_groups_are_the_points_nearest_to_each_centre(points: Int64Array) -> None:
    plan = plan_points(points, 3)
    for level, own in zip(plan.levels, level_points(points, plan), strict=False):
        assert level.centres.tolist() == farthest_points(own).tolist()
        for centre, group in zip(level.centres.tolist(), level.groups.tolist(), strict=True):
            found = [i for _, i in nearest_first(own[centre], own) if i != centre][:GROUP]
            missing = GROUP - len(found)
            assert group == found + [found[0] if found else centre] * missing


@given(points=clouds())
@settings(max_examples=60, deadline=None)
def test_parents_are_the_nearest_centres(points: Int64Array) -> None:
    plan = plan_points(points, 3)
    clouds_of = level_points(points, plan)
    for level, own, coarse in zip(plan.levels, clouds_of, clouds_of[1:], strict=False):
        is_centre = {int(centre): number for number, centre in enumerate(level.centres)}
        for i, (parents, shares) in enumerate(zip(level.parents, level.shares.tolist(), strict=True)):
            if i in is_centre:
                assert parents.tolist() == [is_centre[i]] * PARENTS
                assert shares == [UNIT, 0, 0]
                continue
            found = [index for _, index in nearest_first(own[i], coarse)[:PARENTS]]
            assert parents.tolist() == found + [found[0]] * (PARENTS - len(found))
            assert shares[len(found) :] == [0] * (PARENTS - len(found))


def test_shares_are_in_inverse_proportion_to_squared_distances() -> None:
    squared = np.array([[4, 8, 16], [0, 0, 3], [0, 1, 1], [7, 7, 7], [5, 0, 0]])
    there = np.array([[True] * 3] * 4 + [[True, False, False]])
    shares = inverse_square_shares(squared, there)
    assert shares.tolist() == [[586, 292, 146], [512, 512, 0], [1024, 0, 0], [342, 341, 341], [1024, 0, 0]]


@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(1, 53))
@settings(max_examples=60, deadline=None)
def test_shares_sum_to_one_and_follow_the_order_of_distances(seed: int, bits: int) -> None:
    squared = np.sort(np.random.default_rng(seed).integers(0, 1 << bits, (20, PARENTS)), axis=1)
    squared[:5] = 3 << 52  # the farthest that two points can lie apart
    shares = inverse_square_shares(squared, np.ones(squared.shape, bool))
    assert (shares.sum(axis=1) == UNIT).all()
    assert (np.diff(shares, axis=1) <= 0).all()
    assert shares.min() >= 0


def test_relative_positions_are_in_local_scales() -> None:
    points = surface(600)
    plan = plan_points(points, 0)
    for level, own in zip(plan.levels, level_points(points, plan), strict=False):
        scale = 2.0 ** (level.inputs[level.centres, 0] / 512)
        difference = own[level.groups] - own[level.centres][:, None]
        relative = difference / scale[:, None, None]
        found = level.edges[..., :3] / UNIT
        # local scales are rounded down by up to a sixteenth of an octave
        assert (np.abs(found) >= np.abs(relative) * 0.995 - 2 / UNIT).all()
        assert (np.abs(found) <= np.abs(relative) * 2 ** (1 / 16) * 1.005 + 2 / UNIT).all()
        distance = np.linalg.norm(difference, axis=2)
        is_apart = distance > scale[:, None] / 16
        octaves = level.edges[..., 3] / 512
        assert np.abs(octaves - np.log2(np.maximum(distance, 1) / scale[:, None]))[is_apart].max() < 0.02
        assert (octaves[~is_apart] == -4).all()


def test_the_middle_distance_is_the_local_scale() -> None:
    line = np.stack([np.zeros(9), np.zeros(9), 2 ** np.arange(9)], axis=1).astype(np.int64)
    end = plan_points(in_order(np.repeat(line, [3, 1, 1, 1, 1, 1, 1, 1, 1], axis=0)), 2).levels[0].inputs[0]
    # from 1: twice 1, then 2, 4, 8, 16, 32, 64, 128, 256; apart by 1, 3, 7, 15, ...
    octaves = end.astype(float) / 512
    assert octaves[0] == pytest.approx(np.log2(15) - 2, abs=0.01)
    assert octaves[1] == -4
    assert octaves[2] == pytest.approx(np.log2(255 / 15), abs=0.01)
    assert end[3] == 2 * UNIT // GROUP
    assert end[7:].tolist() == [0, 0, 8 * UNIT // 10, 0, 0, 0]


def test_directions_on_a_plane_say_its_normal() -> None:
    grid = np.stack(np.meshgrid(np.arange(12), [5], np.arange(12), indexing="ij"), axis=-1).reshape(-1, 3)
    inputs = plan_points(in_order(grid * 100), 6).levels[0].inputs.astype(int)
    xx, yy, zz, xy, _, yz = inputs[:, 7:].T
    assert not yy.any()
    assert not xy.any()
    assert not yz.any()
    assert (np.abs(xx + zz - UNIT) <= 2).all()


def test_points_in_a_heap_have_the_voxels_scale() -> None:
    inputs = plan_points(HEAP, 7).levels[0].inputs
    assert (inputs[:, 0] == 0).all()
    assert (inputs[:, 3] == UNIT).all()
    assert not inputs[:, 4:].any()


@pytest.mark.parametrize("shift", [[1 << 14, 0, 0], [0, 3 << 14, 5 << 14], [(1 << 26) - (1 << 14)] * 3])
def test_a_translation_that_keeps_the_order_changes_nothing(shift: list[int]) -> None:
    points = surface(1500)
    assert points.max() < 1 << 14  # so multiples of it keep the order
    moved = points + np.array(shift)
    assert same(plan_points(points, 4), plan_points(moved, 4))


@given(points=clouds(), doublings=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_doubling_everything_changes_nothing(points: Int64Array, doublings: int) -> None:
    assert same(plan_points(points, 2), plan_points(points << doublings, 2 + doublings))


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("voxel_shift", [0, 25])
def test_extreme_clouds_have_plans_in_the_networks_range(name: str, voxel_shift: int) -> None:
    points = EXTREMES[name]
    plan = plan_points(points, voxel_shift)
    assert plan.num_points == len(points)
    count = len(points)
    for level in plan.levels:
        assert len(level.inputs) == count
        count = -(-count // 4)
        assert len(level.centres) == count
        assert np.abs(level.inputs.astype(int)).max(initial=0) <= LIMIT
        assert np.abs(level.edges.astype(int)).max(initial=0) <= LIMIT
        if count:
            assert 0 <= level.groups.min() <= level.groups.max() < len(level.inputs)
            assert 0 <= level.parents.min() <= level.parents.max() < count


@given(points=clouds())
@settings(max_examples=20, deadline=None)
def test_plans_stay_in_the_networks_range(points: Int64Array) -> None:
    plan = plan_points(points * 16, choose_voxel_shift(points * 16))
    assert max(np.abs(level.inputs.astype(int)).max(initial=0) for level in plan.levels) <= LIMIT
    assert max(np.abs(level.edges.astype(int)).max(initial=0) for level in plan.levels) <= LIMIT


def test_a_plan_is_the_same_with_any_number_of_threads() -> None:
    points = surface(5000)
    with use_threads(1):
        alone = plan_points(points, 4)
    with use_threads(2):
        assert same(alone, plan_points(points, 4))


def test_coordinates_beyond_the_range_are_refused() -> None:
    for value in (-1, MAX_COORDINATE + 1):
        with pytest.raises(LimitError, match=f"expected 0 .. {MAX_COORDINATE}"):
            plan_points(np.array([[0, value, 0]]), 0)


def test_a_plan_has_as_many_levels_as_asked_for() -> None:
    assert len(plan_points(surface(50), 0).levels) == LEVELS
    assert len(plan_points(surface(50), 0, levels=2).levels) == 2
