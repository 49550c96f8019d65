"""What can't be coded, said before hours are spent on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hemgs_codec.anchors.profile import MAX_FEATURES, MAX_SLOTS
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.coding.model_fields import MAX_CONTEXT, MAX_WINDOW
from hemgs_codec.context.order import ORDERS
from hemgs_codec.fit.options import LENGTHS, EncodeOptions
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN
from hemgs_codec.prior.prior import Prior
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError

MAX_POSITION = 1e36
MAX_ATTRIBUTE = 1e6


def check_values(scene: GaussianScene) -> None:
    """Refuse values whose squares or exponentials would leave floating point; no trained scene has any."""
    limits = {
        "means": MAX_POSITION,
        "log_scales": MAX_ATTRIBUTE,
        "opacity_logits": MAX_ATTRIBUTE,
        "sh0": MAX_ATTRIBUTE,
        "shN": MAX_ATTRIBUTE,
    }
    _check_limits(scene, limits, scene.num_gaussians, "Gaussians")


def check_options(lambda_: float, options: EncodeOptions) -> None:
    """Refuse options out of their ranges."""
    if not LAMBDA_MIN <= lambda_ <= LAMBDA_MAX:
        raise SceneError(f"lambda {lambda_:g} is out of range: expected {LAMBDA_MIN:g} .. {LAMBDA_MAX:g}")
    if options.order not in ORDERS:
        raise SceneError(f"order {options.order!r} is unknown: expected one of {', '.join(ORDERS)}")
    if not 0 <= options.context <= MAX_CONTEXT:
        raise SceneError(f"context {options.context} is out of range: expected 0 .. {MAX_CONTEXT}")
    if not 1 <= options.window <= MAX_WINDOW or options.window % 2 == 0:
        raise SceneError(
            f"window {options.window} is out of range: expected an odd number of 1 .. {MAX_WINDOW}"
        )
    if options.position_bits is not None and not 1 <= options.position_bits <= 21:
        raise SceneError(f"position bits {options.position_bits} are out of range: expected 1 .. 21")
    if options.iterations is not None and options.iterations < 1:
        raise SceneError(f"iterations {options.iterations} are out of range: expected at least 1")


def check_start(options: EncodeOptions, prior: Prior | None) -> None:
    """Refuse an effort that there isn't, or none where nothing is known before; and what no prior has."""
    most = len(LENGTHS) - 1
    if not 0 <= options.effort <= most:
        raise SceneError(f"effort {options.effort} is out of range: expected 0 .. {most}")
    if options.effort == 0 and options.iterations is None and prior is None:
        raise SceneError(
            "effort 0 is no fit at all, and there is no prior for this scene: expected 1 or more"
        )
    if prior is not None and not suits_priors(options):
        raise SceneError("a prior has contexts: expected a context of at least 1, or no prior")


def suits_priors(options: EncodeOptions) -> bool:
    """Whether a model of these options has all the parts that priors have."""
    return options.context > 0 and options.use_context and options.use_earlier


def check_refinement(
    steps: int, has_target: bool, images: str | Path | None, cameras: Sequence[Camera] | None
) -> None:
    """Refuse options of a refinement that don't go together."""
    if steps < 0:
        raise SceneError(f"refine {steps} is out of range: expected a number of steps, 0 or more")
    if steps and has_target:
        raise SceneError(
            "a scene is refined at one lambda, and that changes its size and PSNR: look for the lambda "
            "with a target first (hemgs info tells it), then refine at that lambda without one"
        )
    if images is not None and not steps:
        raise SceneError("photos are what a scene is refined towards: give a number of steps to refine, too")
    if images is not None and cameras is None:
        raise SceneError("photos need the cameras that took them: name the cameras, too")


def check_anchor_values(scene: AnchorScene) -> None:
    """Refuse values, and numbers of them, that the format has no room for."""
    shape = scene.networks.shape
    for name, size, limit in (
        ("features", shape.features, MAX_FEATURES),
        ("slots", shape.slots, MAX_SLOTS),
    ):
        if not 1 <= size <= limit:
            raise SceneError(f"anchors have {size} {name}, expected 1 .. {limit}")
    limits = {
        "anchors": MAX_POSITION,
        "features": MAX_ATTRIBUTE,
        "log_scales": MAX_ATTRIBUTE,
        "offsets": MAX_ATTRIBUTE,
    }
    _check_limits(scene, limits, scene.num_anchors, "anchors")


def _check_limits(
    scene: GaussianScene | AnchorScene, limits: dict[str, float], count: int, points: str
) -> None:
    for name, limit in limits.items():
        beyond = (np.abs(getattr(scene, name).reshape(count, -1)) > limit).any(axis=1)
        if beyond.any():
            raise SceneError(
                f"{name} is beyond ±{limit:g} in {int(beyond.sum())} of {count} {points}, "
                f"first in row {int(beyond.argmax())}: remove them first"
            )
