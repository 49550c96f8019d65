"""The whole page, in the order of what a reader should know first: losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.report import latest, read_rows
from benchmarks.report_html import details, goal_tables, speed, verdicts
from benchmarks.report_html.anchor_tables import anchor_tables
from benchmarks.report_html.growth import growth_section
from benchmarks.report_html.images import images_section
from benchmarks.report_html.judged import judge_section
from benchmarks.report_html.own_tables import model_tables, prior_table
from benchmarks.report_html.rows import Row, compare_rows, inconsistencies, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import escape, number
from benchmarks.result_tables import TABLES

TITLE = "hemgs-codec beside other codecs of 3D Gaussian Splatting scenes"
_STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1c2430; background: #fff;
  max-width: 1180px; margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.6em; line-height: 1.25; } h2 { margin-top: 2.2em; border-bottom: 1px solid #ccd3db; }
h3 { margin: 1.4em 0 .4em; } p { max-width: 75ch; }
.wide { overflow-x: auto; margin: .6em 0 1em; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .22em .7em; text-align: left; vertical-align: top; border-bottom: 1px solid #e3e7ec; }
th { background: #f3f5f8; font-weight: 600; vertical-align: bottom; }
.n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; }
th.n { max-width: 8em; }
tbody tr:hover { background: #f8fafc; }
details { margin: .4em 0; } summary { cursor: pointer; color: #0b5fa5; }
.lost li, .warning { color: #a11414; } .lost a { color: #666; }
svg { display: block; height: auto; margin: .3em 0; } svg text { font-family: "DejaVu Sans", sans-serif; }
.sheet { display: flex; flex-wrap: wrap; gap: 0 1em; }
figure { margin: .6em 0; max-width: 100%; } figure img { max-width: 100%; max-height: 222px; display: block; }
figcaption { font-size: 13px; color: #4a5563; max-width: 560px; }
a { color: #0b5fa5; }
"""


def own_rows(results: Path, name: str) -> list[dict[str, Any]]:
    """Return the latest rows of one of our benchmarks; none where there is no file."""
    return latest(all_rows(results, name), TABLES[name].keys)


def all_rows(results: Path, name: str) -> list[dict[str, Any]]:
    """Return all rows of one of our benchmarks; none where there is no file."""
    path = results / f"{name}.jsonl"
    return read_rows(path) if path.is_file() else []


def page(results: Path, compare: Path | None = None, images: Path | None = None) -> str:
    """Return the page as one HTML text that needs no other file.

    Parameters
    ----------
    results : Path
        The folder of rows.
    compare : Path or None
        The rows of the comparison; ``results/compare.jsonl`` if not given.
    images : Path or None
        Folder of image sheets, as SCENE/CODEC.webp and SCENE/original.webp.
    """
    rows = compare_rows(compare if compare is not None else results / "compare.jsonl")
    sources = Sources()
    parts = [f"<h1>{escape(TITLE)}</h1>", _lead(rows)]
    sections = {
        "Losses": verdicts.losses_section(rows, sources),
        "Goals: bytes at equal PSNR": goal_tables.goals_section(rows, sources) if rows else "",
        "Bytes at equal PSNR, by scene": verdicts.ranking_section(rows, sources) if rows else "",
        "Rate and distortion": details.plots_section(rows),
        "Images": images_section(images, sources),
        "What takes the bytes": details.sections_section(rows, sources) if rows else "",
        "Speed and memory": speed.speed_section(rows, sources) if rows else "",
        "Growth with the scene": growth_section(all_rows(results, "scaling"), sources),
    }
    for title, content in sections.items():
        parts.append(_section(title, content))
    parts += [
        details.geometry_section(rows, sources),
        judge_section(rows, sources),
        _section("What each format loses", details.loses_table(rows) if rows else ""),
        _section("Every row", details.rows_section(rows, sources)),
        _section("The paper's tables, in house", anchor_tables(own_rows(results, "anchor"), sources)),
        _section("What each part of the model is worth", model_tables(own_rows(results, "model"), sources)),
        _section("What a prior is worth", prior_table(own_rows(results, "prior"), sources)),
    ]
    # Last, for by now all that was referred to is known.
    note = "<p>Numbers in brackets above refer to these; folders are left out of commands.</p>"
    parts.append(_section("Where the numbers come from", note + sources.table()))
    body = "\n".join(filter(None, parts))
    head = f'<meta charset="utf-8"><title>{escape(TITLE)}</title><style>{_STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}{viewport}</head><body>\n{body}\n</body></html>\n'


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}" if content else ""


def _lead(rows: list[Row]) -> str:
    if not rows:
        return "<p>There are no rows of a comparison yet.</p>"
    codecs = list(dict.fromkeys(str(row.get("codec_title") or row["codec"]) for row in rows))
    counts = [f"{number(len(rows))} files", f"{len(codecs)} codecs", f"{len(scenes_of(rows))} scenes"]
    days = sorted({str(row["date"]) for row in rows})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    lead = (
        f"<p>{', '.join(counts)}; measured {span}. Sizes are of whole files. PSNR is of renders of the "
        "decoded scene against renders of the original .ply, 8 bit, the mean over held-out views, if nothing "
        f"else is said. Codecs: {escape(', '.join(codecs))}.</p>"
    )
    return lead + "".join(f'<p class="warning">{escape(text)}</p>' for text in inconsistencies(rows))
