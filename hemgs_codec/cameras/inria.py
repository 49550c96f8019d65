"""`cameras.json` as the original 3DGS trainer writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hemgs_codec.cameras.json_file import matrix, number, read_json
from hemgs_codec.render.camera import Camera
from hemgs_format.errors import SceneError


def read_cameras_json(path: Path) -> list[Camera]:
    """Read `cameras.json`: per view img_name, width, height, fx, fy, position and camera-to-world rotation.

    A principal point (cx, cy) is used where given, the middle where not; ``split`` too.

    Raises
    ------
    SceneError
        Something is missing or no number.
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise SceneError(f"{path}: expected a list of cameras")
    cameras = []
    for place, entry in enumerate(entries):
        where = f"{path}: camera {place}"
        width, height = (int(number(entry, key, where)) for key in ("width", "height"))
        rotation = matrix(entry, "rotation", where, (3, 3)).T
        pose = np.eye(4)
        pose[:3, :3] = rotation
        pose[:3, 3] = -rotation @ matrix(entry, "position", where, (3,))
        cameras.append(
            Camera(
                name=Path(str(entry.get("img_name", f"{place:05d}"))).name,
                width=width,
                height=height,
                fx=number(entry, "fx", where),
                fy=number(entry, "fy", where),
                cx=number(entry, "cx", where, width / 2),
                cy=number(entry, "cy", where, height / 2),
                world_to_camera=pose,
                split=entry.get("split") if entry.get("split") in ("train", "test") else None,
            )
        )
    return cameras


def pack_cameras_json(views: Sequence[tuple[Camera, str]]) -> bytes:
    """Return the bytes of a `cameras.json` of cameras and their splits, with principal points."""
    return json.dumps([_entry(camera, split) for camera, split in views], indent=1).encode()


def _entry(camera: Camera, split: str) -> dict[str, object]:
    """Return a camera as `cameras.json` of 3DGS has it, with principal point and split."""
    pose = camera.world_to_camera
    return {
        "img_name": camera.name,
        "width": camera.width,
        "height": camera.height,
        "fx": camera.fx,
        "fy": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "position": camera.position.tolist(),
        "rotation": pose[:3, :3].T.tolist(),
        "split": split,
    }
