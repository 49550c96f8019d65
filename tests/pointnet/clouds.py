"""Small point clouds of several kinds, in Morton order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from hemgs_codec.location import morton_sort

Int64Array = npt.NDArray[np.int64]
MAX_COORDINATE = 1 << 26
NOTHING = np.zeros((0, 3), np.int64)
ONE = np.array([[5, 6, 7]])
TWO = np.array([[5, 6, 7], [5, 6, 9]])
HEAP = np.full((40, 3), 9)
CORNERS = np.repeat(np.array([[0, 0, 0], [1, 1, 1]]), 20, axis=0) * MAX_COORDINATE
EXTREMES = {"nothing": NOTHING, "one": ONE, "two": TWO, "heap": HEAP, "corners": CORNERS}


def in_order(points: Int64Array) -> Int64Array:
    return points[morton_sort(points)]


def surface(count: int, seed: int = 0) -> Int64Array:
    """Points on a bumpy sphere, denser towards one side, some of them twice."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(np.array([0.7, 0.0, 0.0]), 1.0, (count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    points = np.rint(8192 + 6000 * direction * rng.normal(1, 0.03, (count, 1))).astype(np.int64)
    points[: count // 20] = points[count // 2 : count // 2 + count // 20]
    return in_order(points)


@st.composite
def clouds(draw: st.DrawFn, *, max_points: int = 60) -> Int64Array:
    """Clouds of one of several densities: duplicates and ties, clusters, far outliers."""
    count = draw(st.integers(0, max_points))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    span = draw(st.sampled_from([1, 2, 5, 100, 1 << 21]))
    points = rng.integers(0, span, (count, 3))
    far = rng.random(count) < draw(st.sampled_from([0.0, 0.2]))
    points[far] = rng.integers(0, 1 << 21, (int(far.sum()), 3))
    return in_order(points)
