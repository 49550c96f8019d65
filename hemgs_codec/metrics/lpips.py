"""LPIPS (Zhang et al. 2018) with VGG-16. Nothing is downloaded: the network's weights must be in place."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from hemgs_codec.metrics.required import MetricError, check_pair, required
from hemgs_codec.render.eight_bit import UInt8Array

_WEIGHTS = "vgg16-397923af.pth"
_SOURCE = f"https://download.pytorch.org/models/{_WEIGHTS}"


def lpips(reference: UInt8Array, image: UInt8Array) -> float:
    """Return the LPIPS distance (version 0.1, VGG) of two images (H, W, 3) uint8; 0 where equal.

    Images are scaled to −1 .. 1, as the network expects; the 3DGS authors' script leaves that out, so its
    figures differ a little.

    Raises
    ------
    MetricError
        The images don't fit each other, or the package or its weights are missing.
    """
    check_pair(reference, image)
    network = _network()
    import torch

    first, second = (
        torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)[None], dtype=np.float32) / 127.5 - 1)
        for array in (reference, image)
    )
    with torch.no_grad():
        return float(network(first, second))


@functools.cache
def _network() -> Any:
    module = required("lpips", "lpips", "LPIPS")
    import torch

    weights = Path(torch.hub.get_dir()) / "checkpoints" / _WEIGHTS
    if not weights.is_file():
        raise MetricError(f"LPIPS needs VGG-16's weights: download {_SOURCE} to {weights}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision, about how lpips calls it
        return module.LPIPS(net="vgg", version="0.1", verbose=False)
