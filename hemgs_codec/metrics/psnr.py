"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from hemgs_codec.metrics.required import check_pair
from hemgs_codec.render.eight_bit import UInt8Array


def psnr(reference: UInt8Array, image: UInt8Array) -> float:
    """Return the PSNR in dB of two images (H, W, 3) uint8; infinite where they are equal.

    Examples
    --------
    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> round(psnr(grey, grey + np.uint8(1)), 2)
    48.13
    """
    check_pair(reference, image)
    error = float(((reference.astype(np.int32) - image) ** 2).mean())
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)
