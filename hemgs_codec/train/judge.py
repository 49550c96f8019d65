"""How near a training is to the photos that it doesn't see."""

from __future__ import annotations

import numpy as np

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.render import backend_of, render_anchors
from hemgs_codec.distortion.views import spread
from hemgs_codec.metrics.psnr import psnr
from hemgs_codec.render.eight_bit import UInt8Array, eight_bit
from hemgs_codec.train.dataset import Dataset

MOST_JUDGED = 8


def held_out_psnr(tensors: AnchorTensors, dataset: Dataset, most: int = MOST_JUDGED) -> float:
    """Return the mean PSNR of held-out views (training views if none is), as 8-bit images."""
    values = []
    for photo in spread(dataset.test or dataset.train, most):
        image = render_anchors(tensors, photo.camera, dataset.background, backend=backend_of(tensors))
        values.append(psnr(eight_bit(image), dataset.pixels(photo)))
    return float(np.mean(values))


def side_by_side(tensors: AnchorTensors, dataset: Dataset) -> UInt8Array:
    """Return a held-out photo and its render, (H, 2 W, 3)."""
    photo = (dataset.test or dataset.train)[0]
    image = render_anchors(tensors, photo.camera, dataset.background, backend=backend_of(tensors))
    return np.concatenate([dataset.pixels(photo), eight_bit(image)], axis=1)
