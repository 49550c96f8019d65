from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from hemgs_codec.pointnet.sampling import SHARE, TILE, farthest_points
from tests.pointnet.clouds import EXTREMES, HEAP, MAX_COORDINATE, clouds, surface

Int64Array = npt.NDArray[np.int64]


def slow_samples(points: Int64Array) -> list[int]:
    """Samples by the definition: each the farthest from all before it in its tile, of equals the lowest."""
    found: list[int] = []
    for first in range(0, len(points), TILE):
        tile = points[first : first + TILE]
        distances = np.full(len(tile), np.iinfo(np.int64).max)
        samples = [0]
        while len(samples) < -(-len(tile) // SHARE):
            distances = np.minimum(distances, ((tile - tile[samples[-1]]) ** 2).sum(axis=1))
            left = [i for i in range(len(tile)) if i not in samples]
            samples.append(max(left, key=lambda i: (distances[i], -i)))
        found += sorted(first + i for i in samples)
    return found


@given(points=clouds())
@settings(max_examples=100, deadline=None)
def test_each_sample_is_the_farthest_from_those_before_it(points: Int64Array) -> None:
    assert farthest_points(points).tolist() == slow_samples(points)


def test_tiles_are_sampled_each_on_its_own() -> None:
    points = surface(2 * TILE + 6)
    samples = farthest_points(points)
    assert len(samples) == 2 * TILE // SHARE + 2
    assert samples.tolist() == slow_samples(points)
    assert samples[samples < TILE].tolist() == farthest_points(points[:TILE]).tolist()


def test_of_duplicates_the_lowest_are_taken() -> None:
    assert farthest_points(HEAP).tolist() == list(range(len(HEAP) // SHARE))


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_clouds_are_sampled(name: str) -> None:
    points = EXTREMES[name]
    assert farthest_points(points).tolist() == slow_samples(points)


def test_opposite_corners_of_the_largest_scene_are_the_farthest_apart() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1], [1, 1, 0]]) * MAX_COORDINATE
    assert farthest_points(points).tolist() == [0, 3]
