"""What refined scenes are compared with, view by view: renders of the original, or photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hemgs_codec.distortion.views import ViewSet, spread_views
from hemgs_codec.photos import find_photos, read_photo
from hemgs_codec.render import View
from hemgs_codec.render.eight_bit import UInt8Array, eight_bit
from hemgs_codec.scene import Float32Array, GaussianScene

VIEWS = 128
"""At most: renders of the original are kept, 8 bit."""


class Targets:
    """Views to refine in, never those held out, and what should be seen in them.

    Parameters
    ----------
    original
        The scene whose renders they are, made when they are first asked for.
    images
        Folder of photos to use instead (`find_photos`), read whenever they are asked for.

    Raises
    ------
    SceneError
        Photos are missing or don't fit their cameras.
    """

    def __init__(self, original: GaussianScene, views: ViewSet, images: Path | None = None) -> None:
        self.original, self.background = original, views.background
        self.cameras = spread_views(views.measured, VIEWS)
        self._photos = find_photos(images, self.cameras) if images is not None else None
        self._renders: dict[int, UInt8Array] = {}

    def picture(self, number: int) -> UInt8Array:
        """Return what should be seen in a view, (H, W, 3)."""
        if self._photos is not None:
            return read_photo(self._photos[number], self.background)
        if number not in self._renders:
            view = View(self.original, self.cameras[number], self.background)
            self._renders[number] = eight_bit(view.image)
        return self._renders[number]

    def order(self, rng: np.random.Generator) -> Iterator[int]:
        """Yield views for ever, all of them before one comes again."""
        while True:
            yield from (int(i) for i in rng.permutation(len(self.cameras)))


def squared_error(image: Float32Array, target: UInt8Array) -> tuple[float, Float32Array]:
    """Return the mean squared error of an image (H, W, 3) as screens show it, and its gradient by the image.

    Where an image is clipped nothing changes with it.
    """
    error = np.clip(image, 0, 1) - target.astype(np.float32) / np.float32(255)
    loss = float(np.square(error, dtype=np.float64).mean())
    error[(image < 0) | (image > 1)] = 0
    return loss, error * np.float32(2 / error.size)
