"""Anchor scenes to disk, for the programs that read what Scaffold-GS and HAC write."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from hemgs_codec.anchors.checkpoint import CHECKPOINT_NAMES, write_checkpoint
from hemgs_codec.anchors.folders import PLY_NAME, iteration_folder
from hemgs_codec.anchors.lattice import lattice_anchors, lattice_indices
from hemgs_codec.anchors.ply import write_anchor_ply
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.torchscript import write_scripts
from hemgs_codec.atomic import atomic_directory
from hemgs_format.errors import SceneError

Layout = Literal["unite", "split"]


def write_anchor_scene(
    folder: Path,
    scene: AnchorScene,
    *,
    iteration: int = 30_000,
    force: bool = False,
    layout: Layout = "unite",
) -> Path:
    """Write ``folder/point_cloud/iteration_N``, which appears whole or not at all.

    Parameters
    ----------
    folder
        The run's directory, made where it doesn't exist.
    scene
        What to write. `read_anchor_scene` gives it back bit by bit, but for the offsets of slots that are out
        of use, which are zeros in the file.
    iteration
        N.
    force
        Replace the iteration's directory, with all that it holds, if it exists.
    layout
        The networks as state dicts in ``checkpoints.pth`` ("unite"), or as a TorchScript file each ("split"),
        for viewers that take no other; both are Scaffold-GS's words.

    Returns
    -------
    Path
        The iteration's directory.

    Raises
    ------
    SceneError
        If the scene isn't valid, its anchors aren't the exact multiples of its voxel size, or the layout is
        none of the two.
    OSError
        `FileExistsError` if the iteration's directory exists and `force` isn't set; also if writing fails.

    Notes
    -----
    With every slot in use, the .ply has the layout of Scaffold-GS. Otherwise it has HAC's mask properties;
    Scaffold-GS ignores those, and shows a slot's Gaussian at its anchor wherever the opacity network says so.
    """
    if layout not in ("unite", "split"):
        raise SceneError(f"layout {layout!r} is unknown, expected 'unite' or 'split'")
    scene.validate()
    _check_lattice(scene)
    target = iteration_folder(folder, iteration)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_directory(target, force=force) as part:
        write_anchor_ply(scene, part / PLY_NAME)
        if layout == "unite":
            write_checkpoint(scene.networks, part / CHECKPOINT_NAMES[0])
        else:
            write_scripts(scene.networks, part)
    return target


def _check_lattice(scene: AnchorScene) -> None:
    """Refuse what reading would change."""
    if scene.voxel_size is None:
        return
    indices = lattice_indices(scene.anchors, scene.voxel_size)
    # Bits: a negative zero, too, would come back as another number.
    if (
        indices is None
        or lattice_anchors(indices, scene.voxel_size).tobytes() != scene.anchors.astype(np.float32).tobytes()
    ):
        raise SceneError(
            f"the anchors aren't the float32 multiples of the scene's voxel size {scene.voxel_size:g}; "
            "snap them with lattice_anchors, or set voxel_size to None"
        )
