"""An anchor scene to plain Gaussians: averages over views, then steps toward the anchor scene's renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemgs_codec.anchors.neural import tensors_of
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.bake.average import average
from hemgs_codec.bake.exposure import view_exposures
from hemgs_codec.bake.refine import refine as refined
from hemgs_codec.bake.views import Background, split_views
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene

STEPS = 600


@dataclass(frozen=True)
class Baked:
    scene: GaussianScene
    psnr: float
    averaged_psnr: float
    fitted_psnr: float
    num_judged: int


def bake(
    scene: AnchorScene,
    cameras: Sequence[Camera],
    background: Background = (0.0, 0.0, 0.0),
    *,
    sh_degree: int = 3,
    refine: int = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Baked:
    scene.validate()
    tensors = tensors_of(scene)
    views = split_views(tensors, cameras, background)
    eyes = [camera.position for camera in views.fitted]
    start = average(tensors, eyes, view_exposures(tensors, views.fitted, progress), sh_degree)
    few = spread_views(views.fitted, 16)
    end = refined(start, views, steps=refine, seed=seed, progress=progress)
    a, b = views.psnr(start, few), views.psnr(end, few)
    return Baked(end, views.psnr(end, views.judged), views.psnr(start, views.judged), b, len(views.judged))
