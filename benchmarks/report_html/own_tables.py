"""Tables of our own benchmarks in the page's form: model.jsonl and prior.jsonl."""

from __future__ import annotations

from typing import Any

from benchmarks.report import head, look_up, show, shown_columns
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, folded, html_table
from benchmarks.result_tables import TABLES

Row = dict[str, Any]
_SHOWN_LAMBDA = 2e-3


def own_table(name: str, rows: list[Row], sources: Sources) -> str:
    """Return the table that `benchmarks.report` prints of these rows, with their sources."""
    columns = shown_columns(rows, TABLES[name])
    lines: list[list[Cell]] = [
        [*(show(look_up(row, column)) for column in columns), sources.link(row)] for row in rows
    ]
    return html_table([*map(head, columns), "source"], lines)


def model_tables(rows: list[Row], sources: Sources) -> str:
    """Return what each part of the gaussian profile's model is worth: one λ at a glance, the rest folded."""
    if not rows:
        return ""
    shown = [row for row in rows if row["lambda"] == _SHOWN_LAMBDA and row.get("crop") is None]
    models = list(dict.fromkeys(row["model"] for row in shown))
    lines: list[list[Cell]] = []
    for scene in dict.fromkeys(row["scene"] for row in shown):
        part = {row["model"]: row for row in shown if row["scene"] == scene}
        figures = [show(part[model]["bits_per_gaussian"]) if model in part else "" for model in models]
        lines.append([scene, *figures, sources.link(*part.values())])
    note = (
        "<p>Bits per Gaussian of the same symbols without locations, at λ 0.002; "
        '"full without hash" has steps of its own, so it codes other symbols.</p>'
    )
    everything = folded("All λ, with symbols and side information apart", own_table("model", rows, sources))
    return note + html_table(["scene", *models, "source"], lines) + everything


def prior_table(rows: list[Row], sources: Sources) -> str:
    """Return what a prior is worth to scenes that it never saw."""
    if not rows:
        return ""
    note = (
        '<p>One fit a row. Priors are of folds, so none has seen the scene if the row does not say "seen". '
        '"equal bytes" is the size moved to the PSNR without a prior; "saved" is the share of bytes saved '
        "there.</p>"
    )
    return note + own_table("prior", rows, sources)
