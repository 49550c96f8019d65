"""What a group of neighbours says about a point, in integers (PointNet++, sections 3.2, 3.3).

PointNet++ takes positions relative to a group's centre, in a scene scaled to a unit sphere. Our scenes have
no common size, and densities that span octaves. So here the unit is a point's local scale: the middle one of
the distances to its neighbours that aren't 0, rounded down to a sixteenth of an octave. How large that is
beside the scene's voxel is a feature of its own. So features don't change with where a scene lies, nor, if
its voxel goes along, when all coordinates are doubled.

Where PointNet++ may take normals as input, points here have the mean of u uᵀ over the directions u to their
neighbours: what normals are computed from, and exact in integers.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.model.units import LIMIT, UNIT, UNIT_BITS, attention_table, log2_fixed

NUM_INPUTS = 13
"""Features of a point: 4 of distances, then the mean relative position, then 6 of directions."""
NUM_EDGE = 4
"""Features of an edge: relative position and log distance."""
_FACTOR_BITS = 16  # of 2**(-j / 16)
_NEAREST = -2048  # a distance of a sixteenth of the local scale: none is nearer
_CHUNK = 1 << 14  # points whose features are computed at once

Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


def log_scales(neighbours: Int32Array, squared: Int64Array, voxel_shift: int) -> Int64Array:
    """Return log2 (N,) of the squared local scale of points, in 1/256; the voxel's where nothing is distinct.

    Parameters
    ----------
    neighbours, squared : (N, k)
        From `context.neighbours.nearest`: nearest first, -1 and 0 where there are fewer than k.
    """
    zeros = ((squared == 0) & (neighbours >= 0)).sum(axis=1)
    distinct = (squared > 0).sum(axis=1)
    middle = zeros + np.maximum(distinct - 1, 0) // 2
    middle = np.minimum(middle, squared.shape[1] - 1)  # nothing but duplicates
    square = np.take_along_axis(squared, middle[:, None], axis=1)[:, 0]
    return np.where(distinct > 0, log2_fixed(np.maximum(square, 1)), 512 * voxel_shift)


def point_inputs(
    points: Int64Array, neighbours: Int32Array, squared: Int64Array, scales: Int64Array, voxel_shift: int
) -> Int16Array:
    """Return the features (N, 13) that the geometry about each point gives, in 1/1024.

    log2 of the local scale relative to the voxel, of the nearest and of the farthest neighbour's distance
    relative to the local scale (an octave is 512), the share of duplicates among the neighbours, the mean of
    their relative positions, and the mean of u uᵀ: xx, yy, zz, xy, xz, yz.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates.
    neighbours, squared : (N, k)
        From `context.neighbours.nearest`.
    scales : (N,) int64
        From `log_scales`.
    """
    inputs = np.zeros((len(points), NUM_INPUTS), dtype=np.int16)
    count = (neighbours >= 0).sum(axis=1)
    farthest = np.take_along_axis(squared, np.maximum(count - 1, 0)[:, None], axis=1)[:, 0]
    zeros = count - (squared > 0).sum(axis=1)
    inputs[:, 0] = np.clip(scales - 512 * voxel_shift, -LIMIT, LIMIT)
    inputs[:, 1] = _log_ratio(squared[:, 0], scales)
    inputs[:, 2] = _log_ratio(farthest, scales)
    inputs[:, 3] = zeros * UNIT // squared.shape[1]
    _describe(points, neighbours, scales, _factors(), UNIT_BITS, LIMIT, inputs)
    return inputs


def edge_features(
    points: Int64Array, centres: Int64Array, groups: Int32Array, squared: Int64Array, scales: Int64Array
) -> Int16Array:
    """Return the features (C, k, 4) of edges: relative position in local scales and log distance, in 1/1024.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates.
    centres : (C,) int64
        Which points are centres.
    groups, squared : (C, k)
        Points of each centre's group, and their squared distances from it.
    scales : (C,) int64
        The centres' own, from `log_scales`.
    """
    edges = np.empty((*groups.shape, NUM_EDGE), dtype=np.int16)
    _relate(points, centres, groups, scales, _factors(), UNIT_BITS, LIMIT, edges)
    for start in range(0, len(centres), _CHUNK):
        rows = slice(start, start + _CHUNK)
        edges[rows, :, 3] = _log_ratio(squared[rows], scales[rows, None])
    return edges


def _log_ratio(squared: Int64Array, scales: Int64Array) -> Int64Array:
    """Return log2 of distances relative to the local scale, an octave being 512, the least for duplicates."""
    ratio = np.where(squared > 0, log2_fixed(np.maximum(squared, 1)) - scales, _NEAREST)
    return np.asarray(np.clip(ratio, _NEAREST, LIMIT), dtype=np.int64)


def _factors() -> Int64Array:
    """Return 2**(16 - j / 16), (16,)."""
    return attention_table()[:16].astype(np.int64)


@compiled
def _in_scales(difference: np.int64, scale: np.int64, factors: Int64Array, unit_bits: int, limit: int) -> int:
    """Divide a coordinate difference below 2**27 by a local scale; the product stays below 2**53."""
    sixteenths = scale >> 5  # of an octave of distance, from 1/256 of one of its square
    product = (difference << unit_bits) * factors[sixteenths & 15]
    return int(min(max(product >> (_FACTOR_BITS + (sixteenths >> 4)), -limit), limit))


@compiled
def _share(product: np.int64, square: np.int64) -> int:
    """Return product // square, as floats have it where they are exact: see `compiled.divide_floor`."""
    if -(1 << 52) < product < 1 << 52:
        return int(np.floor(float(product) / float(square)))
    return int(product // square)


@cached_parallel
def _describe(
    points: Int64Array,
    neighbours: Int32Array,
    scales: Int64Array,
    factors: Int64Array,
    unit_bits: int,
    limit: int,
    inputs: Int16Array,
) -> None:
    """Fill in mean relative position and mean directions; products of differences stay below 2**62."""
    for i in numba.prange(points.shape[0]):
        total = np.zeros(9, np.int64)
        count = 0
        for k in range(neighbours.shape[1]):
            j = neighbours[i, k]
            if j < 0:
                break
            count += 1
            x = points[j, 0] - points[i, 0]
            y = points[j, 1] - points[i, 1]
            z = points[j, 2] - points[i, 2]
            square = x * x + y * y + z * z
            if square == 0:
                continue
            total[0] += _in_scales(x, scales[i], factors, unit_bits, limit)
            total[1] += _in_scales(y, scales[i], factors, unit_bits, limit)
            total[2] += _in_scales(z, scales[i], factors, unit_bits, limit)
            total[3] += _share((x * x) << unit_bits, square)
            total[4] += _share((y * y) << unit_bits, square)
            total[5] += _share((z * z) << unit_bits, square)
            total[6] += _share((x * y) << unit_bits, square)
            total[7] += _share((x * z) << unit_bits, square)
            total[8] += _share((y * z) << unit_bits, square)
        for c in range(9):
            inputs[i, 4 + c] = total[c] // max(count, 1)


@cached_parallel
def _relate(
    points: Int64Array,
    centres: Int64Array,
    groups: Int32Array,
    scales: Int64Array,
    factors: Int64Array,
    unit_bits: int,
    limit: int,
    edges: Int16Array,
) -> None:
    """Fill in the relative positions of edges."""
    for i in numba.prange(groups.shape[0]):
        for k in range(groups.shape[1]):
            for axis in range(3):
                difference = points[groups[i, k], axis] - points[centres[i], axis]
                edges[i, k, axis] = _in_scales(difference, scales[i], factors, unit_bits, limit)
