"""A contact sheet of an evaluation: views from worst to best, and where the codec's errors are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from hemgs_codec.decoder import Scene
from hemgs_codec.evaluate import PAIRS, Background, ViewScores, view_pictures
from hemgs_codec.render.eight_bit import UInt8Array

GAIN = 10
"""What errors are multiplied by: an error of 1/10 of full scale is white."""
_GAP = 4
_LINE = 14  # pixels of a caption


def pick_views(views: Sequence[ViewScores], most: int = 4) -> list[ViewScores]:
    """Return the worst view by PSNR, the best, and some evenly between them.

    Against the original where there is one, else against photos.
    """
    ordered = sorted(views, key=lambda view: next(iter(_psnrs(view).values())))
    places = np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int)
    return [ordered[place] for place in places]


def draw_sheet(
    original: Scene | None,
    decoded: Scene,
    views: Sequence[ViewScores],
    background: Background = (0.0, 0.0, 0.0),
) -> Image.Image:
    """Draw a row per view: photo and original (where there are any), decoded, error times ten.

    The error is the one against the original, or against the photo where there is no original.
    """
    rows = []
    for view in views:
        seen = view_pictures(original, decoded, view.camera, view.photo, background)
        before = seen.photo if seen.original is None else seen.original
        assert before is not None
        error = np.minimum(GAIN * np.abs(before.astype(np.int32) - seen.decoded), 255).astype(np.uint8)
        scores = view.scores
        cells: list[tuple[UInt8Array, str]] = []
        if seen.photo is not None:
            cells.append((seen.photo, "photo"))
        if seen.original is not None:
            cells.append((seen.original, "original" + _decibels(scores, "psnr_photo_original", "photo")))
        cells.append((seen.decoded, "decoded" + _decibels(scores, "psnr_photo_decoded", "photo")))
        cells.append((error, f"error x{GAIN}" + _decibels(scores, "psnr_vs_original", "original")))
        cells[0] = (cells[0][0], f"{view.camera.name}: {cells[0][1]}")
        rows.append(_row(cells))
    width, height = max(row.width for row in rows), sum(row.height for row in rows)
    sheet = Image.new("RGB", (width, height), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _row(cells: Sequence[tuple[UInt8Array, str]]) -> Image.Image:
    height, width, _ = cells[0][0].shape
    row = Image.new("RGB", (len(cells) * (width + _GAP) - _GAP, _LINE + height + _GAP), "white")
    for place, (pixels, caption) in enumerate(cells):
        left = place * (width + _GAP)
        row.paste(_caption(caption, width), (left, 0))
        row.paste(Image.fromarray(pixels), (left, _LINE))
    return row


def _caption(text: str, width: int) -> Image.Image:
    """Draw a line on a strip of its own, so that it can't run into its neighbour."""
    strip = Image.new("RGB", (width, _LINE), "white")
    ImageDraw.Draw(strip).text((2, 1), text, fill="black")
    return strip


def _psnrs(view: ViewScores) -> dict[str, float]:
    """Return a view's PSNRs by pair, in the pairs' order."""
    return {pair: view.scores[key] for pair in PAIRS if (key := f"psnr_{pair}") in view.scores}


def _decibels(scores: dict[str, float], key: str, other: str) -> str:
    return f", {scores[key]:.2f} dB to {other}" if key in scores else ""
