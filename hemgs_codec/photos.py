"""The photos that a scene was made from, by the names of its cameras, ready to be compared with renders."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
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
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise SceneError(
            f"{folder} lacks {len(missing)} of {len(photos)} photos: {', '.join(missing[:_NAMED])}{more}"
        )
    found = [(camera, photo) for camera, photo in photos.items() if photo is not None]
    for camera, photo in found:
        with _opened(photo) as image:
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
        with _opened(path) as image:
            if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
                return np.asarray(image.convert("RGB"))
            pixels = np.asarray(image.convert("RGBA"), dtype=np.float64)
    except (SyntaxError, ValueError, zlib.error) as error:  # what Pillow raises beside OSError
        raise SceneError(f"{path} is damaged: {error}") from error
    alpha = pixels[:, :, 3:] / 255
    blended = pixels[:, :, :3] * alpha + 255 * np.array(background) * (1 - alpha)
    return np.rint(blended).astype(np.uint8)


def _find(folder: Path, camera: Camera) -> Path | None:
    places = [folder / camera.split] if camera.split is not None else []
    stem = Path(camera.name).stem if Path(camera.name).suffix.lower() in _SUFFIXES else camera.name
    for place in (*places, folder, folder / "images"):
        names = [camera.name, *(stem + case for suffix in _SUFFIXES for case in (suffix, suffix.upper()))]
        for name in names:
            if (place / name).is_file():
                return place / name
    return None


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except Image.DecompressionBombError as error:
        raise SceneError(f"{path}: {error}") from error
