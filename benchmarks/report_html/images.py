"""Image sheets of the folder that `benchmarks.compare_images` writes, packed into the page."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import escape, number
from benchmarks.sheets import MAP_GAIN

ORIGINAL = "original"
BUDGET = 3_000_000
"""Bytes of all images as they stand in the page, base64 and all."""


@dataclass(frozen=True)
class Sheet:
    """A scene's images by codec, the original's first: data URLs; and figures of files, where known."""

    scene: str
    images: dict[str, str]
    figures: dict[str, Any]


def sheets_of(folder: Path | None, budget: int = BUDGET) -> tuple[list[Sheet], str]:
    """Return the sheets of SCENE/original.webp and SCENE/CODEC.webp, and what was done to fit the budget.

    Images stay as they are if they fit; else they are coded again, and smaller until they fit.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*/*.webp")) if folder is not None else []:
        found.setdefault(path.parent.name, {})[path.stem] = path
    found = {scene: files for scene, files in found.items() if ORIGINAL in files}
    for note, scale, is_lossy in (
        ("", 1.0, False),
        ("Images are WebP of quality 90 here.", 1.0, True),
        ("Images are WebP of quality 90 here, at two thirds of their size.", 2 / 3, True),
        ("Images are WebP of quality 90 here, at a third of their size.", 1 / 3, True),
    ):
        sheets = [
            Sheet(
                scene,
                {name: _data_url(files[name], scale, is_lossy) for name in _ordered(files)},
                _figures(files[ORIGINAL].with_name("figures.json")),
            )
            for scene, files in found.items()
        ]
        if sum(len(url) for sheet in sheets for url in sheet.images.values()) <= budget:
            return sheets, note
    return [], "Image sheets didn't fit into the page."


def _figures(path: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return figures


def _ordered(files: dict[str, Path]) -> list[str]:
    return sorted(files, key=lambda name: (name != ORIGINAL, not name.startswith("hemgs"), name))


def _data_url(path: Path, scale: float, is_lossy: bool) -> str:
    if not is_lossy:
        return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(path) as image:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(stream, "WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def images_section(folder: Path | None, sources: Sources) -> str:
    """Return sheets of renders with zoomed crops, a scene after another; empty without any."""
    sheets, note = sheets_of(folder)
    parts = []
    for sheet in sheets:
        figures = [
            f'<figure><img alt="{escape(sheet.scene)}, {escape(name)}" src="{url}">'
            f"<figcaption>{_caption(name, sheet.figures.get(name), sources)}</figcaption></figure>"
            for name, url in sheet.images.items()
        ]
        parts.append(f"<h3>{escape(sheet.scene)}</h3><div class='sheet'>{''.join(figures)}</div>")
    if not parts:
        return f"<p>{escape(note)}</p>" if note else ""
    words = (
        "A held-out view, the two regions with the largest errors enlarged, and the error map: white where a "
        f"pixel is as the original's, {MAP_GAIN} times as dark as its largest error. Of each peer the file "
        "whose bytes are nearest to ours, of those measured; figures are of whole files, against the "
        f"original's renders, the mean over views. {note}"
    )
    return f"<p>{escape(words.strip())}</p>" + "\n".join(parts)


def _caption(name: str, row: dict[str, Any] | None, sources: Sources) -> str:
    """Return HTML: which codec, how many bytes, how good."""
    if row is None:
        return "<b>the original</b>" if name == ORIGINAL else f"<b>{escape(name)}</b>"
    qualities = [
        f"{row['psnr_vs_original']:.2f} dB" if row.get("psnr_vs_original") is not None else "no error",
        *(
            f"{words} {row[key]:.4f}"
            for key, words in (("ssim_vs_original", "SSIM"), ("flip_vs_original", "FLIP"))
            if row.get(key) is not None
        ),
    ]
    what = f"<b>{escape(row['codec_title'])}</b>, {escape(row['setting'])}"
    return f"{what}: {number(row['file_bytes'])} bytes, {', '.join(qualities)} {sources.link(row).html}"
