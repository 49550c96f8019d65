"""What an independent renderer says of the same files (see `benchmarks.judge`)."""

from __future__ import annotations

import math
from statistics import fmean

from benchmarks.report_html.rows import JUDGED, Row, curve_name, decibels, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, folded, html_table, markdown_table, number


def gaps(rows: list[Row]) -> list[tuple[Row, float]]:
    """Return rows that both renderers judged, with the other's PSNR less ours in dB."""
    found = []
    for row in rows:
        ours, theirs = decibels(row), decibels(row, JUDGED)
        if ours is not None and theirs is not None and math.isfinite(ours) and math.isfinite(theirs):
            found.append((row, theirs - ours))
    return found


def _by_scene(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    """Return a table's heads and lines: spans of differences, codecs by scenes."""
    judged = gaps(rows)
    scenes = scenes_of([row for row, _ in judged])
    names = list(dict.fromkeys(curve_name(row) for row, _ in judged))
    lines = []
    for name in names:
        line = [name]
        for scene in scenes:
            part = [gap for row, gap in judged if row["scene"] == scene and curve_name(row) == name]
            line.append(_span(part))
        lines.append(line)
    return ["codec", *scenes], lines


def _span(values: list[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:+.2f}"
    return f"{fmean(values):+.2f} [{min(values):+.2f} .. {max(values):+.2f}]"


def judge_summary(rows: list[Row]) -> str:
    """Return Markdown: the other renderer's PSNR less ours; empty without its verdicts."""
    if not gaps(rows):
        return ""
    words = "**An independent renderer's PSNR less ours, of the same files, in dB** (mean, least and most):"
    return f"{words}\n\n{markdown_table(*_by_scene(rows))}"


def judge_section(rows: list[Row], sources: Sources) -> str:
    """Return both renderers' verdicts on the same files; empty without the other's."""
    judged = gaps(rows)
    if not judged:
        return ""
    lines: list[list[Cell]] = [
        [
            *(str(row["scene"]), curve_name(row), str(row["setting"])),
            *(number(decibels(row)), number(decibels(row, JUDGED)), f"{gap:+.2f}"),
            sources.link(row),
        ]
        for row, gap in judged
    ]
    note = (
        "<p>PlayCanvas's splat-transform drew both the original and the decoded scene; it shares no code "
        "with our renderer, and its Gaussians end at three sigma. Its PSNR less ours, of the same files, in "
        "dB: the mean, and in brackets the least and the most of several files.</p>"
    )
    heads = ["scene", "codec", "setting", "our renderer, dB", "the other, dB", "difference", "source"]
    by_scene, spans = _by_scene(rows)
    each = folded("Each file", html_table(heads, lines))
    return f"<h2>An independent judge</h2>{note}{html_table(by_scene, spans)}{each}"
