"""How near an image is to another, and a rate curve to another, as the field measures it.

Images are uint8 (H, W, 3): photos are, and renders are rounded before they are judged, on both sides.
What SSIM, FLIP, LPIPS and BD rates are computed with is asked for only when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hemgs_codec.metrics.bjontegaard import bd_psnr, bd_rate
from hemgs_codec.metrics.flip import flip
from hemgs_codec.metrics.lpips import lpips
from hemgs_codec.metrics.psnr import psnr
from hemgs_codec.metrics.required import MetricError
from hemgs_codec.metrics.ssim import ssim

__all__ = ["METRICS", "MetricError", "bd_psnr", "bd_rate", "check_installed", "flip", "lpips", "psnr", "ssim"]

METRICS = {"psnr": psnr, "ssim": ssim, "flip": flip, "lpips": lpips}
"""Of two images, by the name that options and results know them by."""


def check_installed(names: Iterable[str]) -> None:
    """Fail now rather than after minutes of work, if one of `METRICS` would for want of a package.

    Raises
    ------
    MetricError
        A package or its weights are missing.
    """
    blank = np.zeros((32, 32, 3), np.uint8)
    for name in names:
        METRICS[name](blank, blank)
