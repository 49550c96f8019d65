"""Binary multi-resolution hash grid, 3D and tri-plane, interpolated in fixed point (HAC's; SPEC "Hash grid").

Only integers: which entries an anchor reads and with what weights follows from its base coordinates. The
float twin uses the same indices and weights, so training and coding interpolate alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PRIMES = (1, 2654435761, 805459861)
_COORD_BITS = 16  # hash coordinates are 16-bit fractions of the box
_FRACTION_BITS = 8


@dataclass(frozen=True)
class Level:
    """One level of the grid: the axes it spans, log2 of its resolution, and its number of table entries."""

    axes: tuple[int, ...]
    log_resolution: int
    entries: int

    @property
    def is_dense(self) -> bool:
        """True where every vertex has an entry of its own."""
        return self.vertices <= self.entries

    @property
    def vertices(self) -> int:
        """Number of grid vertices."""
        return int(((1 << self.log_resolution) + 1) ** len(self.axes))


PLANES = ((0, 1), (0, 2), (1, 2))


def make_levels(num_anchors: int, bits_per_anchor: float, features: int) -> tuple[Level, ...]:
    """Size a grid to the scene: about ``bits_per_anchor`` binary entries per anchor in all levels.

    Levels are taken from coarse to fine, 3D and tri-plane in turn, while they fit; the last of each kind may
    be hashed to a quarter of its vertices or more.
    """
    budget = int(num_anchors * bits_per_anchor / features)
    space: list[Level] = []
    planes: list[Level] = []
    for resolution in range(2, 8):
        for kind, axes, log_resolution in (
            (space, ((0, 1, 2),), resolution),
            (planes, PLANES, resolution + 1),
        ):
            vertices = ((1 << log_resolution) + 1) ** len(axes[0])
            entries = min(vertices, budget // len(axes))
            if entries < vertices:
                entries = 1 << entries.bit_length() >> 1
            if 4 * entries >= vertices:
                kind += [Level(a, log_resolution, entries) for a in axes]
                budget -= entries * len(axes)
    return tuple(space + planes)


def hash_coordinates(points: npt.NDArray[np.int64], box: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Map base coordinates (N, 3) into the box (low xyz, side): fractions 0 .. 2**16 - 1, clamped, int64."""
    scaled = ((points - box[:3]) << _COORD_BITS) // max(int(box[3]), 1)
    return np.asarray(np.clip(scaled, 0, (1 << _COORD_BITS) - 1), dtype=np.int64)


def corners(
    coords: npt.NDArray[np.int64], level: Level
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the entries (N, C) that each anchor reads on a level, and their integer weights (N, C).

    C is 8 in 3D and 4 on a plane; weights of one anchor sum to 2**24 in 3D, 2**16 on a plane.
    """
    shift = _COORD_BITS - level.log_resolution
    index = np.zeros((len(coords), 1), dtype=np.int64)
    weight = np.ones((len(coords), 1), dtype=np.int64)
    side = (1 << level.log_resolution) + 1
    one = 1 << _FRACTION_BITS
    scale = 1
    for place, axis in enumerate(level.axes):
        cell = coords[:, axis] >> shift
        fraction = ((coords[:, axis] - (cell << shift)) << _FRACTION_BITS) >> shift
        near, far = cell, cell + 1
        if level.is_dense:
            near, far = near * scale, far * scale
            index = np.concatenate([index + near[:, None], index + far[:, None]], axis=1)
            scale *= side
        else:
            prime = _PRIMES[place]
            near, far = (near * prime) & 0xFFFFFFFF, (far * prime) & 0xFFFFFFFF
            index = np.concatenate([index ^ near[:, None], index ^ far[:, None]], axis=1)
        weight = np.concatenate([weight * (one - fraction)[:, None], weight * fraction[:, None]], axis=1)
    return (index if level.is_dense else index % level.entries), weight


def weight_bits(level: Level) -> int:
    """log2 of the sum of an anchor's weights on a level."""
    return _FRACTION_BITS * len(level.axes)


def interpolate(
    coords: npt.NDArray[np.int64],
    levels: tuple[Level, ...],
    tables: list[npt.NDArray[np.int8]],
    unit_bits: int,
) -> npt.NDArray[np.int64]:
    """Return hash features (N, L * F) in units of 2**-unit_bits: interpolated entries of +1 and -1.

    Parameters
    ----------
    coords : (N, 3) int64
        From `hash_coordinates`.
    tables : list of (entries, F) int8
        +1 or -1.
    """
    parts = [np.zeros((len(coords), 0), dtype=np.int64)]
    for level, table in zip(levels, tables, strict=True):
        index, weight = corners(coords, level)
        total = np.zeros((len(coords), table.shape[1]), dtype=np.int64)
        for corner in range(index.shape[1]):
            total += weight[:, corner, None] * table[index[:, corner]]
        parts.append(total >> (weight_bits(level) - unit_bits))
    return np.concatenate(parts, axis=1)
