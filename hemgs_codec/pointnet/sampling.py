"""Farthest-point sampling in tiles (PointNet++, Qi et al. 2017, section 3.2), in integers.

Sampling a whole scene takes a number of steps that grows with the square of its points. So a tile, a run of
consecutive points of the Morton order, is sampled on its own: a point costs at most `TILE` / `SHARE`
distances, whatever the scene's size, and a thread's memory is one tile. Tiles depend on nothing but the
order, and no two share a point, so threads can't matter.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel

TILE = 1024
"""Points of a tile."""
SHARE = 4
"""Of so many points of a tile one is taken, rounded up."""
_FAR = np.int64(2**62)
_TAKEN = np.int64(-1)


@cached_parallel
def _sample(points: npt.NDArray[np.int64], is_sample: npt.NDArray[np.bool]) -> None:
    """Mark the samples of every tile.

    A sample's distance is below all that there are, so a minimum leaves it as it is, and where the largest
    one lies is found afterwards: the loop over distances has no branch, and processors take several at once.
    """
    total = points.shape[0]
    for tile in numba.prange((total + TILE - 1) // TILE):
        first = tile * TILE
        size = min(TILE, total - first)
        distance = np.full(size, _FAR)
        own = np.empty((3, size), np.int64)
        for i in range(size):
            for axis in range(3):
                own[axis, i] = points[first + i, axis]
        xs, ys, zs = own[0], own[1], own[2]
        current = 0
        for _ in range((size + SHARE - 1) // SHARE):
            distance[current] = _TAKEN
            is_sample[first + current] = True
            x, y, z = xs[current], ys[current], zs[current]
            farthest = _TAKEN
            for i in range(size):
                dx, dy, dz = xs[i] - x, ys[i] - y, zs[i] - z
                d = min(distance[i], dx * dx + dy * dy + dz * dz)
                distance[i] = d
                farthest = max(farthest, d)
            current = 0
            while distance[current] != farthest:  # of equals the first: the lowest index
                current += 1


def farthest_points(points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices of a quarter of the points, spread as evenly as each tile allows.

    A tile's first sample is its first point; each further one is the point farthest from all before it, of
    equals that of lowest index. So duplicates of samples are taken only when nothing else is left.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates in Morton order, each in 0 .. 2**26: squared distances stay below 2**54.

    Returns
    -------
    (C,) int64
        Ascending, so the samples are in Morton order too.

    Examples
    --------
    >>> farthest_points(np.array([[0, 0, 0], [0, 0, 1], [0, 0, 9], [8, 8, 8], [9, 8, 8]]))
    array([0, 4])
    """
    is_sample = np.zeros(len(points), dtype=bool)
    _sample(points, is_sample)
    return np.flatnonzero(is_sample)
