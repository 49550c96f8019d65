"""The photos that a scene was made from, by the names of its cameras, ready to be compared with renders."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_format.errors import SceneError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_NAMED = 5  # missing photos that a message lists


def find_photos(folder: Path, cameras: Sequence[Camera]) -> list[Path]:
    """Return each camera's photo, having checked that it is there and of the camera's size.

    A photo has its camera's name, or that name with an image's suffix instead of its own or none. It is
    looked for in ``folder``, in ``folder/images``, and before both in ``folder/test`` or ``folder/train``
    where the camera is known to be of that split.

    Raises
    ------
    SceneError
        Photos are missing, aren't images, or have another size than their cameras.
    OSError
        A photo can't be read.
    """
    photos = {camera: _find(folder, camera) for camera in cameras}
    missing = [camera.name for camera, photo in photos.items() if photo is None]
    if missing:
        raise SceneError(f"{folder} lacks {len(missing)} of {len(photos)} photos: {list_missing(missing)}")
    found = [(camera, photo) for camera, photo in photos.items() if photo is not None]
    for camera, photo in found:
        with open_photo(photo) as image:
            size = image.size
        if size != (camera.width, camera.height):
            raise SceneError(
                f"{photo} has {size[0]} by {size[1]} pixels, its camera {camera.width} by {camera.height}: "
                "give photos of the cameras' size"
            )
    return [photo for _, photo in found]


def read_photo(path: Path, background: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> UInt8Array:
    """Read a photo as (H, W, 3) uint8; a transparent one is laid on the background."""
    try:
        with open_photo(path) as image:
            if not is_transparent(image):
                return np.asarray(image.convert("RGB"))
            pixels = np.asarray(image.convert("RGBA"), dtype=np.float64)
    except (SyntaxError, ValueError, zlib.error) as error:  # what Pillow raises beside OSError
        raise SceneError(f"{path} is damaged: {error}") from error
    alpha = pixels[:, :, 3:] / 255
    blended = pixels[:, :, :3] * alpha + 255 * np.array(background) * (1 - alpha)
    return np.rint(blended).astype(np.uint8)


def find_photo(places: Iterable[Path], name: str) -> Path | None:
    """Return the first file of a name, or of it with an image's suffix instead of its own or none."""
    suffix = Path(name).suffix
    stem = name.removesuffix(suffix) if suffix.lower() in _SUFFIXES else name
    names = [name, *(stem + case for suffix in _SUFFIXES for case in (suffix, suffix.upper()))]
    for place in places:
        for candidate in names:
            if (place / candidate).is_file():
                return place / candidate
    return None


def list_missing(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are, for a message."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def is_transparent(image: Image.Image) -> bool:
    """Return whether an image has alpha, or a colour that stands for it."""
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _find(folder: Path, camera: Camera) -> Path | None:
    places = [folder / camera.split] if camera.split is not None else []
    return find_photo((*places, folder, folder / "images"), camera.name)


def open_photo(path: Path) -> Image.Image:
    """Open a photo without reading its pixels yet.

    Raises
    ------
    SceneError
        It is too large.
    OSError
        It can't be read, or is no image.
    """
    try:
        return Image.open(path)
    except Image.DecompressionBombError as error:
        raise SceneError(f"{path}: {error}") from error
