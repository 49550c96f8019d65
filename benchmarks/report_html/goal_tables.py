"""Tables of our bytes as a share of SPZ's and SOG's, where PSNR, SSIM or FLIP are equal."""

from __future__ import annotations

import math

from benchmarks.report_html.goals import GOALS, Match, headline, matches_of, mean_share
from benchmarks.report_html.rates import Size
from benchmarks.report_html.rows import FLIP, JUDGED, PSNR, SSIM, Row
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.tables import Cell, Markup, escape, html_table, number

_OTHERS = {"SSIM": SSIM, "FLIP": FLIP}


def other_qualities(rows: list[Row]) -> dict[str, list[Match]]:
    """Return matches at equal SSIM and at equal FLIP, by their names; none where rows lack them."""
    found = {name: matches_of(rows, key) for name, key in _OTHERS.items()}
    return {name: matches for name, matches in found.items() if matches}


def share_text(match: Match, size: Size) -> str:
    """Return our bytes' share of the peer's as text: a bound where our smallest file is better than it."""
    if size.kind == "not reached":
        return "not reached"
    return f"{'≤ ' if size.kind == 'at most' else ''}{size.bytes / float(match.row['file_bytes']):.3f}"


def goals_section(rows: list[Row], sources: Sources) -> str:
    """Return our bytes as shares of SPZ's and SOG's, by our renderer's PSNR and by the other judge's."""
    parts = [
        (
            "<p>Bytes of ours at the peer's PSNR against the original's renders, as a share of the peer's: "
            "the logarithm of bytes is interpolated over dB. The peer's file is what it writes unless told "
            'otherwise. Columns "at its SSIM" and "at its FLIP" are bytes at equal SSIM and FLIP instead, of '
            'which rows have four decimals. "best" is the best of our curves; "≤" says that even our '
            "smallest file is better.</p>"
        )
    ]
    for quality, words in ((PSNR, ""), (JUDGED, ", as the independent renderer judges")):
        matches = matches_of(rows, quality)
        beside = other_qualities(rows) if quality == PSNR else {}
        for codec, goal in GOALS.items():
            table = goal_rows(headline(matches, codec), beside)
            if table is None:
                continue
            heads, lines, used = table
            linked: list[list[Cell]] = [
                [*line, sources.link(match.row)] for line, match in zip(lines[:-1], used, strict=True)
            ]
            linked.append([Markup(f"<b>{escape(cell)}</b>", cell) for cell in (*lines[-1], "")])
            title = f"Share of {codec.upper()}, goal {goal:.2f}{words}"
            # A number shall not leave its word at the end of a line.
            unbroken = [head.replace("effort ", "effort\u00a0") for head in heads]
            parts.append(f"<h3>{escape(title)}</h3>{html_table([*unbroken, 'source'], linked)}")
    return "\n".join(parts)


def goal_rows(
    chosen: list[Match], beside: dict[str, list[Match]] | None = None
) -> tuple[list[str], list[list[str]], list[Match]] | None:
    """Return heads, lines (the last: geometric means) and matches of one peer's goal; None without any.

    ``beside`` are matches at equal other figures (see `other_qualities`): columns for the best of our curves.
    """
    if not chosen:
        return None
    names = list(dict.fromkeys(name for match in chosen for name in match.by_curve))
    others = [(name, {id(m.row): m for m in matches}) for name, matches in (beside or {}).items()]
    lines = [
        [
            str(m.row["scene"]),
            str(m.row["setting"]),
            number(m.row["file_bytes"]),
            f"{m.psnr:.2f}",
            *(_figure(m, key) for key, _ in others),
            share_text(m, m.ours),
            *(
                share_text(part[id(m.row)], part[id(m.row)].ours) if id(m.row) in part else ""
                for _, part in others
            ),
            *(share_text(m, m.by_curve[name]) if name in m.by_curve else "" for name in names),
        ]
        for m in chosen
    ]
    means = [_mean_text(chosen, name) for name in (None, *names)]
    means[1:1] = [
        _mean_text([part[id(m.row)] for m in chosen if id(m.row) in part], None) for _, part in others
    ]
    lines.append(["geometric mean", "", "", "", *("" for _ in others), *means])
    theirs = ["scene", "peer's setting", "its bytes", "dB", *(name for name, _ in others)]
    return [*theirs, "best", *(f"at its {name}" for name, _ in others), *names], lines, chosen


def _figure(match: Match, name: str) -> str:
    value = match.row.get(_OTHERS[name])
    return "" if value is None else f"{value:.4f}"


def _mean_text(chosen: list[Match], name: str | None) -> str:
    mean = mean_share(chosen, name)
    shares = [m.share if name is None else m.shares().get(name, math.inf) for m in chosen]
    reached = sum(math.isfinite(share) for share in shares)
    if mean is None:
        return "not reached"
    return f"{mean:.3f}" + (f" ({reached} of {len(chosen)})" if reached < len(chosen) else "")
