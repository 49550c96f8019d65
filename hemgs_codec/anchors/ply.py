"""Anchor .ply files to and from arrays, in the layouts of Scaffold-GS and of HAC.

Reads properties in any order, as binary of either byte order or ascii; opacity, rotation and normals, which
nothing is rendered from, are left out. Writes little-endian binary in the trainers' order. The networks are
in files of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.recfunctions import structured_to_unstructured
from plyfile import PlyData, PlyElement

from hemgs_codec.anchors.ply_names import ANCHORS, NORMALS, OPACITY, QUATS, SCALES, names_among, names_for
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.ply_header import read_header
from hemgs_codec.ply_rows import read_rows
from hemgs_format.errors import SceneError

Float32Array = npt.NDArray[np.float32]

# HAC keeps a slot while the sigmoid of its logit is above this.
KEPT_ABOVE = 0.01
_MASK_LOGIT = 10.0
# Untrained values that the trainers write: the logit of 0.1, and no rotation.
_DEAD_OPACITY = np.log(0.1 / 0.9)
_DEAD_QUAT = (1, 0, 0, 0)
_UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class AnchorPly:
    """The arrays of an anchor .ply, shaped as those of an `AnchorScene`; values aren't checked.

    Attributes
    ----------
    anchors, features, log_scales, offsets : (N, 3), (N, D), (N, 6), (N, K, 3) float32
    masks : (N, K) bool
        All true where the file has none.
    voxel_size : float or None
        What `write_anchor_ply` noted; None where the file has no note, or says that it is unknown.
    has_voxel_size : bool
        Whether the file has such a note.
    """

    anchors: Float32Array
    features: Float32Array
    log_scales: Float32Array
    offsets: Float32Array
    masks: npt.NDArray[np.bool]
    voxel_size: float | None
    has_voxel_size: bool


def read_anchor_ply(path: Path) -> AnchorPly:
    """Read an anchor .ply.

    Raises
    ------
    SceneError
        If the file is no anchor .ply, is truncated, lacks properties, or a mask is a NaN or infinity.
    OSError
        If it can't be read.
    """
    raw = path.read_bytes()
    header = read_header(raw, "anchors")
    names = names_among(header.dtype.names or ())
    rows = read_rows(raw, header)

    def columns(wanted: tuple[str, ...]) -> Float32Array:
        # A double beyond float32 becomes infinite here and is refused by `AnchorScene.validate`.
        with np.errstate(over="ignore"):
            array: Float32Array = structured_to_unstructured(rows[list(wanted)], np.float32, copy=True)
        return array

    count, slots = len(rows), len(names.offsets) // 3
    note = _voxel_note(header.comments)
    return AnchorPly(
        anchors=columns(ANCHORS),
        features=columns(names.features),
        log_scales=columns(SCALES),
        offsets=np.ascontiguousarray(columns(names.offsets).reshape(count, 3, slots).transpose(0, 2, 1)),
        masks=_kept(columns(names.masks)) if names.masks else np.ones((count, slots), bool),
        voxel_size=None if note in (None, _UNKNOWN) else float(str(note)),
        has_voxel_size=note is not None,
    )


def write_anchor_ply(scene: AnchorScene, path: Path) -> None:
    """Write the arrays of a scene; mask properties only where a slot is out of use.

    Offsets of such slots are written as zeros: a reader that knows no masks then finds their Gaussians at
    the anchor instead of anywhere. A comment notes the voxel size, or that it is unknown.
    """
    count, shape = scene.num_anchors, scene.networks.shape
    with_masks = not scene.masks.all()
    names = names_for(shape.features, shape.slots, masks=with_masks)
    offsets = np.where(scene.masks[:, :, None], scene.offsets, np.float32(0))
    logits = np.where(scene.masks, np.float32(_MASK_LOGIT), np.float32(-_MASK_LOGIT))
    columns = (
        (ANCHORS, scene.anchors),
        (NORMALS, np.zeros((count, 3))),
        (names.offsets, offsets.transpose(0, 2, 1).reshape(count, 3 * shape.slots)),
        (names.masks, logits[:, : len(names.masks)]),
        (names.features, scene.features),
        (OPACITY, np.full((count, 1), _DEAD_OPACITY)),
        (SCALES, scene.log_scales),
        (QUATS, np.tile(_DEAD_QUAT, (count, 1))),
    )
    values = np.concatenate([array.astype("<f4", copy=False) for _, array in columns], axis=1)
    rows = values.view([(name, "<f4") for group, _ in columns for name in group])[:, 0]
    note = _UNKNOWN if scene.voxel_size is None else repr(float(scene.voxel_size))
    PlyData([PlyElement.describe(rows, "vertex")], byte_order="<", comments=[f"voxel_size {note}"]).write(
        str(path)
    )


def _kept(logits: Float32Array) -> npt.NDArray[np.bool]:
    if not np.isfinite(logits).all():
        row = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
        raise SceneError(f"f_mask of anchor {row} holds a NaN or infinity, expected finite logits")
    # By torch, as the trainers do: another sigmoid may round to another side.
    kept: npt.NDArray[np.bool] = (torch.sigmoid(torch.from_numpy(logits)) > KEPT_ABOVE).numpy()
    return kept


def _voxel_note(comments: tuple[str, ...]) -> str | None:
    for comment in comments:
        note = re.fullmatch(rf"voxel_size ({_UNKNOWN}|[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?)", comment)
        if note is not None:
            return note[1]
    return None
