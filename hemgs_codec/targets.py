"""A file of a wanted size or quality: coding passes over one fit until lambda is right."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hemgs_codec.decoder import decode_gaussians
from hemgs_codec.distortion.views import ViewSet
from hemgs_codec.metrics import psnr
from hemgs_codec.rate_search import search_lambda
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError

_SIZE_SLOPE = 0.28  # octaves by which a file shrinks per octave of lambda
_SIZE_TOLERANCE = math.log2(1.005)
_PSNR_SLOPE = 2.6  # dB per octave
_PSNR_TOLERANCE = 0.06


def largest_of_size(code: Callable[[float], bytes], size: int, start: float) -> bytes:
    """Return the largest file of at most ``size`` bytes.

    Parameters
    ----------
    code
        Makes a file at a lambda.
    start
        The first lambda to try.

    Raises
    ------
    SceneError
        No lambda gives one.
    """
    if size < 1:
        raise SceneError(f"target size {size} is out of range: expected at least one byte")

    def attempt(lambda_: float) -> tuple[bytes, float]:
        data = code(lambda_)
        return data, math.log2(len(data))

    found = search_lambda(
        attempt,
        math.log2(size),
        at_least=False,
        tolerance=_SIZE_TOLERANCE,
        slope=_SIZE_SLOPE,
        start=start,
    )
    if len(found.result) > size:
        raise SceneError(
            f"a file of {size:,} bytes is out of reach: at lambda {found.lambda_:.3g} it takes "
            f"{len(found.result):,}"
        )
    return found.result


def smallest_of_psnr(
    code: Callable[[float], bytes], scene: GaussianScene, views: ViewSet, target: float, start: float
) -> bytes:
    """Return the smallest file whose renders keep ``target`` dB to the scene's, on average over views.

    Parameters
    ----------
    code
        Makes a file at a lambda.
    start
        The first lambda to try.

    Raises
    ------
    SceneError
        No lambda gives one.
    """
    if not 0 < target < 100:
        raise SceneError(f"target PSNR {target:g} dB is out of range: expected a number between 0 and 100")
    originals = views.render_judged(scene)

    def attempt(lambda_: float) -> tuple[bytes, float]:
        data = code(lambda_)
        renders = views.render_judged(decode_gaussians(data))
        return data, float(np.mean([psnr(a, b) for a, b in zip(originals, renders, strict=True)]))

    found = search_lambda(
        attempt, target, at_least=True, tolerance=_PSNR_TOLERANCE, slope=_PSNR_SLOPE, start=start
    )
    if found.figure < target:
        raise SceneError(
            f"{target:g} dB are out of reach: at lambda {found.lambda_:.3g} they keep {found.figure:.2f} dB"
        )
    return found.result
