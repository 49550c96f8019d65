"""`transforms*.json`: Blender's synthetic sets, and nerfstudio's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hemgs_codec.cameras.json_file import matrix, number, read_json
from hemgs_codec.render.camera import Camera
from hemgs_format.errors import SceneError

_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
_PLAIN_MODELS = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL")
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])  # their cameras look along -z, with y up


def read_transforms(path: Path) -> list[Camera]:
    """Read camera-to-world matrices and intrinsics, of the file or of each frame.

    Sizes that the file doesn't tell are those of the image. ``transforms_train.json`` and
    ``transforms_test.json`` tell their cameras' split.

    Raises
    ------
    SceneError
        Something is missing or no number, or lenses distort.
    """
    return [camera for _, camera in read_frames(path)]


def read_frames(path: Path) -> list[tuple[str, Camera]]:
    """Read what `read_transforms` does, each camera with its frame's ``file_path`` as the file has it.

    Raises
    ------
    SceneError
        Something is missing or no number, or lenses distort.
    """
    content = read_json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not frames:
        raise SceneError(f"{path}: expected an object with a list of frames")
    split = path.stem.removeprefix("transforms_")
    cameras = []
    for place, frame in enumerate(frames):
        where = f"{path}: frame {place}"
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise SceneError(f"{where}: file_path is missing")
        known = {**{k: v for k, v in content.items() if k != "frames"}, **frame}
        _check_lens(known, where)
        width, height = _size(known, path.parent / frame["file_path"], where)
        fx = _focal(known, "x", width, where)
        fy = _focal(known, "y", height, where) if "fl_y" in known or "camera_angle_y" in known else fx
        pose = matrix(frame, "transform_matrix", where, (4, 4)) @ _FLIP
        try:
            world_to_camera = np.linalg.inv(pose).astype(np.float64)
        except np.linalg.LinAlgError as error:
            raise SceneError(f"{where}: transform_matrix has no inverse") from error
        camera = Camera(
            name=Path(frame["file_path"]).name,
            width=width,
            height=height,
            fx=fx,
            fy=fy,
            cx=number(known, "cx", where, width / 2),
            cy=number(known, "cy", where, height / 2),
            world_to_camera=world_to_camera,
            split=split if split in ("train", "test") else None,
        )
        cameras.append((frame["file_path"], camera))
    return cameras


def _check_lens(known: dict[str, Any], where: str) -> None:
    model = known.get("camera_model", "PINHOLE")
    bent = [key for key in _DISTORTION if known.get(key)]
    if model not in _PLAIN_MODELS or bent:
        why = ", ".join(bent) or "by its kind"
        raise SceneError(f"{where}: the {model} lens distorts ({why}): undistort the images first")


def _focal(known: dict[str, Any], axis: str, pixels: int, where: str) -> float:
    if f"fl_{axis}" in known:
        return number(known, f"fl_{axis}", where)
    angle = number(known, f"camera_angle_{axis}", where)
    if not 0 < angle < math.pi:
        raise SceneError(f"{where}: camera_angle_{axis} is {angle:g}, expected 0 .. pi")
    return pixels / 2 / math.tan(angle / 2)


def _size(known: dict[str, Any], image: Path, where: str) -> tuple[int, int]:
    if "w" in known and "h" in known:
        return int(number(known, "w", where)), int(number(known, "h", where))
    file = image if image.suffix else image.with_suffix(".png")
    try:
        with Image.open(file) as opened:
            return opened.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:  # ValueError: a name that holds a 0
        raise SceneError(f"{where}: the image's size is neither in the file nor found in {file}") from error
