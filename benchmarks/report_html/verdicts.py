"""What peers win, and each codec's bytes against SPZ's and ours."""

from __future__ import annotations

import math

from benchmarks.report_html.goal_tables import other_qualities, share_text
from benchmarks.report_html.goals import (
    Match,
    losses_of,
    losses_of_one_curve,
    lossless_rows,
    matches_of,
)
from benchmarks.report_html.rates import Difference, difference, envelope
from benchmarks.report_html.rows import OURS, Curve, Row, curves_of, scenes_of
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.speed import speed_losses
from benchmarks.report_html.tables import Cell, Markup, escape, folded, html_table, number, percent


def loss_words(match: Match) -> str:
    """Say in one sentence what a peer wins."""
    row = match.row
    what = _named(match)
    size = f"{number(row['file_bytes'])} bytes for {match.psnr:.2f} dB"
    if not math.isfinite(match.share):
        return f"{what} has {size}; none of our files has as many dB."
    bound = " at most" if match.ours.kind == "at most" else ""
    ours = number(round(match.ours.bytes))
    return f"{what} has {size}; hemgs needs{bound} {ours}, {match.share:.2f} times as many."


def loss_sentences(matches: list[Match], what: str = "PSNR") -> list[tuple[str, list[Match]]]:
    """Say how many of peers' files are smaller at equal PSNR, and how many are better than any of ours.

    ``what`` names the figure that matches are at, for people.
    """
    if not matches:
        return [("Nothing to compare yet: there are no files of a peer and of ours on one scene.", [])]
    lost = losses_of(matches)
    smaller = [match for match in lost if math.isfinite(match.share)]
    beyond = [match for match in lost if not math.isfinite(match.share)]
    of = f"of {len(matches)} files of peers"
    first = (
        f"{len(smaller)} {of} {'is' if len(smaller) == 1 else 'are'} smaller than ours at the same {what}:"
    )
    sentences = [
        (first, smaller) if smaller else (f"There is none: {of} none is smaller at equal {what}.", [])
    ]
    if beyond:
        words = "has a" if len(beyond) == 1 else "have a"
        sentences.append(
            (
                f"{len(beyond)} {words} {what} that none of our files reaches: nothing says who wins there:",
                beyond,
            )
        )
    return sentences


def _named(match: Match) -> str:
    """Name a peer's file."""
    row = match.row
    return f"{row['scene']}: {row.get('codec_title') or row['codec']} ({row['setting']})"


def losses_section(rows: list[Row], sources: Sources) -> str:
    """Return where peers win: first of all our files together, then of single efforts."""
    matches = matches_of(rows)
    single, lossless = losses_of_one_curve(matches), lossless_rows(rows)
    parts = []
    for sentence, lost in loss_sentences(matches):
        items = [f"<li>{escape(loss_words(m))} {sources.link(m.row).html}</li>" for m in lost]
        parts.append(f"<p>{escape(sentence)}</p><ul class='lost'>{''.join(items)}</ul>")
    for name, others in other_qualities(rows).items():
        for sentence, lost in loss_sentences(others, name):
            items = [f"<li>{escape(_named(m))} {sources.link(m.row).html}</li>" for m in lost]
            parts.append(f"<p>{escape(sentence)}</p><ul class='lost'>{''.join(items)}</ul>")
    if single:
        lines: list[list[Cell]] = [
            [
                str(m.row["scene"]),
                name,
                f"{m.row.get('codec_title') or m.row['codec']}, {m.row['setting']}",
                f"{m.psnr:.2f}",
                share_text(m, m.by_curve[name]),
                sources.link(m.row),
            ]
            for m, name in single
        ]
        heads = ["scene", "ours", "smaller", "at dB", "ours / theirs", "source"]
        known = [line for line, (m, name) in zip(lines, single, strict=True) if m.shares()[name] < math.inf]
        lacking = [
            line for line, (m, name) in zip(lines, single, strict=True) if m.shares()[name] == math.inf
        ]
        if known:
            parts.append("<p>One of our efforts alone loses here, though another wins:</p>")
            parts.append(html_table(heads, known))
        if lacking:
            title = f"{len(lacking)} times one of our efforts has no file of that PSNR, though another wins"
            parts.append(folded(title, html_table(heads, lacking)))
    if lossless:
        names = sorted({str(row.get("codec_title") or row["codec"]) for row in lossless})
        who = escape(", ".join(names))
        parts.append(f"<p>Only {who} give back every bit of the .ply; hemgs doesn't at any size.</p>")
    parts += [f"<p>{escape(text)}</p>" for text in speed_losses(rows)]
    return "\n".join(parts)


def difference_text(value: Difference) -> str:
    """Return a BD-rate, or what stands for it and why."""
    if value.percent is None:
        return value.note
    return percent(value.percent) + (f" ({value.note})" if value.note else "")


def ranking(rows: list[Row], scene: str) -> list[tuple[Curve, Difference, Difference]]:
    """Return a scene's curves with their bytes against SPZ's and against our best; least first."""
    curves = curves_of(rows, scene)
    spz = [point for curve in curves if curve.codec == "spz" for point in curve.points()]
    ours = envelope(curve.points() for curve in curves if curve.codec == OURS)
    ranked = [
        (curve, difference(spz, curve.points()), difference(ours, curve.points()))
        for curve in curves
        if curve.points()
    ]

    def place(entry: tuple[Curve, Difference, Difference]) -> tuple[float, float]:
        keys = [math.inf if d.percent is None else d.percent for d in entry[1:]]
        return keys[0], keys[1]

    return sorted(ranked, key=place)


def ranking_section(rows: list[Row], sources: Sources) -> str:
    """Return a table a scene: each curve's bytes against SPZ's and ours, least against SPZ's first."""
    parts = [
        (
            "<p>BD-rate: bytes beyond the reference's at equal PSNR against the original's renders, over the "
            "PSNRs that both have. Where there is none, brackets say why and at which PSNR sizes were "
            "compared instead. Curves are without files that a smaller one beats; hemgs's is the best of our "
            "curves at each PSNR.</p>"
        )
    ]
    for scene in scenes_of(rows):
        lines: list[list[Cell]] = []
        for curve, to_spz, to_ours in ranking(rows, scene):
            points = curve.points()
            psnrs = [psnr for _, psnr in points]
            lines.append(
                [
                    Markup(f"<b>{escape(curve.name)}</b>", curve.name) if curve.codec == OURS else curve.name,
                    str(len(points)),
                    _span(f"{points[0][0]:,.0f}", f"{points[-1][0]:,.0f}"),
                    _span(f"{min(psnrs):.2f}", f"{max(psnrs):.2f}"),
                    difference_text(to_spz) if curve.codec != "spz" else "reference",
                    difference_text(to_ours),
                    sources.link(*curve.rows),
                ]
            )
        if lines:
            heads = ["codec", "files", "bytes", "dB", "bytes against SPZ's", "against hemgs's", "source"]
            parts.append(f"<h3>{escape(scene)}</h3>{html_table(heads, lines)}")
    return "\n".join(parts)


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} .. {high}"
