"""What a training is asked for: of the scene, and of its entropy model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hemgs_codec.context.order import Order
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN
from hemgs_format.errors import SceneError

Masks = Literal["measured", "learned", "none"]
LAMBDA_RANGE = (5e-4, 8e-3)
"""λ of a training unless told otherwise: the paper's 1e-3 .. 4e-3 and an octave beyond, both ways."""

LEAST_HASHED = 20_000
"""Anchors from which on a hash grid is beside contexts: with up to 7,600 it never saved what it took."""


@dataclass(frozen=True)
class SceneOptions:
    """What decides the scene until it has an entropy model; the defaults are the command's.

    Attributes
    ----------
    iterations : int
        In all phases together.
    voxel_size : float or None
        Spacing of the anchors' lattice in world units; None: half a pixel at the scene's distance.
    features, slots : int
        D, the width of an anchor's feature; K, how many Gaussians an anchor can make.
    points : int
        Random first points, where the data set has none of its own.
    max_anchors : int
        Growth ends there.
    growth_gradient : float
        Mean gradient by a Gaussian's place in the image, in half images, that calls for anchors.
    seed : int
    """

    iterations: int = 30_000
    voxel_size: float | None = None
    features: int = 32
    slots: int = 10
    points: int = 10_000
    max_anchors: int = 1_000_000
    growth_gradient: float = 2e-4
    seed: int = 0


@dataclass(frozen=True)
class RateOptions:
    """What decides the entropy model and its training.

    Attributes
    ----------
    lambda_range : (float, float)
        λ is drawn from it, log-uniformly; both alike: one λ.
    lambda_samples : int
        1: a λ for every iteration; K > 1: the loss is the mean over K of them (the paper's).
    order, context, window
        Coding order, most context anchors, width of the context window in voxels.
    use_hash : bool or None
        Whether there is a hash grid. None: where there are no contexts, or `LEAST_HASHED` anchors.
    use_context, use_earlier, use_adaptation, use_importance : bool
        Ablation switches: the autoregressive network, conditioning on earlier groups, setting
        predictions right by what is coded, sending how coarse an anchor's steps may be.
    masks : {"measured", "learned", "none"}
        How slots are left out: by what they add to images; by trained masks, as in HAC; not at all.
    tie_steps : bool
        One step for all features of an anchor, one for all its offsets, and so on: HAC's.
    grid_bits, grid_features : float, int
        Binary entries of the hash grid per anchor, and features of a level.
    hidden, slice_hidden : int or None
        Widths of the networks; None: by the number of values.
    batch : int
        Anchors whose rate an iteration looks at.
    """

    lambda_range: tuple[float, float] = LAMBDA_RANGE
    lambda_samples: int = 1
    order: Order = "permuted"
    context: int = 20
    window: int = 25
    use_hash: bool | None = None
    use_context: bool = True
    use_earlier: bool = True
    use_adaptation: bool = True
    masks: Masks = "measured"
    use_importance: bool = True
    tie_steps: bool = False
    grid_bits: float = 1.0
    grid_features: int = 2
    hidden: int | None = None
    slice_hidden: int | None = None
    batch: int = 512


def has_hash(options: RateOptions, num_anchors: int) -> bool:
    """Whether an entropy model has a hash grid."""
    if options.use_hash is not None:
        return options.use_hash
    return not options.use_context or num_anchors >= LEAST_HASHED


def check_options(scene: SceneOptions, rate: RateOptions) -> None:
    """Refuse what no training can be made of.

    Raises
    ------
    SceneError
        What is wrong, and what was expected.
    """
    low, high = rate.lambda_range
    if not LAMBDA_MIN <= low <= high <= LAMBDA_MAX:
        raise SceneError(
            f"the lambda range is {low:g} .. {high:g}, expected one within {LAMBDA_MIN:g} .. {LAMBDA_MAX:g}"
        )
    if scene.voxel_size is not None and not 0 < scene.voxel_size < math.inf:
        raise SceneError(f"the voxel size is {scene.voxel_size:g}, expected a positive number")
    if not 0 < scene.growth_gradient < math.inf:
        raise SceneError(f"the growth gradient is {scene.growth_gradient:g}, expected a positive number")
