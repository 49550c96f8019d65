"""Image sheets of the folder that `benchmarks.compare_images` writes, packed into the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report_html.tables import escape

ORIGINAL = "original"
BUDGET = 3_000_000
"""Bytes of all images as they stand in the page, base64 and all."""


@dataclass(frozen=True)
class Sheet:
    """A scene's images by codec, the original's first: data URLs."""

    scene: str
    images: dict[str, str]


def sheets_of(folder: Path | None, budget: int = BUDGET) -> tuple[list[Sheet], str]:
    """Return the sheets of SCENE/original.png and SCENE/CODEC.png, and what was done to fit the budget.

    Images stay PNG if they fit; else they become WebP, and smaller until they fit.
    """
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*/*.png")) if folder is not None else []:
        found.setdefault(path.parent.name, {})[path.stem] = path
    found = {scene: files for scene, files in found.items() if ORIGINAL in files}
    for note, scale, is_lossy in (
        ("", 1.0, False),
        ("Images are WebP of quality 90 here.", 1.0, True),
        ("Images are WebP of quality 90 here, at two thirds of their size.", 2 / 3, True),
        ("Images are WebP of quality 90 here, at a third of their size.", 1 / 3, True),
    ):
        sheets = [
            Sheet(scene, {name: _data_url(files[name], scale, is_lossy) for name in _ordered(files)})
            for scene, files in found.items()
        ]
        if sum(len(url) for sheet in sheets for url in sheet.images.values()) <= budget:
            return sheets, note
    return [], "Image sheets didn't fit into the page."


def _ordered(files: dict[str, Path]) -> list[str]:
    return sorted(files, key=lambda name: (name != ORIGINAL, not name.startswith("hemgs"), name))


def _data_url(path: Path, scale: float, is_lossy: bool) -> str:
    if not is_lossy:
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(path) as image:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(stream, "WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def images_section(folder: Path | None) -> str:
    """Return sheets of renders with zoomed crops, a scene after another; empty without any."""
    sheets, note = sheets_of(folder)
    parts = []
    for sheet in sheets:
        figures = [
            f'<figure><img alt="{escape(sheet.scene)}, {escape(name)}" src="{url}">'
            f"<figcaption>{escape('the original' if name == ORIGINAL else name)}</figcaption></figure>"
            for name, url in sheet.images.items()
        ]
        parts.append(f"<h3>{escape(sheet.scene)}</h3><div class='sheet'>{''.join(figures)}</div>")
    if not parts:
        return f"<p>{escape(note)}</p>" if note else ""
    words = f"A held-out view, and the two regions with the largest errors, enlarged. {note}"
    return f"<h2>Images</h2><p>{escape(words.strip())}</p>" + "\n".join(parts)
