"""How seconds and memory grow with a scene, by the rows of `benchmarks.bench_scaling`."""

from __future__ import annotations

import json
import math
from typing import Any

from benchmarks.bench_scaling import FIGURES, growth
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, html_table, number

Row = dict[str, Any]
_NAMES = {
    "encode_s": "encode, s",
    "encode_cpu_s": "encode, processor s",
    "decode_s": "decode, s",
    "decode_cpu_s": "decode, processor s",
    "encode_peak_rss_mb": "encoding, MB",
    "decode_peak_rss_mb": "decoding, MB",
}


def growth_section(rows: list[Row], sources: Sources) -> str:
    """Return figures by number of Gaussians, and the exponents fitted to them; empty without rows.

    Parameters
    ----------
    rows : list of dict
        All of `scaling.jsonl`: those of other commits and machines don't replace each other.
    """
    if not rows:
        return ""
    shown = [key for key in FIGURES if any(key in row for row in rows)]
    figures: list[list[Cell]] = []
    fits: list[list[Cell]] = []
    for part in runs_of(rows):
        effort = str(part[0]["effort"])
        for row in part:
            cells = [effort, number(row["num_gaussians"]), *(number(row.get(key)) for key in shown)]
            figures.append([*cells, sources.link(row)])
        if len(part) > 1:
            span = f"{number(part[0]['num_gaussians'])} .. {number(part[-1]['num_gaussians'])}"
            fits.append([effort, span, *(_fit(part, key) for key in shown), sources.link(*part)])
    note = (
        "<p>Scenes made of the others, with the shipped prior, analytic weights and no check of the result; "
        "whole fresh processes. First exponents p of n<sup>p</sup> over all sizes of a run, and of three "
        "sizes or more, in brackets, p of a + b n<sup>p</sup>, which leaves out what a process takes for any "
        "scene. Effort 4 fits a model first, which takes about as long for any scene, so its seconds grow "
        "slowly. Then the figures.</p>"
    )
    heads = ["effort", "Gaussians", *(_NAMES[key] for key in shown), "source"]
    return note + html_table(heads, fits) + html_table(heads, figures)


def runs_of(rows: list[Row]) -> list[list[Row]]:
    """Return rows that can be compared: of one effort, commit, machine and versions, fewest Gaussians first.

    A later row replaces an earlier one of as many Gaussians.
    """
    runs: dict[tuple[int, str], dict[int, Row]] = {}
    for row in rows:
        run = json.dumps([row["commit"], row["machine"], row["versions"]], sort_keys=True)
        runs.setdefault((row["effort"], run), {})[row["num_gaussians"]] = row
    ordered = sorted(runs.items(), key=lambda item: item[0][0])
    return [[part[count] for count in sorted(part)] for _, part in ordered]


def _fit(part: list[Row], key: str) -> str:
    known = [row for row in part if key in row]
    if len(known) < 2:
        return ""
    fit = growth([row["num_gaussians"] for row in known], [row[key] for row in known])
    return f"{fit.slope:.2f}" + ("" if math.isnan(fit.power) else f" ({fit.power:.2f})")
