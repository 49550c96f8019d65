"""Morton codes of lattice points (SPEC: "Locations"): the order in which a file's points are stored.

Bit b of x, y and z becomes bits 3b + 2, 3b + 1 and 3b of the code: x is the most significant axis of a level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import LimitError

__all__ = ["MAX_BITS", "check_coords", "morton_decode", "morton_encode", "morton_sort"]

MAX_BITS = 21  # three axes of 21 bits fill the 63 value bits of an int64

Int64Array = npt.NDArray[np.int64]

# Spreading a 21-bit number to every third bit: after step (shift, mask) its bits lie in runs half as long.
_SPREAD = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)


def check_coords(coords: npt.NDArray[np.integer]) -> Int64Array:
    """Return coords (N, 3) as int64; raise LimitError unless every value is in 0 .. 2**21 - 1."""
    if coords.ndim != 2 or coords.shape[1] != 3 or not np.issubdtype(coords.dtype, np.integer):
        raise LimitError(
            f"coords are {coords.dtype} of shape {coords.shape}, expected integers of shape (N, 3)"
        )
    if coords.size and (coords.min() < 0 or coords.max() >> MAX_BITS):
        raise LimitError(f"coords span {coords.min()} .. {coords.max()}, expected 0 .. {(1 << MAX_BITS) - 1}")
    return coords.astype(np.int64, copy=False)


def morton_encode(coords: npt.NDArray[np.integer]) -> Int64Array:
    """Interleave the bits of coords (N, 3), each below 2**21, into codes (N,) int64.

    Raises
    ------
    LimitError
        The shape, type or range of coords is wrong.

    Examples
    --------
    >>> morton_encode(np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [3, 3, 3]])).tolist()
    [1, 2, 4, 63]
    """
    code = np.zeros(len(coords), np.int64)
    for column in check_coords(coords).T:
        spread = column.copy()
        for shift, mask in _SPREAD:
            spread = (spread | (spread << shift)) & mask
        code = (code << 1) | spread
    return code


def morton_decode(codes: Int64Array) -> Int64Array:
    """Take the coords (N, 3) int64 out of codes (N,): the inverse of `morton_encode`."""
    coords = np.empty((len(codes), 3), np.int64)
    for axis in range(3):
        column = (codes >> (2 - axis)) & _SPREAD[-1][1]
        for (shift, _), (_, mask) in zip(_SPREAD[::-1], (*_SPREAD[-2::-1], (0, 0x1FFFFF)), strict=True):
            column = (column | (column >> shift)) & mask
        coords[:, axis] = column
    return coords


def morton_sort(coords: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Return the order (N,) that sorts coords (N, 3) by Morton code; equal points keep their order.

    Examples
    --------
    >>> morton_sort(np.array([[1, 0, 0], [0, 0, 1], [1, 0, 0]])).tolist()
    [1, 0, 2]
    """
    return np.argsort(morton_encode(coords), kind="stable")
