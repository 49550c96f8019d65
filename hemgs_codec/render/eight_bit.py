"""Images as files and screens hold them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.scene import Float32Array

UInt8Array = npt.NDArray[np.uint8]


def eight_bit(image: Float32Array) -> UInt8Array:
    """Return an image (H, W, 3) of any values as uint8: clipped to 0 .. 1, times 255, rounded.

    Examples
    --------
    >>> eight_bit(np.array([[[-0.5, 0.5, 1.5]]], np.float32)).tolist()
    [[[0, 128, 255]]]
    """
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
