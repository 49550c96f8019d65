"""Structural similarity (Wang et al. 2004), with the window of 3DGS papers: 11 by 11, σ 1.5.

At edges images are mirrored, as in gsplat's and nerfstudio's figures; the 3DGS authors' script surrounds them
with black, so that its figures differ in the third decimal or the second.
"""

from __future__ import annotations

import numpy as np

from hemgs_codec.metrics.required import MetricError, check_pair, required
from hemgs_codec.render.eight_bit import UInt8Array

_WINDOW = 11


def ssim(reference: UInt8Array, image: UInt8Array) -> float:
    """Return the mean SSIM of two images (H, W, 3) uint8, of at least 11 by 11 pixels; 1 where equal.

    Raises
    ------
    MetricError
        The images don't fit each other or are too small, or torchmetrics isn't installed.
    """
    check_pair(reference, image)
    height, width, _ = image.shape
    if min(height, width) < _WINDOW:
        raise MetricError(f"SSIM needs images of at least 11 by 11 pixels, these are {width} by {height}")
    module = required("torchmetrics.functional.image", "eval", "SSIM")
    import torch

    first, second = (
        torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)[None], dtype=np.float32) / 255)
        for array in (reference, image)
    )
    value = module.structural_similarity_index_measure(
        second, first, gaussian_kernel=True, sigma=1.5, kernel_size=_WINDOW, data_range=1.0
    )
    return float(value)
