"""Anchor scenes from what Scaffold-GS, HAC and their relatives leave on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from hemgs_codec.anchors.checkpoint import CHECKPOINT_NAMES, read_checkpoint
from hemgs_codec.anchors.folders import PLY_NAME, find_iteration, trained_voxel_size
from hemgs_codec.anchors.lattice import lattice_anchors, lattice_indices, off_lattice
from hemgs_codec.anchors.ply import AnchorPly, read_anchor_ply
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.states import State, networks_of
from hemgs_codec.anchors.torchscript import has_scripts, read_scripts
from hemgs_codec.anchors.voxel_search import find_voxel_size
from hemgs_format.errors import SceneError


def read_anchor_scene(folder: Path, *, voxel_size: float | None = None, trust: bool = False) -> AnchorScene:
    """Read an anchor scene.

    Parameters
    ----------
    folder
        A run's directory, whose highest ``point_cloud/iteration_N`` is taken, or one that holds
        ``point_cloud.ply`` itself.
    voxel_size
        Spacing of the anchors' lattice. Without it, it is taken from the file's own note, then from the
        trainer's ``cfg_args``, then from the anchors, where one of these is a lattice that they are on.
    trust
        Load TorchScript files, which runs code that is in them. They are only needed where there is no
        ``checkpoints.pth`` or ``checkpoint.pth``.

    Returns
    -------
    AnchorScene
        With a voxel size, anchors are exact float32 multiples of it: a few units in the last place may
        differ from the file. Without one they are as in the file.

    Raises
    ------
    SceneError
        If files or properties are missing, sizes don't fit each other, values are NaN or infinite, the
        anchors aren't on the lattice of the given `voxel_size`, the colours depend on an appearance
        embedding, or networks hold more than tensors.
    OSError
        If a file can't be read.
    """
    place = find_iteration(folder)
    arrays = read_anchor_ply(place / PLY_NAME)
    networks = networks_of(
        _states(place, trust=trust), features=arrays.features.shape[1], slots=arrays.offsets.shape[1]
    )
    scene = AnchorScene(
        arrays.anchors, arrays.features, arrays.log_scales, arrays.offsets, arrays.masks, networks
    )
    scene.validate()
    found = _checked(scene, voxel_size) if voxel_size is not None else _voxel_size(place, arrays)
    if found is None:
        return scene
    indices = lattice_indices(scene.anchors, found)
    if indices is None:
        raise AssertionError("a voxel size was accepted whose lattice the anchors aren't on")
    return replace(scene, anchors=lattice_anchors(indices, found), voxel_size=found)


def _states(place: Path, *, trust: bool) -> dict[str, State]:
    """Prefer the files that run no code."""
    for name in CHECKPOINT_NAMES:
        if (place / name).is_file():
            return read_checkpoint(place / name)
    if has_scripts(place):
        return read_scripts(place, trust=trust)
    raise SceneError(
        f"{place} has no networks: expected {' or '.join(CHECKPOINT_NAMES)}, "
        "or opacity_mlp.pt, cov_mlp.pt and color_mlp.pt"
    )


def _checked(scene: AnchorScene, voxel_size: float) -> float:
    replace(scene, voxel_size=voxel_size).validate()
    off = np.flatnonzero(off_lattice(scene.anchors, voxel_size))
    if len(off):
        row = int(off[0])
        raise SceneError(
            f"{len(off)} of {scene.num_anchors} anchors aren't multiples of the voxel size {voxel_size:g}, "
            f"first that of row {row} (counted from 0) at {scene.anchors[row].tolist()}; "
            "leave the voxel size out to have it found"
        )
    return voxel_size


def _voxel_size(place: Path, arrays: AnchorPly) -> float | None:
    if arrays.has_voxel_size and arrays.voxel_size is None:
        return None
    for stated in (arrays.voxel_size, trained_voxel_size(place)):
        if stated is not None and lattice_indices(arrays.anchors, stated) is not None:
            return stated
    return find_voxel_size(arrays.anchors)
