"""The comparison in a few lines of Markdown, for a README."""

from __future__ import annotations

import math

from benchmarks.report_html.goal_tables import goal_rows, other_qualities
from benchmarks.report_html.goals import GOALS, headline, losses_of, losses_of_one_curve, matches_of
from benchmarks.report_html.judged import judge_summary
from benchmarks.report_html.rows import OURS, Row, scenes_of
from benchmarks.report_html.speed import speed_losses
from benchmarks.report_html.tables import markdown_table, percent
from benchmarks.report_html.verdicts import loss_sentences, loss_words, ranking

_MOST_LOSSES = 8


def summary(rows: list[Row]) -> str:
    """Return losses, the goals' table, and peers' bytes beyond ours."""
    if not rows:
        return "There are no rows of a comparison yet.\n"
    matches = matches_of(rows)
    single = losses_of_one_curve(matches)
    parts = ["**Losses.**"]
    for sentence, lost in loss_sentences(matches):
        parts.append(sentence)
        if lost:
            parts.append("\n".join(f"* {loss_words(match)}" for match in lost[:_MOST_LOSSES]))
        if len(lost) > _MOST_LOSSES:
            parts.append(f"and {len(lost) - _MOST_LOSSES} more, in the report.")
    for name, others in other_qualities(rows).items():
        lost = losses_of(others)
        smaller = sum(math.isfinite(match.share) for match in lost)
        parts.append(
            f"At equal {name} {smaller or 'none'} of {len(others)} files of peers "
            f"{'are' if smaller > 1 else 'is'} smaller; {len(lost) - smaller or 'none'} "
            f"{'have' if len(lost) - smaller > 1 else 'has'} a {name} that none of ours reaches."
        )
    if single:
        names = sorted({name for _, name in single})
        parts.append(
            f"Alone, {'; '.join(names)} lose, or have no file of that PSNR, "
            f"{len(single)} times where another setting of ours wins."
        )
    parts += speed_losses(rows)
    for codec, goal in GOALS.items():
        table = goal_rows(headline(matches, codec), other_qualities(rows))
        if table is not None:
            heads, lines, _ = table
            parts.append(f"**Our bytes as a share of {codec.upper()}'s at its PSNR** (goal {goal:.2f}):")
            parts.append(markdown_table(heads, lines))
    parts.append("**Peers' bytes beyond ours at equal PSNR** (BD-rate; * of one file, at its PSNR):")
    parts.append(_beyond_ours(rows))
    parts += filter(None, [judge_summary(rows)])
    return "\n\n".join(parts) + "\n"


def _beyond_ours(rows: list[Row]) -> str:
    """Return a table of peers by scenes: the report says why where there is no figure."""
    scenes = scenes_of(rows)
    found: dict[str, dict[str, str]] = {}
    for scene in scenes:
        for curve, _, to_ours in ranking(rows, scene):
            if curve.codec != OURS:
                text = "-" if to_ours.percent is None else percent(to_ours.percent)
                mark = "*" if to_ours.percent is not None and to_ours.note else ""
                found.setdefault(curve.name, {})[scene] = text + mark
    lines = [[name, *(cells.get(scene, "") for scene in scenes)] for name, cells in found.items()]
    return markdown_table(["codec", *scenes], lines)
