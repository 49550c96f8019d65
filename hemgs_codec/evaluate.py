"""What a compressed scene looks like beside its original, and both beside the photos they were made from.

    photo ─────────────── photo_original, photo_decoded
    original's render ─── vs_original
    decoded's render

All are 8-bit images, and photo or original may be lacking; a metric of several views is the mean over views,
PSNR's in dB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hemgs_codec.decoder import Scene
from hemgs_codec.metrics import METRICS
from hemgs_codec.photos import find_photos, read_photo
from hemgs_codec.pictures import picture
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_format.errors import SceneError

PAIRS = ("vs_original", "photo_original", "photo_decoded")
Background = tuple[float, float, float]


@dataclass(frozen=True)
class ViewScores:
    """One view's figures.

    Attributes
    ----------
    camera : Camera
        The view.
    photo : Path or None
        The photo, if there are photos.
    scores : dict
        By metric and pair, as in `psnr_vs_original`.
    """

    camera: Camera
    photo: Path | None
    scores: dict[str, float]


@dataclass(frozen=True)
class ViewPictures:
    """What is compared in one view, (H, W, 3) each; None where there is no photo or no original."""

    photo: UInt8Array | None
    original: UInt8Array | None
    decoded: UInt8Array

    def pairs(self) -> dict[str, tuple[UInt8Array, UInt8Array]]:
        """Return the images to compare, by the names in `PAIRS`."""
        pairs = {}
        if self.original is not None:
            pairs["vs_original"] = self.original, self.decoded
        if self.photo is not None and self.original is not None:
            pairs["photo_original"] = self.photo, self.original
        if self.photo is not None:
            pairs["photo_decoded"] = self.photo, self.decoded
        return pairs


def evaluate(
    original: Scene | None,
    decoded: Scene,
    cameras: Sequence[Camera],
    *,
    background: Background = (0.0, 0.0, 0.0),
    images: Path | None = None,
    metrics: Sequence[str] = ("psnr", "ssim", "flip"),
    progress: Progress | None = None,
) -> list[ViewScores]:
    """Compare a decoded scene with its original, with photos, or with both, from the given cameras.

    Parameters
    ----------
    original
        None: there are photos to compare with.
    images
        Folder of the cameras' photos, as `find_photos` has it.
    metrics
        Names out of `METRICS`.

    Raises
    ------
    SceneError
        There are no cameras, photos are missing or of other sizes, or there is nothing to compare with.
    MetricError
        A metric's package or weights are missing.
    """
    if not cameras:
        raise SceneError("there is no view to compare from")
    if original is None and images is None:
        raise SceneError("there is nothing to compare with: neither an original nor photos")
    photos = find_photos(images, cameras) if images is not None else [None] * len(cameras)
    views = []
    for number, (camera, photo) in enumerate(zip(cameras, photos, strict=True), 1):
        pairs = view_pictures(original, decoded, camera, photo, background).pairs()
        scores = {
            f"{metric}_{pair}": METRICS[metric](*two) for metric in metrics for pair, two in pairs.items()
        }
        views.append(ViewScores(camera, photo, scores))
        if progress is not None:
            progress("compare views", number, len(cameras))
    return views


def view_pictures(
    original: Scene | None, decoded: Scene, camera: Camera, photo: Path | None, background: Background
) -> ViewPictures:
    """Return the photo if there is one, and what the original and the decoded scene look like from there."""
    return ViewPictures(
        None if photo is None else read_photo(photo, background),
        None if original is None else picture(original, camera, background),
        picture(decoded, camera, background),
    )


def mean_scores(views: Sequence[ViewScores]) -> dict[str, float]:
    """Return each figure's mean over views; that of PSNRs is infinite if one view's is."""
    return {key: math.fsum(view.scores[key] for view in views) / len(views) for key in views[0].scores}
