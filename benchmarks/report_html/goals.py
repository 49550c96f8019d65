"""What peers win, and our bytes as a share of SPZ's and SOG's at equal PSNR."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.report_html.rates import Size, geometric_mean, least, size_at
from benchmarks.report_html.rows import (
    OURS,
    PSNR,
    Row,
    curves_of,
    decibels,
    is_lossless,
    scenes_of,
)

GOALS = {"spz": 0.30, "sog": 0.50}
"""Our bytes at equal PSNR, as a share of the peer's: the most that was aimed for."""
USUAL = "usual"
"""The setting of a peer that its users get who ask for nothing."""


@dataclass(frozen=True)
class Match:
    """One file of a peer beside what we need for its PSNR.

    Attributes
    ----------
    row : dict
        The peer's.
    psnr : float
        The peer's, in dB.
    ours : Size
        Of the best of our curves.
    by_curve : dict
        The same of each of our curves, by its name.
    """

    row: Row
    psnr: float
    ours: Size
    by_curve: dict[str, Size]

    @property
    def share(self) -> float:
        """Our bytes as a share of the peer's; infinite where we don't reach its PSNR."""
        return self.ours.bytes / float(self.row["file_bytes"])

    def shares(self) -> dict[str, float]:
        """Return the share of each of our curves, by its name."""
        return {name: size.bytes / float(self.row["file_bytes"]) for name, size in self.by_curve.items()}


def matches_of(rows: list[Row], quality: str = PSNR) -> list[Match]:
    """Return a match for every file of a peer with a finite PSNR, on scenes that we have files of."""
    found = []
    for scene in scenes_of(rows):
        curves = curves_of(rows, scene)
        named = ((curve.name, curve.points(quality)) for curve in curves if curve.codec == OURS)
        own = {name: points for name, points in named if points}
        if not own:
            continue
        for row in (row for curve in curves if curve.codec != OURS for row in curve.rows):
            psnr = decibels(row, quality)
            if psnr is None or not math.isfinite(psnr):
                continue
            by_curve = {name: size_at(points, psnr) for name, points in own.items()}
            found.append(Match(row, psnr, least(by_curve.values()), by_curve))
    return found


def losses_of(matches: list[Match]) -> list[Match]:
    """Return where a peer's file is smaller than ours at its PSNR, or we don't reach that; worst first."""
    return sorted((match for match in matches if match.share > 1), key=lambda match: -match.share)


def losses_of_one_curve(matches: list[Match]) -> list[tuple[Match, str]]:
    """Return where one of our efforts loses though another doesn't, with the curve's name."""
    return [
        (match, name)
        for match in matches
        if match.share <= 1
        for name, share in match.shares().items()
        if share > 1
    ]


def lossless_rows(rows: list[Row]) -> list[Row]:
    """Return the rows of codecs that give back every bit: what we can't do at any size."""
    return [row for row in rows if row["codec"] != OURS and is_lossless(row)]


def headline(matches: list[Match], codec: str) -> list[Match]:
    """Return each scene's match with a peer's usual file; that of the highest PSNR if there is none."""
    best: dict[str, Match] = {}
    for match in matches:
        scene = str(match.row["scene"])
        if match.row["codec"] == codec and (
            scene not in best or _headline_key(match) > _headline_key(best[scene])
        ):
            best[scene] = match
    return list(best.values())


def _headline_key(match: Match) -> tuple[bool, float]:
    return match.row["setting"] == USUAL, match.psnr


def mean_share(matches: list[Match], curve: str | None = None) -> float | None:
    """Return the geometric mean of shares where the PSNR is reached; of one curve's, or of the best."""
    shares = [match.share if curve is None else match.shares().get(curve, math.inf) for match in matches]
    return geometric_mean(share for share in shares if math.isfinite(share))
