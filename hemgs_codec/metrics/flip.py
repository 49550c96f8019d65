"""ꟻLIP for low dynamic range (Andersson et al. 2020): what one notices when flipping between images."""

from __future__ import annotations

import numpy as np

from hemgs_codec.metrics.required import check_pair, required
from hemgs_codec.render.eight_bit import UInt8Array


def flip(reference: UInt8Array, image: UInt8Array) -> float:
    """Return the mean LDR-FLIP of two sRGB images (H, W, 3) uint8, at 67 pixels per degree; 0 where equal.

    Raises
    ------
    MetricError
        The images don't fit each other, or flip-evaluator isn't installed.
    """
    check_pair(reference, image)
    module = required("flip_evaluator", "eval", "FLIP")
    first, second = (np.ascontiguousarray(array, dtype=np.float32) / 255 for array in (reference, image))
    _, mean, _ = module.evaluate(first, second, "LDR", applyMagma=False)
    return float(mean)
