"""Image sheets: a view with its two worst regions framed and enlarged, and beside them where it differs.

All sheets of a scene are of one view and have the same regions, so that codecs can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hemgs_codec.render.eight_bit import UInt8Array

SHARE = 5  # a region is this part of the image's smaller side
MAP_GAIN = 8
"""By which error maps are darker than errors are bright."""
_GAP = 6  # pixels between the view and its regions
_FRAMES = ((214, 39, 40), (31, 119, 180))
"""Colours of the two regions' frames."""
Region = tuple[int, int, int]


def worst_regions(errors: npt.NDArray[np.float64], side: int) -> list[Region]:
    """Return the two squares (top, left, side) with the largest sums of error that don't overlap.

    Parameters
    ----------
    errors
        (H, W), not negative.
    side
        Of a square, in pixels.
    """
    sums = np.pad(errors.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    regions: list[Region] = []
    for _ in range(2):
        top, left = (int(place) for place in np.unravel_index(int(totals.argmax()), totals.shape))
        regions.append((top, left, side))
        totals[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -1
    return regions


def shared_errors(original: UInt8Array, others: list[UInt8Array]) -> npt.NDArray[np.float64]:
    """Return errors (H, W) of several renders, each in shares of its own sum: none outvotes the rest."""
    total = np.zeros(original.shape[:2])
    for image in others:
        error = ((original.astype(np.float64) - image) ** 2).sum(axis=2)
        total += error / max(error.sum(), 1.0)
    return total


def error_map(original: UInt8Array, image: UInt8Array) -> UInt8Array:
    """Return the largest error of a pixel's channels, `MAP_GAIN` times as dark: white is good."""
    error = np.abs(original.astype(np.int32) - image).max(axis=2)
    return np.repeat(255 - np.minimum(error * MAP_GAIN, 255)[:, :, None], 3, axis=2).astype(np.uint8)


def sheet(image: UInt8Array, regions: list[Region], errors: UInt8Array | None = None) -> UInt8Array:
    """Return the view with its regions framed, the regions enlarged beside it, and an error map if any."""
    from PIL import Image

    height, width, _ = image.shape
    zoomed = (height - _GAP) // 2
    extra = 0 if errors is None else _GAP + width
    canvas = np.full((height, width + _GAP + zoomed + extra, 3), 255, np.uint8)
    canvas[:, :width] = image
    if errors is not None:
        canvas[:, -width:] = errors
    for place, ((top, left, side), colour) in enumerate(zip(regions, _FRAMES, strict=False)):
        crop = Image.fromarray(image[top : top + side, left : left + side])
        # Pixels stay squares: what is shown is what was rendered.
        enlarged = np.array(crop.resize((zoomed, zoomed), Image.Resampling.NEAREST))
        _frame(enlarged, 0, 0, zoomed, colour)
        first = place * (zoomed + _GAP)
        canvas[first : first + zoomed, width + _GAP : width + _GAP + zoomed] = enlarged
        _frame(canvas, top, left, side, colour)
        if errors is not None:
            _frame(canvas[:, -width:], top, left, side, colour)
    return canvas


def _frame(image: UInt8Array, top: int, left: int, side: int, colour: tuple[int, int, int]) -> None:
    """Draw a frame of two pixels along a square's inside, in place."""
    for rows, columns in (
        (slice(top, top + 2), slice(left, left + side)),
        (slice(top + side - 2, top + side), slice(left, left + side)),
        (slice(top, top + side), slice(left, left + 2)),
        (slice(top, top + side), slice(left + side - 2, left + side)),
    ):
        image[rows, columns] = colour
