"""What a data set's files list: which photo has which camera, what is held out, and points.

The layouts of the field: COLMAP models with folders of photos (Mip-NeRF 360, Tanks and Temples, Deep
Blending), Blender's JSON (Synthetic-NeRF), nerfstudio's JSON. Photos are found but not opened, unless the
JSON leaves out their size.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePath
from typing import Any

from hemgs_codec.cameras.colmap import find_model, read_images
from hemgs_codec.cameras.json_file import read_json
from hemgs_codec.cameras.transforms import read_frames
from hemgs_codec.photos import find_photo, list_missing
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.sfm_points import Points, read_colmap_points, read_ply_points
from hemgs_format.errors import SceneError

_EVERY = 8
Shot = tuple[Camera, Path]


@dataclass(frozen=True)
class Listing:
    """What there is, nothing opened yet.

    Attributes
    ----------
    train, test : list of (Camera, Path)
        Photos, each with its camera as the files tell it.
    points : (P, 3) float64 or None
        Positions that structure from motion found.
    """

    train: list[Shot]
    test: list[Shot]
    points: Points | None


def list_photos(folder: Path, images: str | None) -> Listing:
    """List a data set of any layout.

    Parameters
    ----------
    images
        The folder of photos in ``folder``. If not given: `images` for COLMAP's sets, what the JSON has for
        nerfstudio's.

    Raises
    ------
    SceneError
        The layout isn't known, a file is damaged, lenses distort, or photos are missing.
    OSError
        A file can't be read.
    """
    # COLMAP's first, as the field has it: where both are there, it brings points.
    model = find_model(folder)
    if model is not None:
        return _colmap(folder, model, images)
    if (folder / "transforms_train.json").is_file():
        return _blender(folder, images)
    if (folder / "transforms.json").is_file():
        return _nerfstudio(folder, images)
    raise SceneError(
        f"{folder} holds no data set: expected a COLMAP model in sparse/0 beside photos, "
        "transforms_train.json or transforms.json"
    )


def _colmap(folder: Path, model: Path, images: str | None) -> Listing:
    photos = folder / (images or "images")
    if not photos.is_dir():
        others = sorted(path.name for path in folder.glob("images*") if path.is_dir())
        raise SceneError(f"{photos} is no folder: photos are in {', '.join(others) or 'none that is known'}")
    cameras = read_images(model)
    # Photos lie in the model's folders, or all in one where that doesn't confuse them.
    flat = len({camera.name for _, camera in cameras}) == len(cameras)
    shots = _found([(c, (name, c.name) if flat else (name,)) for name, c in cameras], photos)
    return Listing(*_every_eighth(shots), read_colmap_points(model))


def _blender(folder: Path, images: str | None) -> Listing:
    if images is not None:
        raise SceneError(f"{folder}: its transforms say where photos are, so there is no {images} to choose")
    splits = []
    for split in ("train", "test"):
        file = folder / f"transforms_{split}.json"
        frames = read_frames(file) if split == "train" or file.is_file() else []
        splits.append(_found([(camera, (name,)) for name, camera in frames], folder))
    return Listing(splits[0], splits[1], None)


def _nerfstudio(folder: Path, images: str | None) -> Listing:
    file = folder / "transforms.json"
    content = read_json(file)
    frames = {
        PurePath(name).as_posix(): camera for name, camera in sorted(read_frames(file), key=itemgetter(0))
    }
    shots = _found([(camera, (_chosen(name, images),)) for name, camera in frames.items()], folder)
    train, test = _as_named(content, dict(zip(frames, shots, strict=True)), file) or _every_eighth(shots)
    ply = content.get("ply_file_path")
    if ply is not None and not isinstance(ply, str):
        raise SceneError(f"{file}: ply_file_path is {ply!r:.40}, expected a file's name")
    return Listing(train, test, read_ply_points(folder / ply) if ply else None)


def _chosen(name: str, images: str | None) -> str:
    """Put another folder of photos for the first folder of a frame's name."""
    if images is None:
        return name
    path = PurePath(name)
    inner = path.parts[1:] if len(path.parts) > 1 and not path.is_absolute() else (path.name,)
    return PurePath(images, *inner).as_posix()


def _as_named(content: Any, shots: dict[str, Shot], file: Path) -> tuple[list[Shot], list[Shot]] | None:
    """Split shots as the file's lists of names do, in the order of their names; None if it has no lists.

    Frames for validation are held out where none is for testing; without a list for training, all others are
    trained on.
    """
    train, test, val = (
        _names(content, f"{split}_filenames", shots, file) for split in ("train", "test", "val")
    )
    out = test if test is not None else val
    if train is None and out is None:
        return None
    out = out or set()
    if train is None:
        train = shots.keys() - out
    elif train & out:
        raise SceneError(f"{file}: {list_missing(sorted(train & out))} are for training and held out")
    return [shots[name] for name in shots if name in train], [shots[name] for name in shots if name in out]


def _names(content: Any, key: str, known: Container[str], file: Path) -> set[str] | None:
    names = content.get(key)
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SceneError(f"{file}: {key} isn't a list of names")
    paths = {PurePath(name).as_posix() for name in names}
    unknown = sorted(path for path in paths if path not in known)
    if unknown:
        raise SceneError(f"{file}: {key} has {list_missing(unknown)}: expected names of frames")
    return paths


def _every_eighth(shots: list[Shot]) -> tuple[list[Shot], list[Shot]]:
    """Split shots that are in the order of their names as the field does; the first is held out."""
    train = [shot for place, shot in enumerate(shots) if place % _EVERY]
    return train, shots[::_EVERY]


def _found(cameras: Sequence[tuple[Camera, tuple[str, ...]]], folder: Path) -> list[Shot]:
    """Find each camera's photo in a folder by the first of its names that is there."""
    shots, missing = [], []
    for camera, names in cameras:
        found = next((path for name in names if (path := find_photo([folder], name))), None)
        if found is None:
            missing.append(names[0])
        else:
            shots.append((camera, found))
    if missing:
        raise SceneError(f"{folder} lacks {len(missing)} of {len(cameras)} photos: {list_missing(missing)}")
    return shots
