"""What a compressed scene looks like beside its original, and both beside the photos they were made from.

    photo ─────────────── photo_original, photo_decoded
    original's render ─── vs_original
    decoded's render

All three are 8-bit images; a metric of several views is the mean over views, PSNR's in dB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hemgs_codec.metrics import METRICS
from hemgs_codec.photos import find_photos, read_photo
from hemgs_codec.progress import Progress
from hemgs_codec.render import render
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array, eight_bit
from hemgs_codec.scene import GaussianScene
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


def evaluate(
    original: GaussianScene,
    decoded: GaussianScene,
    cameras: Sequence[Camera],
    *,
    background: Background = (0.0, 0.0, 0.0),
    images: Path | None = None,
    metrics: Sequence[str] = ("psnr", "ssim", "flip"),
    progress: Progress | None = None,
) -> list[ViewScores]:
    """Compare a decoded scene with its original from the given cameras.

    Parameters
    ----------
    images
        Folder of the cameras' photos, as `find_photos` has it.
    metrics
        Names out of `METRICS`.

    Raises
    ------
    SceneError
        There are no cameras, or photos are missing or of other sizes.
    MetricError
        A metric's package or weights are missing.
    """
    if not cameras:
        raise SceneError("there is no view to compare from")
    photos = find_photos(images, cameras) if images is not None else [None] * len(cameras)
    views = []
    for number, (camera, photo) in enumerate(zip(cameras, photos, strict=True), 1):
        pictures = view_pictures(original, decoded, camera, photo, background)
        scores = {
            f"{metric}_{pair}": METRICS[metric](*two)
            for metric in metrics
            for pair, two in zip(PAIRS, _pairs(pictures), strict=False)
        }
        views.append(ViewScores(camera, photo, scores))
        if progress is not None:
            progress("compare views", number, len(cameras))
    return views


def view_pictures(
    original: GaussianScene,
    decoded: GaussianScene,
    camera: Camera,
    photo: Path | None,
    background: Background,
) -> tuple[UInt8Array | None, UInt8Array, UInt8Array]:
    """Return the photo if there is one, and what the original and the decoded scene look like from there."""
    before, after = (eight_bit(render(scene, camera, background)[0]) for scene in (original, decoded))
    return read_photo(photo, background) if photo is not None else None, before, after


def mean_scores(views: Sequence[ViewScores]) -> dict[str, float]:
    """Return each figure's mean over views; that of PSNRs is infinite if one view's is."""
    return {key: math.fsum(view.scores[key] for view in views) / len(views) for key in views[0].scores}


def _pairs(
    pictures: tuple[UInt8Array | None, UInt8Array, UInt8Array],
) -> Iterator[tuple[UInt8Array, UInt8Array]]:
    photo, original, decoded = pictures
    yield original, decoded
    if photo is not None:
        yield photo, original
        yield photo, decoded
