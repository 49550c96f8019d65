"""The page's middle: plots, sections, codecs of locations, the other judge's verdicts, and all rows."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.report_html.plots import rate_plot, section_bars
from benchmarks.report_html.rows import JUDGED, OURS, PSNR, Row, curve_name, curves_of, decibels, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, escape, folded, html_table, number

_TYPICAL_LAMBDA = 2e-3
CONTAINER = ("header", "section table", "metadata")


def plots_section(rows: list[Row]) -> str:
    """Return dB over bytes of each scene: against the original's renders, and against photos."""
    parts = []
    for scene in scenes_of(rows):
        # What is lossless has no finite PSNR, and would stretch the plot against photos.
        plot = rate_plot([curve for curve in curves_of(rows, scene) if curve.points()])
        if plot:
            parts.append(f"<h3>{escape(scene)}</h3>{plot}")
    if not parts:
        return ""
    return "<p>Fainter marks are files that a smaller one of the same codec beats.</p>" + "\n".join(parts)


def typical_rows(rows: list[Row]) -> list[Row]:
    """Return one of our rows a scene: of the curve with the highest effort, the λ nearest to 0.002."""
    found = []
    for scene in scenes_of(rows):
        own = [
            r
            for r in rows
            if r["scene"] == scene and r["codec"] == OURS and r.get("section_bits_per_gaussian")
        ]
        if own:
            # Of equal efforts the one without a prior: it stands on its own.
            found.append(
                min(own, key=lambda r: (-(r.get("effort") or 0), r.get("prior") is not None, _octaves(r)))
            )
    return found


def _octaves(row: Row) -> float:
    return abs(math.log2((row.get("lambda") or _TYPICAL_LAMBDA) / _TYPICAL_LAMBDA))


def sections_section(rows: list[Row], sources: Sources) -> str:
    """Return what takes how many bytes in one of our files a scene."""
    chosen = typical_rows(rows)
    bars, lines = [], []
    names = list(dict.fromkeys(name for row in chosen for name in _grouped(row)))
    for row in chosen:
        sections = _grouped(row)
        bars.append((str(row["scene"]), sections))
        sizes = [number(round(sections.get(name, 0.0) * row["num_gaussians"] / 8)) for name in names]
        cells: list[Cell] = [str(row["scene"]), str(row["setting"]), *sizes, number(row["file_bytes"])]
        lines.append([*cells, sources.link(row)])
    if not chosen:
        return "<p>No rows say it.</p>"
    heads = ["scene", "setting", *names, "file", "source"]
    return section_bars(bars) + folded("In bytes", html_table(heads, lines))


def _grouped(row: Row) -> dict[str, float]:
    sections: dict[str, float] = dict(row["section_bits_per_gaussian"])
    container = sum(sections.pop(name, 0.0) for name in CONTAINER)
    return {**sections, "container": container}


def geometry_section(rows: list[Row], sources: Sources) -> str:
    """Return codecs of locations alone beside what our files spend on locations and on their rest."""
    own = {str(row["scene"]): row for row in typical_rows(rows)}
    lines: list[list[Cell]] = []
    for row in rows:
        if (
            row["codec"] == OURS
            or decibels(row) is not None
            or str(row.get("loses", "")).lower() == "nothing"
        ):
            continue
        ours = own.get(str(row["scene"]))
        sections = ours["section_bits_per_gaussian"] if ours is not None else {}
        bits = sum(sections.get(name, 0.0) for name in ("locations", "positions")) if sections else None
        cells: list[Cell] = [
            str(row["scene"]),
            curve_name(row),
            str(row["setting"]),
            str(row.get("loses", "")),
        ]
        used = [row, *([ours] if ours is not None else [])]
        lines.append([*cells, number(row.get("bits_per_gaussian")), number(bits), sources.link(*used)])
    if not lines:
        return ""
    heads = [
        "scene",
        "codec",
        "setting",
        "loses",
        "bits per Gaussian",
        "hemgs: locations + positions",
        "source",
    ]
    note = "<p>Without renders to compare. Precisions differ: ours follows what renders need.</p>"
    return "<h2>Locations alone</h2>" + note + html_table(heads, lines)


def rows_section(rows: list[Row], sources: Sources) -> str:
    """Return every figure of every row, folded by scene."""
    qualities = [
        *(PSNR, "ssim_vs_original", "flip_vs_original", "psnr_photo_original", "psnr_photo_decoded"),
        *("ssim_photo_original", "ssim_photo_decoded", "flip_photo_original", "flip_photo_decoded", JUDGED),
    ]
    parts = []
    for scene in scenes_of(rows):
        part = [row for row in rows if row["scene"] == scene]
        used = [key for key in qualities if any(key in row for row in part)]
        lines: list[list[Cell]] = [
            [
                *(str(row["codec"]), str(row["setting"]), number(row["file_bytes"]), _bits(row)),
                *(_quality(row, key) for key in used),
                number(row.get("num_views")),
                sources.link(row),
            ]
            for row in part
        ]
        heads = ["codec", "setting", "bytes", "bits/G", *(_head(key) for key in used), "views", "source"]
        first = part[0]
        title = (
            f"{scene}: {number(first['num_gaussians'])} Gaussians, {number(first['original_bytes'])} bytes"
        )
        if any(row.get("made_up_views") for row in part):
            title += ", seen from made-up views"
        parts.append(folded(title, html_table(heads, lines)))
    return "\n".join(parts)


def _head(key: str) -> str:
    return key.replace("psnr", "PSNR").replace("ssim", "SSIM").replace("flip", "FLIP").replace("_", " ")


def _bits(row: Row) -> str:
    return number(row.get("bits_per_gaussian"))


def _quality(row: Row, key: str) -> str:
    if "psnr" in key:
        return number(decibels(row, key))
    value: Any = row.get(key)
    return number(value, 4)


def loses_table(rows: list[Row]) -> str:
    """Return what each format can't hold, in the words of who runs it."""
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(str(row.get("codec_title") or row["codec"]), str(row.get("loses", "")))
    return html_table(["codec", "loses"], [[name, text] for name, text in found.items()])
