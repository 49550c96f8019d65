"""Seconds, memory and Gaussians per second."""

from __future__ import annotations

import statistics

from benchmarks.report_html.rows import OURS, Row, curve_name, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, folded, html_table, number


def speed_section(rows: list[Row], sources: Sources) -> str:
    """Return seconds, memory and Gaussians per second: medians of each curve, then every row."""
    names: dict[str, list[Row]] = {}
    for row in rows:
        names.setdefault(curve_name(row), []).append(row)
    lines: list[list[Cell]] = []
    for name, part in names.items():
        rates = [_median([_rate(row, key) for row in part]) for key in ("encode_s", "decode_s")]
        peaks = [_most(part, f"{key}_peak_rss_mb") for key in ("encode", "decode")]
        counts = [str(len({row["scene"] for row in part})), str(len(part))]
        lines.append([name, *counts, *(number(r, 0) for r in rates), *(number(p, 0) for p in peaks)])
    heads = ["codec", "scenes", "files", "encoded Gaussians/s", "decoded Gaussians/s"]
    summary = html_table([*heads, "most RSS encoding, MB", "decoding"], lines)
    tables = []
    for scene in scenes_of(rows):
        of_scene: list[list[Cell]] = [
            [
                curve_name(row) if row["codec"] != OURS else OURS,
                str(row["setting"]),
                *(number(row.get(key)) for key in ("num_fits_s", "encode_s", "decode_s")),
                *(number(_rate(row, key), 0) for key in ("encode_s", "decode_s")),
                *(number(row.get(f"{key}_peak_rss_mb"), 0) for key in ("encode", "decode")),
                sources.link(row),
            ]
            for row in rows
            if row["scene"] == scene
        ]
        shown = ["codec", "setting", "fit, s", "encode, s", "decode, s", "Gaussians/s encoded", "decoded"]
        table = html_table([*shown, "RSS encoding, MB", "decoding", "source"], of_scene)
        tables.append(folded(f"{scene}: every file", table))
    return (
        "<p>Wall seconds of whole fresh processes, start to exit, on a machine that had other jobs at times: "
        "factors of two say little. RSS is the most memory held. Gaussians per "
        "second are the input's by those seconds, the median over files.</p>" + summary + "\n".join(tables)
    )


def _rate(row: Row, key: str) -> float | None:
    seconds, count = row.get(key), row.get("num_gaussians")
    return count / seconds if seconds and count else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _most(rows: list[Row], key: str) -> float | None:
    known = [float(row[key]) for row in rows if row.get(key) is not None]
    return max(known, default=None)
