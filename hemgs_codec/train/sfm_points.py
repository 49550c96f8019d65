"""The points that structure from motion found: COLMAP's `points3D`, binary or text, and nerfstudio's PLY.

Positions only: colours are learnt, and tracks are long and of no use to training.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyParseError

from hemgs_format.errors import SceneError

Points = npt.NDArray[np.float64]

_POINT = struct.Struct("<Q3d3BdQ")  # number, position, colour, error, length of the track
_TRACK = 8  # bytes: image and feature


def read_colmap_points(model: Path) -> Points | None:
    """Read `points3D.bin`, or else `points3D.txt`, of a model's folder as (P, 3) float64; None without both.

    Raises
    ------
    SceneError
        The file is damaged, or a position isn't finite.
    OSError
        The file can't be read.
    """
    for name, read in (("points3D.bin", _binary), ("points3D.txt", _text)):
        file = model / name
        if file.is_file():
            try:
                points = read(file)
            except (struct.error, ValueError) as error:
                raise SceneError(f"{file} is damaged ({error}): expected COLMAP's 3D points") from error
            return _checked(points, file)
    return None


def read_ply_points(file: Path) -> Points:
    """Read x, y, z of a PLY's vertices as (P, 3) float64.

    Raises
    ------
    SceneError
        The file isn't there or is no such PLY, or a position isn't finite.
    """
    try:
        vertices = PlyData.read(io.BytesIO(file.read_bytes()))["vertex"]
        columns = [np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"]
    except KeyError as error:
        raise SceneError(f"{file} lacks {error}: expected a PLY of vertices with x, y, z") from error
    except (PlyParseError, OSError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise SceneError(f"{file} can't be read ({error}): expected a PLY of points") from error
    return _checked(np.stack(columns, axis=1), file)


def _binary(file: Path) -> list[tuple[float, ...]]:
    data, at = file.read_bytes(), 8
    (count,) = struct.unpack_from("<Q", data)
    points: list[tuple[float, ...]] = []
    for _ in range(count):  # a count that is too large ends with the data
        _, x, y, z, *_, track = _POINT.unpack_from(data, at)
        points.append((x, y, z))
        at += _POINT.size + _TRACK * track
    if at != len(data):
        raise ValueError(f"{count} points end at byte {at} of {len(data)}")
    return points


def _text(file: Path) -> list[tuple[float, ...]]:
    points: list[tuple[float, ...]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            _, x, y, z, *_ = line.split(maxsplit=4)
            points.append((float(x), float(y), float(z)))
    return points


def _checked(points: npt.ArrayLike, file: Path) -> Points:
    array = np.array(points, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(array).all():
        raise SceneError(f"{file}: a point's position isn't finite")
    return array
