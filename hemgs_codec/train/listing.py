"""What a data set's files list: which photo has which camera, what is held out, and points.

The layouts of the field: COLMAP models with folders of photos (Mip-NeRF 360, Tanks and Temples, Deep Blending),
Blender's JSON (Synthetic-NeRF), nerfstudio's JSON. Photos are found here but not opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hemgs_codec.cameras.colmap import find_model, read_images
from hemgs_codec.cameras.transforms import read_frames
from hemgs_codec.photos import find_photo, list_missing
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.sfm_points import Points, read_colmap_points
from hemgs_format.errors import SceneError

_EVERY = 8
Shot = tuple[Camera, Path]


@dataclass(frozen=True)
class Listing:
    """Photos for training and for testing, each with its camera as the files tell it; points, (P, 3) float64."""

    train: list[Shot]
    test: list[Shot]
    points: Points | None


def list_photos(folder: Path, images: str | None) -> Listing:
    """List a data set of any layout.

    Parameters
    ----------
    images
        The folder of photos in ``folder``, of COLMAP's sets: `images` if not given.

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
    raise SceneError(
        f"{folder} holds no data set: expected transforms_train.json, transforms.json, or photos beside a COLMAP "
        "model in sparse/0"
    )


def _colmap(folder: Path, model: Path, images: str | None) -> Listing:
    photos = folder / (images or "images")
    if not photos.is_dir():
        others = sorted(path.name for path in folder.glob("images*") if path.is_dir())
        raise SceneError(f"{photos} is no folder: photos are in {', '.join(others) or 'none that is known'}")
    # A photo may lie in its folders of the model, or in one folder for all.
    shots = _found([(c, (name, Path(name).name)) for name, c in read_images(model)], photos)
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
