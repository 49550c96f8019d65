"""Bytes at equal PSNR, and BD-rates with the reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from benchmarks.plot_anchor import rising
from benchmarks.report_html.rows import Points

Kind = Literal["equal", "at most", "not reached"]
_NEAREST = 0.1  # dB


@dataclass(frozen=True)
class Size:
    """What a curve needs for a PSNR.

    Attributes
    ----------
    bytes : float
        Infinite where it isn't reached.
    kind : str
        "equal"; "at most": even the curve's smallest file is better; "not reached": none is as good.
    """

    bytes: float
    kind: Kind


@dataclass(frozen=True)
class Difference:
    """How many per cent more bytes one curve takes than another, and by which rule that is known.

    Attributes
    ----------
    percent : float or None
        None where curves can't be compared at all.
    note : str
        Empty for a BD-rate; else why there is none, and what ``percent`` is instead.
    """

    percent: float | None
    note: str = ""


def size_at(points: Points, psnr: float) -> Size:
    """Return the bytes at which a curve has this PSNR: the logarithm of bytes is interpolated over dB.

    Points that a smaller file beats are no part of the curve.
    """
    curve = rising(points)
    if not curve or psnr > curve[-1][1]:
        return Size(math.inf, "not reached")
    if psnr < curve[0][1]:
        return Size(curve[0][0], "at most")
    for (size, low), (next_size, high) in pairwise(curve):
        if low <= psnr <= high:
            part = (psnr - low) / (high - low)
            return Size(math.exp((1 - part) * math.log(size) + part * math.log(next_size)), "equal")
    return Size(curve[-1][0], "equal")


def least(sizes: Iterable[Size]) -> Size:
    """Return the size of the fewest bytes: what the best of several curves needs."""
    return min(sizes, key=lambda size: size.bytes, default=Size(math.inf, "not reached"))


def envelope(curves: Iterable[Points]) -> Points:
    """Return the least bytes of any curve, at the PSNR of each of their points.

    Taking the points of all curves together instead would zigzag between curves, above the best one.
    """
    known = list(curves)
    psnrs = sorted({psnr for curve in known for _, psnr in rising(curve)})
    found = []
    for psnr in psnrs:
        sizes = [size for curve in known if (size := size_at(curve, psnr)).kind == "equal"]
        found.append((least(sizes).bytes, psnr))
    return rising(found)


def geometric_mean(values: Iterable[float]) -> float | None:
    """Return the geometric mean of positive numbers, None of none."""
    logs = [math.log(value) for value in values]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


def spaced(points: Points) -> Points:
    """Return the points of a rising curve that are better by a tenth of a dB than what is kept below them.

    A spline through points of nearly the same PSNR and other sizes overshoots, to any BD-rate.
    """
    kept: Points = []
    for size, psnr in points:
        if not kept or psnr >= kept[-1][1] + _NEAREST:
            kept.append((size, psnr))
    return kept


def difference(reference: Points, points: Points) -> Difference:
    """Return the BD-rate of a curve against a reference; where undefined, sizes at one equal PSNR.

    A side with one point is compared at that point's PSNR, if the other side's curve has it.
    """
    from hemgs_codec.metrics import MetricError, bd_rate

    theirs, ours = spaced(rising(reference)), spaced(rising(points))
    if not theirs or not ours:
        return Difference(None, "no PSNR to compare by")
    if min(len(theirs), len(ours)) == 1:
        return _at_one_point(theirs, ours)
    try:
        return Difference(bd_rate(theirs, ours))
    except MetricError:
        return Difference(None, _apart(theirs, ours))


def _at_one_point(theirs: Points, ours: Points) -> Difference:
    """Compare curves of which one at least is a single point."""
    if len(ours) == 1:
        (size, psnr), other, bound = ours[0], theirs, "or more"
    else:
        (size, psnr), other, bound = theirs[0], ours, "at most"
    at = size_at(other, psnr)
    if at.kind == "not reached":
        return Difference(None, f"one point only; {_apart(theirs, ours)}")
    ratio = size / at.bytes if other is theirs else at.bytes / size
    note = f"one point: at {psnr:.2f} dB"
    return Difference(100 * (ratio - 1), note if at.kind == "equal" else f"{note}, {bound}")


def _apart(theirs: Points, ours: Points) -> str:
    """Say how curves without a PSNR in common lie."""
    return f"no PSNR in common: {_span(ours)} against {_span(theirs)} dB"


def _span(curve: Points) -> str:
    low, high = f"{curve[0][1]:.1f}", f"{curve[-1][1]:.1f}"
    return low if low == high else f"{low} to {high}"
