"""The rows of a PLY whose header was checked."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from plyfile import PlyData, PlyParseError

from hemgs_codec.ply_header import PlyHeader
from hemgs_format.errors import SceneError


def read_rows(raw: bytes, header: PlyHeader) -> npt.NDArray[np.void]:
    """Return the (N,) structured rows of the vertex element, in the file's types and byte order.

    Raises
    ------
    SceneError
        If an ascii row is malformed or missing; the size of a binary file was checked with its header.
    """
    if header.encoding != "ascii":
        return np.frombuffer(raw, header.dtype, header.num_rows, header.offset)
    try:
        with np.errstate(over="ignore"):
            data = PlyData.read(io.BytesIO(header.lead + raw[header.offset :]))
    except (PlyParseError, ValueError, OverflowError) as error:
        raise SceneError(f"malformed PLY: {error}") from error
    rows: npt.NDArray[np.void] = data["vertex"].data
    return rows
