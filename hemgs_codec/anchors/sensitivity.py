"""What errors in an anchor scene's values cost in its renders.

The squared derivatives of an image by a value, summed over pixels, are the expected square of the derivative
of the image's product with random signs: one pass back from random signs estimates them for all values at
once (Hutchinson's diagonal of the Gauss-Newton matrix).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.render import backend_of, draw_anchors
from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR, REFERENCE_LAMBDA
from hemgs_codec.progress import Progress
from hemgs_codec.render.backends import Backend
from hemgs_codec.render.camera import Camera

Background = tuple[float, float, float]


def squared_derivatives(
    make: Callable[[], tuple[torch.Tensor, AnchorTensors]],
    cameras: Sequence[Camera],
    background: Background,
    generator: torch.Generator,
    *,
    backend: Backend | None = None,
    progress: Progress | None = None,
) -> torch.Tensor:
    """Return the mean over views, pixels and colours of the image's squared derivatives by values.

    Parameters
    ----------
    make
        Gives a leaf of any shape and the scene made of it, disturbed anew for every view.
    backend
        None: the one of the device that the scene is on.

    Returns
    -------
    torch.Tensor
        Of the leaf's shape.
    """
    total: torch.Tensor | None = None
    pixels = 0
    for number, camera in enumerate(cameras):
        leaf, tensors = make()
        _, image = draw_anchors(tensors, camera, background, backend=backend or backend_of(tensors))
        signs = torch.randint(0, 2, image.shape, generator=generator).to(image) * 2 - 1
        (gradient,) = torch.autograd.grad((image * signs).sum(), leaf)
        total = gradient.square() if total is None else total + gradient.square()
        pixels += image.numel()
        if progress is not None:
            progress("sensitivities", number + 1, len(cameras))
    assert total is not None
    return total / pixels


def wanted_weights(squares: torch.Tensor, num_values: int) -> torch.Tensor:
    """Turn squared derivatives into inverse squares of the steps best at the reference λ and high rates."""
    unit = LOSS_PER_SQUARED_ERROR * num_values * math.log(2.0) / (6 * REFERENCE_LAMBDA)
    return squares * unit
