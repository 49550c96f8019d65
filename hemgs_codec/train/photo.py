"""A training photo: a file with a camera that fits its pixels.

Cameras' files tell the size of the photos they were solved on; what is trained on may be a smaller copy, a
pixel off, or wider than what the field trains on. So the camera follows the pixels, not they it. Files are
opened for their size alone at first; pixels are read when they are asked for.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from hemgs_codec.photos import is_transparent, open_photo, read_photo
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_format.errors import SceneError

_MOST_SKEW = 0.05
"""By how much the scales of the two sides may differ: copies at an eighth are a few per mille off."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo and the camera that took it.

    Attributes
    ----------
    camera : Camera
        Of the size that the photo is trained at, in pixels.
    path : Path
        The file, which may be larger.
    transparent : bool
        Whether the file has alpha.
    """

    camera: Camera
    path: Path
    transparent: bool = False


@dataclass(eq=False)
class PhotoReader:
    """Reads photos, and keeps those that it read first, as many as the budget holds.

    Training visits all photos again and again: throwing out the oldest for the newest would throw out each
    one before its turn. So what is in memory stays, and the others are read every time.

    Attributes
    ----------
    background : three floats, 0 .. 1
        What transparent photos are laid on.
    budget : int
        Bytes of pixels that are kept.
    """

    background: tuple[float, float, float]
    budget: int
    _kept: dict[Photo, UInt8Array] = field(default_factory=dict, repr=False)
    _used: int = 0

    def read(self, photo: Photo) -> UInt8Array:
        """Return a photo's pixels (H, W, 3) uint8, of its camera's size; not to be written to.

        Raises
        ------
        SceneError
            The file is damaged or gone.
        """
        kept = self._kept.get(photo)
        if kept is not None:
            return kept
        pixels = read_pixels(photo, self.background)
        if self._used + pixels.nbytes <= self.budget:
            self._kept[photo] = pixels
            self._used += pixels.nbytes
        return pixels


def fit_photo(camera: Camera, path: Path, max_width: int) -> Photo:
    """Return the photo with a camera of its size, or of ``max_width`` and what height goes with it.

    Raises
    ------
    SceneError
        The file is no image, or of another shape than the camera.
    """
    try:
        with open_photo(path) as image:
            (width, height), transparent = image.size, is_transparent(image)
    except OSError as error:
        raise SceneError(f"{path} isn't an image that can be read: {error}") from error
    skew = (width / camera.width) / (height / camera.height)
    if abs(skew - 1) > _MOST_SKEW:
        raise SceneError(
            f"{path} has {width} by {height} pixels, its camera {camera.width} by {camera.height}: "
            "expected a photo of the same shape"
        )
    if width > max_width:
        width, height = max_width, max(1, height * max_width // width)
    return Photo(scale_camera(camera, width, height), path, transparent)


def scale_camera(camera: Camera, width: int, height: int) -> Camera:
    """Return the camera that sees the same in ``width`` by ``height`` pixels."""
    x, y = width / camera.width, height / camera.height
    return replace(
        camera,
        width=width,
        height=height,
        fx=camera.fx * x,
        fy=camera.fy * y,
        cx=camera.cx * x,
        cy=camera.cy * y,
    )


def read_pixels(photo: Photo, background: tuple[float, float, float]) -> UInt8Array:
    """Read a photo as (H, W, 3) uint8 of its camera's size, laid on the background if transparent.

    Raises
    ------
    SceneError
        The file is damaged or gone.
    """
    try:
        pixels = read_photo(photo.path, background)
    except OSError as error:
        raise SceneError(f"{photo.path} can't be read: {error}") from error
    # Laid on the background first: a filter would mix in colours of transparent pixels, which mean nothing.
    # Copied: Pillow's arrays can't be written to, of which torch warns.
    return np.array(_resized(Image.fromarray(pixels), photo.camera, Image.Resampling.LANCZOS))


def read_alpha(photo: Photo) -> UInt8Array | None:
    """Read a photo's alpha as (H, W) uint8 of its camera's size; None if it has none.

    Raises
    ------
    SceneError
        The file is damaged or gone.
    """
    if not photo.transparent:
        return None
    try:
        with open_photo(photo.path) as image:
            alpha = image.convert("RGBA").getchannel("A")
    except (OSError, SyntaxError, ValueError, zlib.error) as error:
        raise SceneError(f"{photo.path} can't be read: {error}") from error
    return np.array(_resized(alpha, photo.camera, Image.Resampling.BOX))


def _resized(image: Image.Image, camera: Camera, how: Image.Resampling) -> Image.Image:
    size = (camera.width, camera.height)
    return image if image.size == size else image.resize(size, how)
