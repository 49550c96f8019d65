"""All about a scene's points that is an index or integer geometry, computed once per scene (SPEC "Points").

A level of the plan leads from its points to a quarter of them, the centres, which are the next level's
points, and back. Both directions are integers and come from the points' base coordinates alone, so encoder
and decoder have the same plan. Time is O(N log N), for a search is O(log N) whatever the density. The plan
takes about 120 bytes a point; making it another 250 while the first level's neighbours are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.context.neighbours import nearest
from hemgs_codec.model.units import UNIT, UNIT_BITS
from hemgs_codec.pointnet.geometry import edge_features, log_scales, point_inputs
from hemgs_codec.pointnet.sampling import farthest_points
from hemgs_format.errors import LimitError

GROUP = 16
"""k: points of a group."""
PARENTS = 3
"""Centres between which features are interpolated."""
LEVELS = 3
"""Levels of a plan, unless said otherwise."""
_MAX_COORDINATE = 1 << 26
_EVERYWHERE = 1 << 27  # half width of a window that holds every scene
_NOWHERE = -1
_RATIO_BITS = 9  # of ratios of squared distances, which are below 2**54

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PointLevel:
    """From n points to c centres and back.

    Attributes
    ----------
    inputs : (n, 13) int16
        Features of the points' own geometry, in 1/1024: see `geometry.point_inputs`.
    centres : (c,) int64
        The points that are the next level's, ascending.
    groups : (c, k) int32
        The k points nearest to each centre, by (squared distance, index), without itself. The nearest one
        again in place of those that a scene lacks, as in PointNet++'s ball query: a maximum doesn't mind. A
        lone point is its own group.
    edges : (c, k, 4) int16
        Relative position and log distance of a group's points, in 1/1024: see `geometry.edge_features`.
    parents : (n, 3) int32
        The centres nearest to each point, as points of the next level; of a centre, itself alone. The first
        one again in place of those that a scene lacks.
    shares : (n, 3) int16
        The parents' weights in 1/1024, in inverse proportion to squared distances; they sum to 1024. Of
        those that a scene lacks, 0.
    """

    inputs: Int16Array
    centres: Int64Array
    groups: Int32Array
    edges: Int16Array
    parents: Int32Array
    shares: Int16Array


@dataclass(frozen=True)
class PointPlan:
    """The levels of a scene's points, finest first."""

    levels: tuple[PointLevel, ...]

    @property
    def num_points(self) -> int:
        """Number of points of the scene, N."""
        return len(self.levels[0].inputs)


def plan_points(points: Int64Array, voxel_shift: int, *, levels: int = LEVELS) -> PointPlan:
    """Plan how features of points are computed.

    A translation changes nothing as long as it keeps the points' order; nor does doubling all coordinates
    along with the voxel.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates in Morton order, each in 0 .. 2**26; duplicates allowed.
    voxel_shift : int
        log2 of the voxel in base units, from `context.graph.choose_voxel_shift`.
    levels : int
        How often three of four points are left out.

    Raises
    ------
    LimitError
        A coordinate is out of range.
    """
    if points.size and (int(points.min()) < 0 or int(points.max()) > _MAX_COORDINATE):
        raise LimitError(f"points span {points.min()} .. {points.max()}, expected 0 .. {_MAX_COORDINATE}")
    planned = []
    for _ in range(levels):
        planned.append(_plan_level(points, voxel_shift))
        points = points[planned[-1].centres]
    return PointPlan(tuple(planned))


def _plan_level(points: Int64Array, voxel_shift: int) -> PointLevel:
    everywhere = np.full(len(points), _EVERYWHERE, dtype=np.int64)
    itself = np.arange(len(points), dtype=np.int64)
    neighbours, squared = nearest(points, itself, everywhere, count=GROUP, causal=False)
    scales = log_scales(neighbours, squared, voxel_shift)
    inputs = point_inputs(points, neighbours, squared, scales, voxel_shift)
    centres = farthest_points(points)
    groups, squared = _full_groups(neighbours[centres], squared[centres], centres)
    edges = edge_features(points, centres, groups, squared, scales[centres])
    parents, shares = _parents(points, centres)
    return PointLevel(inputs, centres, groups, edges, parents, shares)


def _full_groups(
    groups: Int32Array, squared: Int64Array, centres: Int64Array
) -> tuple[Int32Array, Int64Array]:
    """Repeat the nearest point where a group has too few; a lone point is its own group."""
    first = np.where(groups[:, :1] >= 0, groups[:, :1], centres[:, None].astype(np.int32))
    is_there = groups >= 0
    return np.where(is_there, groups, first), np.where(is_there, squared, squared[:, :1])


def _parents(points: Int64Array, centres: Int64Array) -> tuple[Int32Array, Int16Array]:
    """Return each point's nearest centres (n, 3) and their weights (n, 3), the centres' own being themselves.

    With the centres as the lowest ranks, a limit on ranks is all that finding centres alone takes.
    """
    total, count = len(points), len(centres)
    is_centre = np.zeros(total, dtype=bool)
    is_centre[centres] = True
    sequence = np.concatenate([centres, np.flatnonzero(~is_centre)])
    windows = np.full(total, _EVERYWHERE, dtype=np.int64)
    windows[:count] = _NOWHERE
    found, squared = nearest(
        points, sequence, windows, count=PARENTS, limits=np.full(total, count, dtype=np.int64)
    )
    found[:count, 0] = np.arange(count)
    parents, shares = np.empty_like(found), np.empty(found.shape, dtype=np.int16)
    parents[sequence] = np.where(found >= 0, found, found[:, :1])
    shares[sequence] = inverse_square_shares(squared, found >= 0)
    return parents, shares


def inverse_square_shares(squared: Int64Array, is_there: npt.NDArray[np.bool]) -> Int64Array:
    """Return weights (n, k) in 1/1024 in inverse proportion to squared distances (PointNet++, equation 2).

    They sum to 1024, the first one taking what rounding leaves. Parents at distance 0 share all of it.

    Parameters
    ----------
    squared : (n, k) int64
        Ascending, below 2**54.
    is_there : (n, k) bool
        False: weight 0. The first is always there.
    """
    ratio = np.where(squared > 0, (squared[:, :1] << _RATIO_BITS) // np.maximum(squared, 1), 1 << _RATIO_BITS)
    ratio *= is_there
    shares = (ratio << UNIT_BITS) // ratio.sum(axis=1, keepdims=True)
    shares[:, 0] = UNIT - shares[:, 1:].sum(axis=1)
    return np.asarray(shares, dtype=np.int64)
