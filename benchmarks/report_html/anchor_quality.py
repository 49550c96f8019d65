"""What trained anchor scenes look like for how many bytes: the paper's Table 1 and its curves."""

from __future__ import annotations

from typing import Any

from benchmarks.plot_anchor import BASELINE, curve_name
from benchmarks.report_html.plots import rate_plot
from benchmarks.report_html.rows import OURS, Curve
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, escape, html_table, number

Row = dict[str, Any]
MAIN = "hemgs"
CONTEXT_BASELINE = "contextgs"
_CURVES = {
    MAIN: "hemgs",
    "fixed": "hemgs, a model for each rate",
    BASELINE: "hac",
    CONTEXT_BASELINE: "contextgs",
}


def rows_of(rows: list[Row], scene: str, name: str) -> list[Row]:
    """Return the rows of one curve of a scene."""
    return [row for row in rows if row["scene"] == scene and curve_name(row["run"], scene) == name]


def anchor_scenes(rows: list[Row]) -> list[str]:
    """Return the names of scenes in the order in which they first occur."""
    return list(dict.fromkeys(str(row["scene"]) for row in rows))


def quality_tables(rows: list[Row], theirs: dict[str, Any], sources: Sources) -> str:
    """Return ours at both ends of each curve, and what was published of four data sets."""
    lines: list[list[Cell]] = []
    for scene in anchor_scenes(rows):
        for name in (BASELINE, CONTEXT_BASELINE, MAIN):
            part = sorted(rows_of(rows, scene, name), key=lambda row: float(row["file_bytes"]))
            ends = {"low rate": part[0], "high rate": part[-1]} if part else {}
            for end, row in ends.items():
                cells: list[Cell] = [scene, f"{name}, {end}", number(row["psnr"]), number(row["ssim"], 3)]
                size = number(row["file_bytes"] / 2**20, 3)
                lines.append([*cells, size, f"{row['lambda']:.4f}", sources.link(row)])
    own = html_table(["scene", "method", "PSNR, dB", "SSIM", "MB (2²⁰ bytes)", "λ", "source"], lines)
    published: list[list[Cell]] = [
        [row["method"], *(_published(row[data]) for data in theirs["datasets"]), row["source"]]
        for row in theirs["rows"]
    ]
    heads = ["published", *theirs["datasets"], "source"]
    note = (
        "<p>Against held-out photos, the smallest and the largest file of each curve. LPIPS isn't measured "
        "here. Published averages of each data set's scenes: PSNR in dB, SSIM, LPIPS, MB (2²⁰ bytes).</p>"
    )
    return f"<h3>Quality and size (Table 1)</h3>{note}{own}{html_table(heads, published)}"


def losses_of_anchors(rows: list[Row]) -> list[str]:
    """Say where another configuration has a file of a PSNR that our one model doesn't reach."""
    found = []
    for scene in anchor_scenes(rows):
        best = {
            name: max(part, key=lambda row: float(row["psnr"]))
            for name in _CURVES
            if (part := rows_of(rows, scene, name))
        }
        own = best.pop(MAIN, None)
        for name, row in best.items():
            if own is not None and row["psnr"] > own["psnr"]:
                found.append(
                    f"{scene}: {_CURVES[name]} has a file of {_words(row)}; "
                    f"our one model of all rates ends at {_words(own)}."
                )
    return found


def _words(row: Row) -> str:
    return f"{row['psnr']:.2f} dB and {number(row['file_bytes'])} bytes"


def _published(figures: list[float | None] | None) -> str:
    """Return a data set's figures as text: PSNR, SSIM, LPIPS, MB, of which rows may lack some."""
    if figures is None:
        return "-"
    psnr, ssim, lpips, size = figures
    return "\u00a0/\u00a0".join([number(psnr), number(ssim, 3) or "-", number(lpips, 3) or "-", number(size)])


def anchor_plots(rows: list[Row]) -> str:
    """Return dB against photos over bytes, as the paper's Figures 3 and 4, a plot a scene."""
    parts = []
    for scene in anchor_scenes(rows):
        curves = [_curve(rows, scene, name, title) for name, title in _CURVES.items()]
        plot = rate_plot([curve for curve in curves if curve.rows])
        parts.append(f"<h4>{escape(scene)}</h4>{plot}")
    return "<h3>Rate and distortion (Figures 3 and 4)</h3>" + "".join(parts)


def _curve(rows: list[Row], scene: str, name: str, title: str) -> Curve:
    part = sorted(rows_of(rows, scene, name), key=lambda row: float(row["file_bytes"]))
    codec = OURS if title.startswith(OURS) else name
    return Curve(scene, codec, title, tuple({**row, "psnr_photo_decoded": row["psnr"]} for row in part))
