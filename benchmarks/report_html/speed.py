"""Seconds, memory and Gaussians per second."""

from __future__ import annotations

import math
import statistics

from benchmarks.report_html.rows import OURS, Row, curve_name, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, folded, html_table, number

DEFAULT_LAMBDA = 2e-3
_MEASURERS_MB = 800.0  # more than the measuring process ever held


def speed_section(rows: list[Row], sources: Sources) -> str:
    """Return seconds, memory and Gaussians per second: medians of each curve, then every row."""
    names: dict[str, list[Row]] = {}
    for row in rows:
        names.setdefault(curve_name(row), []).append(row)
    lines: list[list[Cell]] = []
    for name, part in names.items():
        whole = [row for row in part if _has_fit(row)]
        kinds = ((whole, "encode_s"), (part, "encode_s"), (part, "decode_s"))
        rates = [_median([_rate(row, key) for row in kind]) for kind, key in kinds]
        peaks = [_most(part, stage) for stage in ("encode", "decode")]
        counts = [str(len({row["scene"] for row in part})), str(len(part))]
        lines.append([name, *counts, *(number(r, 0) for r in rates), *(number(p, 0) for p in peaks)])
    encoded = "encoded Gaussians/s"
    heads = ["codec", "scenes", "files", encoded, f"{encoded}, fit kept", "decoded Gaussians/s"]
    summary = html_table([*heads, "most RSS encoding, MB", "decoding"], lines)
    tables = []
    for scene in scenes_of(rows):
        of_scene: list[list[Cell]] = [
            [
                curve_name(row) if row["codec"] != OURS else OURS,
                str(row["setting"]),
                *(number(row.get(key)) for key in ("encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s")),
                *(number(_rate(row, key), 0) for key in ("encode_s", "decode_s")),
                *(number(_peak(row, stage), 0) for stage in ("encode", "decode")),
                sources.link(row),
            ]
            for row in rows
            if row["scene"] == scene
        ]
        shown = ["codec", "setting", "encode, s", "processor s", "decode, s", "processor s"]
        shown += ["Gaussians/s encoded", "decoded"]
        table = html_table([*shown, "RSS encoding, MB", "decoding", "source"], of_scene)
        tables.append(folded(f"{scene}: every file", table))
    return (
        "<p>Wall seconds of whole fresh processes, start to exit, on a machine that had other jobs at times: "
        "factors of two say little. RSS is the most memory held, where rows can tell. Gaussians per "
        "second are the input's by those seconds, the median over files: our files of λ 0.002 first, for the "
        "others found the fit that those had made.</p>" + summary + "\n".join(tables)
    )


def speed_losses(rows: list[Row]) -> list[str]:
    """Say which peers are faster than our fastest way, or take less memory: medians, and most of any file."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(OURS if row["codec"] == OURS else curve_name(row), []).append(row)
    own = groups.pop(OURS, [])
    least = min((row.get("effort") or 0 for row in own), default=0)
    whole = [row for row in own if _has_fit(row) and (row.get("effort") or 0) == least]
    found = []
    for key, words in (("encode_s", "encode"), ("decode_s", "decode")):
        ours = _median([_rate(row, key) for row in whole]) or math.inf
        rates = {name: _median([_rate(row, key) for row in part]) for name, part in groups.items()}
        times = [f"{name}, {rate / ours:.0f}" for name, rate in rates.items() if rate and rate > ours]
        if times:
            found.append(f"These {words} faster than effort {least}, so many times: {'; '.join(times)}.")
    for stage, words in (("encode", "encoding"), ("decode", "decoding")):
        most = _most(own, stage) or 0.0
        peaks = {name: _most(part, stage) for name, part in groups.items()}
        less = [f"{name}, {peak:.0f}" for name, peak in peaks.items() if peak and peak < most]
        if less:
            found.append(f"These hold less memory {words} than our most, {most:.0f} MB: {'; '.join(less)}.")
    return found


def _has_fit(row: Row) -> bool:
    """Tell whether a row's seconds of encoding are of a whole encode: ours of other λ find the fit kept."""
    return row["codec"] != OURS or row.get("lambda") == DEFAULT_LAMBDA


def _rate(row: Row, key: str) -> float | None:
    seconds, count = row.get(key), row.get("num_gaussians")
    return count / seconds if seconds and count else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _most(rows: list[Row], stage: str) -> float | None:
    known = [peak for row in rows if (peak := _peak(row, stage)) is not None]
    return max(known, default=None)


def _peak(row: Row, stage: str) -> float | None:
    """Return the most memory of "encode" or "decode", None where a row can't tell.

    Rows without processor seconds are of a time when the measuring process's own memory counted, too.
    """
    peak = row.get(f"{stage}_peak_rss_mb")
    if peak is None or (f"{stage}_cpu_s" not in row and peak < _MEASURERS_MB):
        return None
    return float(peak)
