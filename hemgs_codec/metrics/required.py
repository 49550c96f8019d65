"""What metrics ask for: packages that are installed, and two images of one shape."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_format.errors import HgsError


class MetricError(HgsError):
    """A metric can't be computed: its package or weights are missing, or the images don't fit each other."""


def required(module: str, extra: str, what: str) -> Any:
    """Import an optional package, or say how to get it.

    Raises
    ------
    MetricError
        It isn't installed, or doesn't work with what is.
    """
    try:
        return import_module(module)
    except (ImportError, RuntimeError) as error:  # a torchvision built for another torch raises the latter
        package = module.partition(".")[0].replace("_", "-")
        raise MetricError(
            f"{what} needs the package {package} ({error}): pip install 'hemgs-codec[{extra}]'"
        ) from error


def check_pair(reference: UInt8Array, image: UInt8Array) -> None:
    """Refuse what isn't two 8-bit RGB images of one size.

    Raises
    ------
    MetricError
        They aren't.
    """
    for array in (reference, image):
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
            raise MetricError(f"an image is {array.dtype} {array.shape}, expected uint8 (height, width, 3)")
    if reference.shape != image.shape:
        (height, width, _), (other_height, other_width, _) = reference.shape, image.shape
        raise MetricError(
            f"one image is {width} by {height} pixels, the other {other_width} by {other_height}"
        )
