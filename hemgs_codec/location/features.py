"""What a node's surroundings say about where its points lie, in integers (SPEC: "Locations", features).

Lengths are in 1/64 of the node's cell, relative to its centre, so the same numbers mean the same at every
level. Two witnesses: a kernel density over all neighbouring nodes (which half has more points nearby), and a
regression over the nearest few (where their local plane or line puts the missing coordinate, and how sure
that is).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled, count_bits, divide_floor
from hemgs_codec.location.neighbours import MAX_NEIGHBOURS, Int32Array, Level
from hemgs_codec.location.tables import KERNEL, KERNEL_REACH

UNIT_BITS = 6  # a cell is 64 units
QUARTER = 16  # a half-cell's centre lies a quarter cell off
FIT_NEIGHBOURS = 6
MIN_FIT = 3
_FAR = 1 << 20  # offsets are clamped to 16,384 cells, which keeps every product below 2**63
_REACH = (
    400  # beyond, the kernel is 0 for every box of the node; it's a rule of its own for a node with children
)
_FIT_BITS = 10
_MOMENT_BITS = 24
_SLOPE_BITS = 10
_MAX_SLOPE = 8 << _SLOPE_BITS
_CELL_VARIANCE = 300  # a point somewhere in a cell of 64 units: 64**2 / 12, rounded down a little

Int64Array = npt.NDArray[np.int64]


class Surroundings(NamedTuple):
    """Scratch space, refilled for every node."""

    offsets: Int64Array  # (MAX_NEIGHBOURS, 3) neighbours, nearest first
    masses: Int64Array  # (8 * MAX_NEIGHBOURS + 8, 4) offset and count: neighbours, own boxes
    sums: Int64Array  # (3,) of the fitted offsets, in fit units
    moments: Int64Array  # (3, 3) their centred second moments
    scale: Int64Array  # (4,) number fitted (0: no fit), offset shift, moment shift, ridge


def open_surroundings() -> Surroundings:
    """Make the scratch space."""
    return Surroundings(
        np.zeros((MAX_NEIGHBOURS, 3), np.int64),
        np.zeros((8 * MAX_NEIGHBOURS + 8, 4), np.int64),
        np.zeros(3, np.int64),
        np.zeros((3, 3), np.int64),
        np.zeros(4, np.int64),
    )


@compiled
def half_octaves(value: int) -> int:
    """Put a value >= 0 on a scale of two steps an octave: 0 .. 4 stay; 6, 8, 12, 16 become 5, 6, 7, 8."""
    if value < 4:
        return value
    length = count_bits(value)
    return 2 * length - 2 + ((value >> (length - 2)) & 1)


@compiled
def _units(twice: int | np.int64, node_bits: int) -> int:
    """Return twice a lattice length in units of the cell, rounded down and clamped."""
    return min(max((int(twice) << (UNIT_BITS - 1)) >> node_bits, -_FAR), _FAR)


@compiled
def _is_out_of_reach(near: Surroundings, slot: int) -> bool:
    """Return whether a neighbour is so far along some axis that it can't pull."""
    offsets = near.offsets
    return bool(max(abs(offsets[slot, 0]), abs(offsets[slot, 1]), abs(offsets[slot, 2])) > _REACH)


@compiled
def look_around(
    node: int,
    node_bits: int,
    parents: Level,
    middle: Int32Array,
    first_child: Int32Array,
    children: Level,
    near: Surroundings,
) -> int:
    """Fill `near` for a node and return how many masses it holds.

    `middle` (n, 3) is twice the middle of each node, or of its occupied children for nodes before this one;
    those nodes also show their children as separate masses.
    """
    child_size = 1 << (node_bits - 1)
    num_masses = 0
    for slot in range(parents.degree[node]):
        other = parents.neighbours[node, slot]
        for axis in range(3):
            own = 2 * (np.int64(parents.corner[node, axis]) + child_size)
            near.offsets[slot, axis] = _units(middle[other, axis] - own, node_bits)
        if _is_out_of_reach(near, slot):
            continue
        if other > node:
            for axis in range(3):
                near.masses[num_masses, axis] = near.offsets[slot, axis]
            near.masses[num_masses, 3] = parents.num_points[other]
            num_masses += 1
            continue
        for child in range(first_child[other], first_child[other + 1]):
            for axis in range(3):
                own = 2 * (np.int64(parents.corner[node, axis]) + child_size)
                twice = 2 * np.int64(children.corner[child, axis]) + child_size
                near.masses[num_masses, axis] = _units(twice - own, node_bits)
            near.masses[num_masses, 3] = children.num_points[child]
            num_masses += 1
    fit(near, parents.degree[node])
    return num_masses


@compiled
def fit(near: Surroundings, degree: int) -> None:
    """Take the moments of the nearest neighbours (at most FIT_NEIGHBOURS of degree)."""
    num = min(degree, FIT_NEIGHBOURS)
    near.scale[0] = 0
    if num < MIN_FIT:
        return
    furthest = 1
    for j in range(num):
        for axis in range(3):
            furthest = max(furthest, abs(near.offsets[j, axis]))
    shift = max(0, count_bits(furthest) - _FIT_BITS)
    near.sums[:] = 0
    near.moments[:] = 0
    for j in range(num):
        for p in range(3):
            near.sums[p] += near.offsets[j, p] >> shift
            for q in range(p, 3):
                near.moments[p, q] += (near.offsets[j, p] >> shift) * (near.offsets[j, q] >> shift)
    trace = 0
    for p in range(3):
        for q in range(p, 3):
            near.moments[p, q] = num * near.moments[p, q] - near.sums[p] * near.sums[q]
        trace += near.moments[p, p]
    # The ridge keeps a flat or undersampled direction from being extrapolated: a little of the spread, and
    # what comes of the neighbours' own positions being known to a cell only.
    ridge = (trace >> 8) + ((num * num * _CELL_VARIANCE) >> (2 * shift)) + 1
    moment_shift = max(0, count_bits(trace + 3 * ridge) - _MOMENT_BITS)
    for p in range(3):
        for q in range(p, 3):
            near.moments[p, q] >>= moment_shift
            near.moments[q, p] = near.moments[p, q]
    near.scale[0] = num
    near.scale[1] = shift
    near.scale[2] = moment_shift
    near.scale[3] = max(ridge >> moment_shift, 1)


@compiled
def _slope(product: np.int64, determinant: np.int64) -> np.int64:
    """Return the quotient of two products of moments as a slope, rounded down and clamped.

    A float says it but for one more or less, and the remainder how it is.
    """
    product <<= _SLOPE_BITS
    quotient = float(product) / float(determinant)
    slope = np.int64(min(max(quotient, -float(_MAX_SLOPE + 1)), float(_MAX_SLOPE + 1)))
    rest = product - slope * determinant
    if rest < 0:
        slope -= 1
    elif rest >= determinant:
        slope += 1
    return min(max(slope, np.int64(-_MAX_SLOPE)), np.int64(_MAX_SLOPE))


@compiled
def predict(near: Surroundings, axis: int, centre: Int64Array) -> tuple[int, int]:
    """Return the fit's estimate of a coordinate given the other two at centre (3,), and its variance."""
    num, shift, moment_shift, ridge = near.scale[0], near.scale[1], near.scale[2], near.scale[3]
    p, q = (axis + 1) % 3, (axis + 2) % 3
    m = near.moments
    pp, qq, pq = m[p, p] + ridge, m[q, q] + ridge, m[p, q]
    determinant = max(pp * qq - pq * pq, 1)
    slope_p = _slope(m[axis, p] * qq - m[axis, q] * pq, determinant)
    slope_q = _slope(m[axis, q] * pp - m[axis, p] * pq, determinant)
    step_p = num * (centre[p] >> shift) - near.sums[p]
    step_q = num * (centre[q] >> shift) - near.sums[q]
    total = near.sums[axis] + ((slope_p * step_p + slope_q * step_q) >> _SLOPE_BITS)
    estimate = divide_floor(total << shift, num)
    unexplained = max(m[axis, axis] - ((slope_p * m[axis, p] + slope_q * m[axis, q]) >> _SLOPE_BITS), 0)
    variance = divide_floor(unexplained << moment_shift, num * num) << (2 * shift)
    return estimate, variance


@compiled
def add_mass(near: Surroundings, num_masses: int, octant: int, axes: int, count: int) -> int:
    """Append a box of the node, halved along the first `axes` axes; return the new number of masses."""
    for axis in range(3):
        near.masses[num_masses, axis] = box_centre(octant, axes, axis)
    near.masses[num_masses, 3] = count
    return num_masses + 1


@compiled
def box_centre(octant: int, axes: int, axis: int) -> int:
    """Return a centre coordinate of a box that has been halved along the first `axes` axes."""
    if axis >= axes:
        return 0
    return QUARTER if (octant >> axis) & 1 else -QUARTER


@compiled
def pull(near: Surroundings, num_masses: int, axis: int, centre: Int64Array) -> tuple[int, int]:
    """Return the kernel densities at the centres of the lower and upper half of the box at centre (3,)."""
    lower_density, upper_density = 0, 0
    for mass in range(num_masses):
        d = QUARTER * QUARTER
        for other in range(3):
            step = near.masses[mass, other] - centre[other]
            d += step * step
        along = 2 * QUARTER * (near.masses[mass, axis] - centre[axis])
        lower = ((d + along) >> 4) + 10
        upper = ((d - along) >> 4) + 10
        if lower < KERNEL_REACH:
            lower_density += near.masses[mass, 3] * KERNEL[lower]
        if upper < KERNEL_REACH:
            upper_density += near.masses[mass, 3] * KERNEL[upper]
    return lower_density, upper_density
