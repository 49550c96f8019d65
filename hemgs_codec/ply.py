"""3DGS .ply files to and from `GaussianScene`.

Reads the property names of the original 3DGS trainer in any order, as binary of either byte order or ascii,
and writes them in the original order as little-endian binary. Values pass through unchanged, quaternions
unnormalised; what had to be altered or left out is counted in a `PlyReport`. What the file announces is
checked in `ply_header`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib.recfunctions import structured_to_unstructured
from plyfile import PlyData, PlyElement

from hemgs_codec.ply_header import read_header
from hemgs_codec.ply_names import MEANS, NORMALS, OPACITY, QUATS, REQUIRED, SCALES, SH0, rest_names
from hemgs_codec.ply_rows import read_rows
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError

# An infinite logit (opacity exactly 0 or 1, as viewers' exports have it) becomes this: within 6.2e-6 of the
# same opacity, far below the 1/255 that can be seen, and still a cheap value to code. Finite logits stay,
# however large.
OPACITY_LOGIT_LIMIT = 12.0


@dataclass(frozen=True)
class PlyReport:
    """What reading a PLY altered or left out.

    Parameters
    ----------
    num_rows
        Rows in the file, before any were dropped.
    has_normals
        Whether the file has nx, ny, nz; they are not kept (3DGS files hold zeros there).
    dropped_properties, dropped_elements
        Names that mean nothing to a 3DGS scene.
    converted_properties
        Properties of another numeric type, rounded to float32.
    num_clamped_opacities
        Infinite opacity logits replaced by ±12.
    num_dropped_rows
        Rows left out by `drop_invalid`.
    """

    num_rows: int
    has_normals: bool
    dropped_properties: tuple[str, ...]
    dropped_elements: tuple[str, ...]
    converted_properties: tuple[str, ...]
    num_clamped_opacities: int
    num_dropped_rows: int

    def notes(self) -> list[str]:
        """Say in one line each what a user should know of; empty for an ordinary file."""
        notes = []
        if self.dropped_properties:
            notes.append(f"dropped unknown properties: {', '.join(self.dropped_properties)}")
        if self.dropped_elements:
            notes.append(f"dropped elements: {', '.join(self.dropped_elements)}")
        if self.converted_properties:
            notes.append(f"rounded to float32: {', '.join(self.converted_properties)}")
        if self.num_clamped_opacities:
            count = self.num_clamped_opacities
            notes.append(f"clamped {count} infinite opacity logits to ±{OPACITY_LOGIT_LIMIT:g}")
        if self.num_dropped_rows:
            notes.append(f"dropped {self.num_dropped_rows} of {self.num_rows} Gaussians with invalid values")
        return notes


def read_ply(source: str | Path | BinaryIO, *, drop_invalid: bool = False) -> GaussianScene:
    """Read a vanilla 3DGS .ply.

    Parameters
    ----------
    source
        A path, or a file object opened for reading bytes (it needn't be seekable).
    drop_invalid
        Leave out the Gaussians that can't be coded, instead of refusing the file: a NaN or infinity anywhere
        (an infinite opacity logit is clamped instead), or a zero quaternion.

    Returns
    -------
    GaussianScene
        Quaternions as they stand in the file, not normalised.

    Raises
    ------
    SceneError
        If the file is no 3DGS .ply, is truncated, lacks properties, or holds an invalid value (row and
        property are named).

    Examples
    --------
    >>> from hemgs_codec.ply import read_ply
    >>> scene = read_ply("examples/chair.ply")
    >>> scene.num_gaussians, scene.sh_degree
    (19972, 3)
    """
    return read_ply_with_report(source, drop_invalid=drop_invalid)[0]


def read_ply_with_report(
    source: str | Path | BinaryIO, *, drop_invalid: bool = False
) -> tuple[GaussianScene, PlyReport]:
    """Read as `read_ply` does, and say what was altered or left out."""
    raw = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    header = read_header(raw)
    present = header.dtype.names or ()
    names = REQUIRED + rest_names(present)
    rows = read_rows(raw, header)
    # A double beyond float32 becomes infinite here and is refused by name below.
    with np.errstate(over="ignore"):
        # A copy even where a view would do: the opacities are written to, and the file's bytes can go.
        values: npt.NDArray[np.float32] = structured_to_unstructured(rows[list(names)], np.float32, copy=True)

    opacities = values[:, names.index("opacity")]
    infinite = np.isinf(opacities)
    opacities[infinite] = np.copysign(np.float32(OPACITY_LOGIT_LIMIT), opacities[infinite])
    valid = _valid_rows(values, names, drop_invalid=drop_invalid)
    if not valid.all():
        values = values[valid]
    report = PlyReport(
        num_rows=header.num_rows,
        has_normals=any(name in present for name in NORMALS),
        dropped_properties=tuple(name for name in present if name not in names + NORMALS),
        dropped_elements=header.other_elements,
        converted_properties=tuple(
            name for name in names if header.dtype[name].newbyteorder("=") != np.float32
        ),
        num_clamped_opacities=int(infinite.sum()),
        num_dropped_rows=int(header.num_rows - valid.sum()),
    )
    return _scene(values, names), report


def write_ply(scene: GaussianScene, target: str | Path | BinaryIO) -> None:
    """Write a scene as the original 3DGS trainer does: binary, in its property order, with zero normals.

    Parameters
    ----------
    scene
        N Gaussians.
    target
        A path (overwritten if it exists), or a file object opened for writing bytes.
    """
    num_rest = scene.shN.shape[1]
    rest = scene.shN.transpose(0, 2, 1).reshape(scene.num_gaussians, 3 * num_rest)
    names = MEANS + NORMALS + SH0 + tuple(f"f_rest_{i}" for i in range(3 * num_rest))
    names += OPACITY + SCALES + QUATS
    normals = np.zeros_like(scene.means)
    columns = (
        scene.means,
        normals,
        scene.sh0,
        rest,
        scene.opacity_logits[:, None],
        scene.log_scales,
        scene.quats,
    )
    values = np.concatenate(columns, axis=1).astype("<f4", copy=False)
    rows = values.view([(name, "<f4") for name in names])[:, 0]
    PlyData([PlyElement.describe(rows, "vertex")], byte_order="<").write(
        str(target) if isinstance(target, Path) else target
    )


def _valid_rows(
    values: npt.NDArray[np.float32], names: tuple[str, ...], *, drop_invalid: bool
) -> npt.NDArray[np.bool_]:
    """Return the (N,) mask of rows that can be coded; refuse the others unless they are to be dropped."""
    finite = np.isfinite(values)
    quats = [names.index(name) for name in QUATS]
    turns = values[:, quats].any(axis=1)
    valid: npt.NDArray[np.bool_] = np.logical_and(finite.all(axis=1), turns)
    if valid.all():
        return valid
    if not drop_invalid:
        row = int(valid.argmin())
        if finite[row].all():
            what = "the quaternion rot_0..3 is zero"
        else:
            column = int(finite[row].argmin())
            what = f"property {names[column]} is {values[row, column]}, expected a finite float32"
        raise SceneError(
            f"vertex row {row} (counted from 0): {what}; {int((~valid).sum())} such rows in all "
            "(drop_invalid=True, on the command line --drop-invalid, leaves them out)"
        )
    if not valid.any():
        raise SceneError(f"all {len(valid)} rows of the PLY hold invalid values; nothing is left")
    return valid


def _scene(values: npt.NDArray[np.float32], names: tuple[str, ...]) -> GaussianScene:
    """Split the (N, columns) table, whose columns are REQUIRED and then f_rest, into a scene."""

    def columns(wanted: tuple[str, ...]) -> npt.NDArray[np.float32]:
        start = names.index(wanted[0])
        return np.ascontiguousarray(values[:, start : start + len(wanted)])

    num_rest = (len(names) - len(REQUIRED)) // 3
    # f_rest is channel-major in the file: all of red, then green, then blue.
    rest = values[:, len(REQUIRED) :].reshape(len(values), 3, num_rest)
    return GaussianScene(
        means=columns(MEANS),
        log_scales=columns(SCALES),
        quats=columns(QUATS),
        opacity_logits=columns(OPACITY)[:, 0],
        sh0=columns(SH0),
        shN=np.ascontiguousarray(rest.transpose(0, 2, 1)),
    )
