"""Rows of `compare.jsonl`: the latest of each case, and the curves that they make."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.judge import JUDGED as JUDGED
from benchmarks.report import latest, read_rows

Row = dict[str, Any]
Points = list[tuple[float, float]]
OURS = "hemgs"
KEYS = ("scene", "codec", "setting")
PSNR = "psnr_vs_original"
SSIM = "ssim_vs_original"
FLIP = "flip_vs_original"
_RATE = re.compile(r",?\s*\blambda\s+[-+.\deE]+")


@dataclass(frozen=True)
class Curve:
    """What one codec, in one way of using it, makes of one scene.

    Attributes
    ----------
    scene, codec, name : str
        ``name`` is for people: the codec's title, and for ours the setting without its lambda.
    rows : tuple of dict
        By bytes, fewest first.
    """

    scene: str
    codec: str
    name: str
    rows: tuple[Row, ...]

    def points(self, quality: str = PSNR) -> Points:
        """Return (bytes, dB) of rows that have a finite figure of this quality, fewest bytes first."""
        pairs = ((float(row["file_bytes"]), decibels(row, quality)) for row in self.rows)
        return [(size, value) for size, value in pairs if value is not None and math.isfinite(value)]


def compare_rows(path: Path) -> list[Row]:
    """Return the latest row of each scene, codec and setting; none where there is no file."""
    return latest(read_rows(path), KEYS) if path.is_file() else []


def decibels(row: Row, quality: str = PSNR) -> float | None:
    """Return a row's PSNR: infinite where it is lossless, None where there is nothing to compare.

    SSIM and FLIP become decibels of what they are short of perfect, so that more is better and curves over
    the logarithm of bytes are nearly straight, as with PSNR. Rows have four decimals of them.
    """
    if quality not in row:
        return None
    value = row[quality]
    # JSON has no infinity: rows say "inf" or null.
    if value is None or value == "inf":
        return math.inf
    if quality in (SSIM, FLIP):
        short = 1 - float(value) if quality == SSIM else float(value)
        return -10 * math.log10(short) if short > 0 else math.inf
    return float(value)


def is_lossless(row: Row) -> bool:
    """Tell whether a codec gave the scene back as it was."""
    return decibels(row) == math.inf or str(row.get("loses", "")).strip().lower() in ("nothing", "none")


def scenes_of(rows: list[Row]) -> list[str]:
    """Return the names of scenes in the order in which they first occur."""
    return list(dict.fromkeys(str(row["scene"]) for row in rows))


def curve_name(row: Row) -> str:
    """Return the name of the curve that a row is a point of.

    Examples
    --------
    >>> curve_name({"codec": "hemgs", "setting": "effort 4, lambda 0.002", "prior": "fold-1"})
    'hemgs, effort 4'
    >>> curve_name({"codec": "hemgs", "setting": "effort 4, lambda 0.002", "prior": "gaussian-1"})
    'hemgs, effort 4, prior gaussian-1'

    A fold's prior has no place in the name: it's another for each scene, but always one that never saw it.
    """
    if row["codec"] != OURS:
        return str(row.get("codec_title") or row["codec"])
    prior = row.get("prior")
    way = _RATE.sub("", str(row["setting"])).strip(" ,")
    named = prior is not None and not str(prior).startswith("fold") and str(prior) not in way
    return ", ".join([OURS, *filter(None, [way]), *([f"prior {prior}"] if named else [])])


def curves_of(rows: list[Row], scene: str) -> list[Curve]:
    """Return a scene's curves: ours first, others in the order in which they first occur."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["scene"] == scene:
            found[str(row["codec"]), curve_name(row)].append(row)
    ordered = sorted(found.items(), key=lambda item: item[0][0] != OURS)
    return [
        Curve(scene, codec, name, tuple(sorted(part, key=lambda row: float(row["file_bytes"]))))
        for (codec, name), part in ordered
    ]


def inconsistencies(rows: list[Row]) -> list[str]:
    """Return what keeps rows of one scene from being comparable: other contents, other numbers of views."""
    found = []
    for scene in scenes_of(rows):
        for key, what in (("scene_sha256", "different files"), ("num_views", "different numbers of views")):
            values = {row[key] for row in rows if row["scene"] == scene and row.get(key) is not None}
            if len(values) > 1:
                found.append(f"{scene}: rows are of {what} ({', '.join(map(str, sorted(values)))})")
    return found
