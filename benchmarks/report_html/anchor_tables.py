"""The paper's Tables 1 to 6 as far as `anchor.jsonl` has them, published figures beside ours."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ROOT
from benchmarks.plot_anchor import BASELINE, FULL, STORAGE_LAMBDA, curves, saved
from benchmarks.report_html.anchor_quality import (
    CONTEXT_BASELINE,
    MAIN,
    anchor_plots,
    anchor_scenes,
    losses_of_anchors,
    quality_tables,
    rows_of,
)
from benchmarks.report_html.details import CONTAINER
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, escape, html_table, number

Row = dict[str, Any]
PUBLISHED = ROOT / "benchmarks" / "published.json"
_ABLATIONS = {
    "no_hash": "without the hash grid",
    "no_context": "without contexts",
    "no_earlier": "without what was coded before of the same anchor",
    "no_importance": "without importance",
    "one_step": "one step for all slots",
    "learned_masks": "trained masks",
    "raster": "raster order",
    "fixed": "one model for each rate",
}
_SELECTIONS = {FULL: "adaptive selection, 25³", "keep_all": "up to 80 kept", "small_window": "window of 5³"}
_WORDS = {"psnr": "PSNR", "ssim": "SSIM"}
_MODEL = ("networks", "hash grid", "rendering networks")


def anchor_tables(rows: list[Row], sources: Sources, published: Path = PUBLISHED) -> str:
    """Return the HTML of all tables; rows are the latest of `anchor.jsonl`, empty without any."""
    if not rows:
        return ""
    theirs = json.loads(published.read_text())
    points = curves(rows, "file_bytes")
    return "\n".join(
        [
            f"<p><b>Conditions differ.</b> {escape(theirs['conditions'])}</p>",
            *(f"<ul class='lost'><li>{escape(text)}</li></ul>" for text in losses_of_anchors(rows)),
            quality_tables(rows, theirs["table1"], sources),
            anchor_plots(rows),
            _rates(rows, points, theirs["table2"], sources),
            _ablations(rows, points, theirs["table3"], sources),
            _contexts(rows, points, theirs["table4"], sources),
            _storage(rows, theirs["table5"], sources),
            _cost(rows, theirs["table6"], sources),
        ]
    )


def _rates(rows: list[Row], points: Any, theirs: dict[str, Any], sources: Sources) -> str:
    scenes = anchor_scenes(rows)
    lines: list[list[Cell]] = []
    for row in theirs["rows"]:
        name = row["method"]
        there = [scene for scene in scenes if name in points[scene]]
        used = [r for scene in there for r in (*rows_of(rows, scene, name), *rows_of(rows, scene, MAIN))]
        ours = [saved(points[scene].get(MAIN), points[scene].get(name, [])) for scene in scenes]
        published = [f"{row[data]:+.1f} %" for data in ("Mip-NeRF360", "DeepBlending")]
        lines.append([name, *ours, *published, sources.link(*used)])
    heads = ["bytes beyond hemgs's", *scenes, "Mip-NeRF360, published", "DeepBlending, published", "source"]
    source = escape(theirs["source"])
    note = (
        "<p>Each codec's entropy model was trained in the same code. "
        f"Published: {source}; by its text, {escape(theirs['claims'])}.</p>"
    )
    return "<h3>BD-rate at equal PSNR (Table 2)</h3>" + note + html_table(heads, lines)


def _ablations(rows: list[Row], points: Any, theirs: dict[str, Any], sources: Sources) -> str:
    scenes = [
        scene for scene in anchor_scenes(rows) if FULL in points[scene] and points[scene].keys() & _ABLATIONS
    ]
    lines: list[list[Cell]] = []
    for name, words in _ABLATIONS.items():
        used = [row for scene in scenes for row in rows_of(rows, scene, name)]
        if used:
            changes = [saved(points[scene][FULL], points[scene].get(name, [])) for scene in scenes]
            lines.append([words, *changes, sources.link(*used)])
    text = "; ".join(f"{row['method']} {row['psnr']} dB, {row['mb']} MB" for row in theirs["rows"])
    source = escape(theirs["source"])
    note = f"<p>By how much files grow against all parts with a hash grid. {source}: {text}.</p>"
    return "<h3>What each part is worth (Table 3)</h3>" + note + html_table(["", *scenes, "source"], lines)


def _contexts(rows: list[Row], points: Any, theirs: dict[str, Any], sources: Sources) -> str:
    lines: list[list[Cell]] = []
    for scene in anchor_scenes(rows):
        if points[scene].keys() & _SELECTIONS.keys() <= {FULL}:
            continue  # nothing to compare the full selection with
        for name, words in _SELECTIONS.items():
            part = rows_of(rows, scene, name)
            if not part:
                continue
            change = "" if name == FULL else saved(points[scene].get(FULL), points[scene][name])
            mean, most = part[-1].get("mean_context"), part[-1].get("max_context")
            lines.append([scene, words, number(mean), number(most), change, sources.link(*part)])
    full = theirs["rows"][0]["mb"]
    for row in theirs["rows"]:
        change = "" if row["mb"] == full else f"{100 * (row['mb'] / full - 1):+.1f} %"
        cells = ["published", row["method"], number(row["mean_context"]), number(row["max_context"])]
        lines.append([*cells, change, theirs["source"]])
    heads = ["scene", "", "contexts, mean", "most", "bytes", "source"]
    return "<h3>Selecting contexts (Table 4)</h3>" + html_table(heads, lines)


def _storage(rows: list[Row], theirs: dict[str, Any], sources: Sources) -> str:
    names = [name for name in rows[0]["section_bytes"] if name not in CONTAINER]
    lines: list[list[Cell]] = []
    for scene in anchor_scenes(rows):
        for name in (BASELINE, MAIN):
            part = rows_of(rows, scene, name)
            if part:
                row = min(part, key=lambda row: abs(math.log2(row["lambda"] / STORAGE_LAMBDA)))
                sections = row["section_bytes"]
                container = sum(sections.get(section, 0) for section in CONTAINER)
                sizes = [number(size) for size in (*(sections.get(n, 0) for n in names), container)]
                cells: list[Cell] = [scene, name, f"{row['lambda']:.4f}", number(row["num_coded"]), *sizes]
                lines.append([*cells, number(row["file_bytes"]), sources.link(row)])
    heads = ["scene", "", "λ", "anchors", *names, "container", "file", "source"]
    parts = [
        f"{row['method']}: "
        + ", ".join(
            f"{_WORDS.get(key, key)} {value:{'.2f' if key == 'psnr' else '.3f'}}"
            for key, value in row.items()
            if isinstance(value, float)
        )
        for row in theirs["rows"]
    ]
    note = f"<p>Bytes at the λ nearest to 0.002. {escape(theirs['source'])}: {escape('; '.join(parts))}.</p>"
    return "<h3>Storage by component (Table 5)</h3>" + note + html_table(heads, lines)


def _cost(rows: list[Row], theirs: dict[str, Any], sources: Sources) -> str:
    lines: list[list[Cell]] = []
    for scene in anchor_scenes(rows):
        for name in (BASELINE, CONTEXT_BASELINE, MAIN):
            part = {row["run"]: row for row in rows_of(rows, scene, name)}
            if part:
                seconds = sum(row["train_s"] for row in part.values())
                sizes = [sum(row["section_bytes"].get(n, 0) for n in _MODEL) for row in part.values()]
                counts: list[Cell] = [scene, name, str(len(part)), number(seconds / 3600)]
                files = rows_of(rows, scene, name)
                times = [number(median(row[key] for row in files)) for key in ("encode_s", "decode_s")]
                lines.append([*counts, number(sum(sizes) / 2**20, 3), *times, sources.link(*files)])
    lines += [
        [
            "published",
            row["method"],
            "N" if "N" in row["hours"] else "1",
            row["hours"],
            row["model_mb"],
            "",
            "",
            theirs["source"],
        ]
        for row in theirs["rows"]
    ]
    model = "networks and hash grid, MB (2²⁰)"
    heads = ["scene", "", "trainings", "hours", model, "encode, s", "decode, s", "source"]
    note = (
        "<p>Ours: the phase with the entropy model, all trainings of a curve, on two CPU cores that had "
        "other jobs; networks as bytes in the file, the published ones as float32. Seconds of coding are the "
        "median over files, whole processes; the paper reports none.</p>"
    )
    return "<h3>Training and model size (Table 6)</h3>" + note + html_table(heads, lines)
