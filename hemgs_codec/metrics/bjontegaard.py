"""Bjøntegaard's deltas (VCEG-M33): one codec's rate curve against another's in one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hemgs_codec.metrics.required import MetricError, required

Curve = Sequence[tuple[float, float]]
_FEWEST = 2


def bd_rate(anchor: Curve, test: Curve) -> float:
    """Return how many per cent more bytes ``test`` needs than ``anchor`` for the same PSNR; less is better.

    Parameters
    ----------
    anchor, test
        Points of (rate, PSNR in dB), in any order: at least two each, PSNR rising with rate. Between points
        curves are interpolated by Akima splines, over the PSNRs that both have.

    Raises
    ------
    MetricError
        Curves aren't such, or have no PSNR in common; or the package bjontegaard isn't installed.
    """
    (rates, psnrs), (test_rates, test_psnrs) = _curve(anchor), _curve(test)
    _check_overlap(psnrs, test_psnrs, "PSNR")
    return float(
        _package().bd_rate(rates, psnrs, test_rates, test_psnrs, method=_method(anchor, test), **_OPTIONS)
    )


def bd_psnr(anchor: Curve, test: Curve) -> float:
    """Return how many dB ``test`` is better than ``anchor`` at the same rate; all else as for `bd_rate`."""
    (rates, psnrs), (test_rates, test_psnrs) = _curve(anchor), _curve(test)
    _check_overlap(rates, test_rates, "rate")
    return float(
        _package().bd_psnr(rates, psnrs, test_rates, test_psnrs, method=_method(anchor, test), **_OPTIONS)
    )


# The package warns where curves overlap by less than 75 %: whether that is enough is the caller's judgement.
_OPTIONS = {"require_matching_points": False, "min_overlap": 0}


def _package() -> Any:
    return required("bjontegaard", "bd", "BD-rate")


def _method(*curves: Curve) -> str:
    """Akima splines want more than two points; through two, pchip is the straight line."""
    return "pchip" if min(map(len, curves)) == _FEWEST else "akima"


def _curve(points: Curve) -> tuple[list[float], list[float]]:
    ordered = sorted((float(rate), float(psnr)) for rate, psnr in points)
    values = np.array(ordered).reshape(-1, 2)
    if len(ordered) < _FEWEST:
        raise MetricError(f"a rate curve has {len(ordered)} points, expected at least {_FEWEST}")
    if not np.isfinite(values).all() or values[0, 0] <= 0 or (np.diff(values, axis=0) <= 0).any():
        raise MetricError(f"a rate curve must rise in both rate and PSNR, from a rate above 0: {ordered}")
    return values[:, 0].tolist(), values[:, 1].tolist()


def _check_overlap(first: list[float], second: list[float], what: str) -> None:
    if max(first[0], second[0]) >= min(first[-1], second[-1]):
        raise MetricError(
            f"the curves have no {what} in common: "
            f"{first[0]:g} .. {first[-1]:g} and {second[0]:g} .. {second[-1]:g}"
        )
