"""Find the lambda at which a file has a wanted size or quality: both fall as lambda grows.

A coding pass takes seconds and a fit is good for every lambda, so a search is a handful of passes: the first
at the default, then where a straight line in logarithms says, inside what is already known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN

T = TypeVar("T")

MOST_PASSES = 9
_MARGIN = 1 / 32  # of an octave, to what was tried
_NARROW = 1 / 64  # of an octave of lambda: nothing is gained by halving it again


@dataclass(frozen=True)
class Trial(Generic[T]):
    """One pass: its lambda, what it gave, and the measured figure, which falls with lambda."""

    lambda_: float
    result: T
    figure: float


def search_lambda(
    attempt: Callable[[float], tuple[T, float]],
    target: float,
    *,
    at_least: bool,
    tolerance: float,
    slope: float,
    start: float,
) -> Trial[T]:
    """Return the pass that comes nearest to a target from its right side.

    Parameters
    ----------
    attempt
        Makes a result at a lambda, and its figure.
    target
        Wanted figure.
    at_least
        True: no figure below the target will do; False: none above it.
    tolerance
        A figure this near is good enough.
    slope
        Guess of how much the figure falls per octave of lambda.
    start
        First lambda.

    Returns
    -------
    Trial
        Where even the end of lambda's range misses the target, the pass nearest to it.
    """
    low, high = math.log2(LAMBDA_MIN), math.log2(LAMBDA_MAX)
    place = min(max(math.log2(start), low), high)
    trials: list[Trial[T]] = []
    best: Trial[T] | None = None
    for _ in range(MOST_PASSES):
        lambda_ = min(max(2.0**place, LAMBDA_MIN), LAMBDA_MAX)
        result, figure = attempt(lambda_)
        trial = Trial(lambda_, result, figure)
        trials.append(trial)
        good = figure >= target if at_least else figure <= target
        if good and (best is None or abs(figure - target) < abs(best.figure - target)):
            best = trial
        if good and abs(figure - target) <= tolerance:
            break
        if figure > target:
            low = max(low, place)
        else:
            high = min(high, place)
        if high - low < _NARROW:
            break
        # a little to the right side of the target: a line would come nearer and nearer from the wrong one
        goal = target + (tolerance / 2 if at_least else -tolerance / 2)
        place = _next_place(trials, goal, slope, low, high)
    return best or min(trials, key=lambda t: abs(t.figure - target))


def _next_place(trials: list[Trial[T]], target: float, slope: float, low: float, high: float) -> float:
    """Return log2 of the next lambda: on the line through the two nearest passes, if that is inside."""
    guess = slope
    near = sorted(trials, key=lambda t: abs(t.figure - target))[:2]
    if len(near) == 2 and near[0].figure != near[1].figure:
        run = math.log2(near[1].lambda_ / near[0].lambda_)
        slope = (near[0].figure - near[1].figure) / run if run else slope
    # passes that lie close together say little of a slope: renders of small scenes are unsteady
    slope = min(max(slope, guess / 4), 4 * guess)
    place = math.log2(near[0].lambda_) + (near[0].figure - target) / slope
    margin = min(0.02 * (high - low), _MARGIN)
    if low + margin <= place <= high - margin:
        return place
    # A line that leaves what is possible: the range's end if no pass was there; else from there inwards, by
    # the slope that was guessed; else a half.
    end, inwards = (low, 1) if place < low + margin else (high, -1)
    last = min(trials, key=lambda t: abs(math.log2(t.lambda_) - end))
    if abs(math.log2(last.lambda_) - end) >= _NARROW:
        return end
    place = end + inwards * max(abs(last.figure - target) / guess, 2 * margin)
    return place if low + margin <= place <= high - margin else (low + high) / 2
