"""Cameras: from the files that scenes come with, or made up for scenes that come with none."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hemgs_codec.cameras.colmap import find_model, read_colmap
from hemgs_codec.cameras.inria import read_cameras_json
from hemgs_codec.cameras.orbit import orbit_cameras
from hemgs_codec.cameras.synthesise import synthesise_cameras
from hemgs_codec.cameras.transforms import read_transforms
from hemgs_codec.render.camera import Camera
from hemgs_format.errors import SceneError

__all__ = ["held_out", "orbit_cameras", "read_cameras", "synthesise_cameras", "views_of"]


def read_cameras(path: str | Path) -> list[Camera]:
    """Read cameras of any kind that scenes come with.

    Parameters
    ----------
    path
        `cameras.json` of 3DGS; `transforms*.json` of Blender sets or nerfstudio; a COLMAP model's folder (or
        the one that holds `sparse/0`); or a folder with one of the former.

    Raises
    ------
    SceneError
        There are none, or they aren't plain pinhole cameras.
    OSError
        A file can't be read.
    """
    path = Path(path)
    if path.is_dir():
        model = find_model(path)
        if model is not None:
            return read_colmap(model)
        if (path / "cameras.json").is_file():
            return read_cameras_json(path / "cameras.json")
        transforms = sorted(path.glob("transforms*.json"))
        if transforms:
            return [camera for file in transforms for camera in read_transforms(file)]
        raise SceneError(f"{path} holds no cameras: expected cameras.json, transforms*.json or sparse/0")
    if path.name.startswith("transforms"):
        return read_transforms(path)
    return read_cameras_json(path)


def held_out(cameras: list[Camera]) -> list[Camera]:
    """Return the test views: those marked so, else every eighth by name, as the field does."""
    marked = [camera for camera in cameras if camera.split == "test"]
    return marked or sorted(cameras, key=lambda camera: camera.name)[::8]


def views_of(cameras: list[Camera], split: Literal["all", "test"]) -> list[Camera]:
    """Return all views, or those held out.

    Raises
    ------
    SceneError
        None is held out: all are marked as training views.
    """
    if split == "all":
        return cameras
    if all(camera.split == "train" for camera in cameras):
        raise SceneError(f"no view is held out: all {len(cameras)} are marked train (--split all takes them)")
    return held_out(cameras)
