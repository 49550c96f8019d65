"""What hemgs encode does with a folder: an anchor scene, trained here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hemgs_codec.progress import Progress

_GAUSSIAN_ONLY = {
    "target_psnr": "--target-psnr",
    "compact": "--compact",
    "refine": "--refine",
    "images": "--images",
    "drop_invalid": "--drop-invalid",
    "no_prior": "--no-prior",
}
_FIT_ONLY = {
    "model": "--model",
    "effort": "--effort",
    "iterations": "--iterations",
    "position_bits": "--position-bits",
    "voxel_size": "--voxel-size",
}


def encode_folder(
    folder: Path, options: dict[str, Any], note: Callable[[str], None], progress: Progress | None
) -> tuple[bytes, int]:
    """Encode the anchor scene in a folder; return the file's bytes and the number of anchors.

    A folder of `hemgs train` brings its entropy model. For one of Scaffold-GS or
    HAC a model is fitted, and errors are weighed in renders from its cameras, where it has some.
    """
    import hemgs_codec
    from hemgs_codec.anchors.measured import measured_anchor_weights
    from hemgs_codec.anchors.read import read_anchor_scene
    from hemgs_codec.cameras import held_out, read_cameras
    from hemgs_codec.fit.options import DEFAULT_EFFORT
    from hemgs_codec.train.result import CAMERAS_NAME, read_result

    for name, option in _GAUSSIAN_ONLY.items():
        if options[name]:
            raise click.UsageError(f"{option} is for plain 3DGS scenes, {folder} is a folder")
    common = {name: options[name] for name in ("lambda_", "target_size", "verify", "device", "threads")}
    finished = read_result(folder)
    if finished is not None:
        for name, option in _FIT_ONLY.items():
            if options[name] is not None:
                raise click.UsageError(f"{option} has no say: {folder} brings its own entropy model")
        data = hemgs_codec.encode_anchors(
            finished.scene,
            fitted=finished.fitted,
            importance=finished.importance,
            progress=progress,
            **common,
        )
        return data, finished.scene.num_anchors

    scene = read_anchor_scene(folder, voxel_size=options["voxel_size"], trust=options["trust"])
    path = options["cameras_path"] or folder / CAMERAS_NAME
    weights = None
    if options["weights"] == "rendered" and Path(path).exists():
        cameras = read_cameras(path)
        test = {id(camera) for camera in held_out(cameras)}
        views = [camera for camera in cameras if id(camera) not in test] or cameras
        weights = measured_anchor_weights(
            scene, views, options["background"], seed=options["seed"], progress=progress
        )
    elif options["weights"] == "rendered":
        note("no cameras: errors are weighed by a guess (--cameras names some)")
    effort = options["effort"]
    data = hemgs_codec.encode_anchors(
        scene,
        weights=weights,
        effort=DEFAULT_EFFORT if effort is None else effort,
        progress=progress,
        cache=options["cache"],
        **{name: options[name] for name in ("seed", "iterations", "order", "context", "window")},
        position_bits=options["position_bits"],
        model=options["model"],
        **common,
    )
    return data, scene.num_anchors
