"""Anchors to the integer lattice that they were grown on, and back.

Trainers place anchors at whole multiples of a voxel size and never move them, so that an anchor is three
integers but for the rounding of one float32 product.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]

# Beyond it, an anchor's float32 rounding is half a voxel, and its index a guess.
MAX_INDEX = 1 << 22
# Trainers multiply in float32 or in float64, by the voxel size or by an integer multiple of it: the ways
# differ by two units in the last place at most.
MAX_ULPS = 4


def lattice_anchors(indices: Int64Array, voxel_size: float) -> Float32Array:
    """Positions (N, 3) float32 of lattice indices (N, 3): one float32 product each, the same everywhere."""
    return indices.astype(np.float32) * np.float32(voxel_size)


def lattice_indices(anchors: Float32Array, voxel_size: float) -> Int64Array | None:
    """Find the lattice indices of anchors.

    Parameters
    ----------
    anchors : (N, 3) float32
        Finite positions.
    voxel_size : float
        Spacing of the lattice, which goes through the origin.

    Returns
    -------
    (N, 3) int64 or None
        Indices for which `lattice_anchors` is within `MAX_ULPS` units in the last place of every anchor; None
        if an anchor isn't on the lattice, or more than `MAX_INDEX` voxels away from the origin.

    Examples
    --------
    >>> lattice_indices(np.float32([[0.002, -0.001, 0.007]]), 0.001)
    array([[ 2, -1,  7]])
    >>> lattice_indices(np.float32([[0.0025, 0, 0]]), 0.001) is None
    True
    """
    off = off_lattice(anchors, voxel_size)
    return None if off.any() else _nearest(anchors, voxel_size).astype(np.int64)


def off_lattice(anchors: Float32Array, voxel_size: float) -> npt.NDArray[np.bool]:
    """Tell which anchors (N, 3) have no lattice index: (N,) bool."""
    with np.errstate(over="ignore", invalid="ignore"):  # beside the largest float32
        if not 0 < np.float32(voxel_size) < np.inf:
            return np.ones(len(anchors), bool)
        nearest = _nearest(anchors, voxel_size)
        far = np.abs(nearest) > MAX_INDEX
        back = lattice_anchors(np.where(far, 0, nearest).astype(np.int64), voxel_size)
        # The larger of the two decides, or an anchor just below a power of two would get half the room.
        ulp = np.spacing(np.maximum(np.abs(anchors), np.abs(back))).astype(np.float64)
        apart = np.abs(back.astype(np.float64) - anchors)
        off = far | ~(apart <= MAX_ULPS * ulp)
    return np.asarray(off.any(axis=1))


def _nearest(anchors: Float32Array, voxel_size: float) -> npt.NDArray[np.float64]:
    # By the float32 voxel size, as `lattice_anchors` multiplies: the float64 one is off by a voxel far out.
    return np.rint(anchors.astype(np.float64) / np.float64(np.float32(voxel_size)))
