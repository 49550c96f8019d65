"""An anchor scene to plain Gaussians: averages over views, then steps toward the anchor scene's renders.

anchors, networks ── every fitted view ── average: means, and harmonics by least squares
                                             │
                        refine: Adam toward the anchor scene's renders
                                             │
                           plain Gaussians ── PSNR in views that had no part in it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hemgs_codec.anchors.neural import tensors_of
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.bake.average import average
from hemgs_codec.bake.exposure import view_exposures
from hemgs_codec.bake.refine import refine as refined
from hemgs_codec.bake.rough import made_up_cameras
from hemgs_codec.bake.views import split_views
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.progress import Progress
from hemgs_codec.render.autograd import Background
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import MAX_SH_DEGREE, GaussianScene
from hemgs_format.errors import SceneError

STEPS = 500
_COMPARED = 16  # fitted views that tell whether refinement did any good


@dataclass(frozen=True)
class Baked:
    """Plain Gaussians, and how near their renders are to the anchor scene's.

    Attributes
    ----------
    scene : GaussianScene
        One Gaussian for each slot that is seen.
    psnr : float
        Mean over the held-out views of the PSNR of 8-bit renders to the anchor scene's; infinite if all
        are equal.
    averaged_psnr : float
        The same before refinement.
    num_views : int
        Held-out views.
    """

    scene: GaussianScene
    psnr: float
    averaged_psnr: float
    num_views: int


def bake(
    scene: AnchorScene,
    cameras: Sequence[Camera] | None = None,
    background: Background = (0.0, 0.0, 0.0),
    *,
    sh_degree: int = MAX_SH_DEGREE,
    refine: int = STEPS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Baked:
    """Make plain Gaussians that look like an anchor scene.

    Parameters
    ----------
    scene
        Its networks give other Gaussians to every view; here each slot gets one.
    cameras
        Views that people will look from; None: some are made up. Test views, or every eighth if none is
        marked so, are held out to judge by.
    background
        What is behind the scene in these views.
    sh_degree
        Of the Gaussians' colours, 0 to 3.
    refine
        Steps of one view each toward the anchor scene's renders; 0: none. Where they make the fitted views
        worse, they are taken back.
    seed
        Of the order of views.
    progress
        Called with stage, done and total.

    Returns
    -------
    Baked
        The same for the same arguments and machine.

    Raises
    ------
    SceneError
        The scene isn't valid, no Gaussian is seen, there are no cameras, or the degree is none of 0 .. 3.
    """
    scene.validate()
    if sh_degree not in range(MAX_SH_DEGREE + 1):
        raise SceneError(f"the SH degree is {sh_degree}, expected 0 .. {MAX_SH_DEGREE}")
    tensors = tensors_of(scene)
    if cameras is None:
        cameras = made_up_cameras(tensors, progress=progress)
    views = split_views(tensors, cameras, background)
    eyes = [camera.position for camera in views.fitted]
    averaged = average(tensors, eyes, view_exposures(tensors, views.fitted, progress), sh_degree)
    before = views.psnr(averaged, views.judged)
    if refine == 0:
        return Baked(averaged, before, before, len(views.judged))
    after = refined(averaged, views, steps=refine, seed=seed, progress=progress)
    compared = spread_views(views.fitted, _COMPARED)
    if views.psnr(after, compared) < views.psnr(averaged, compared):
        after = averaged
    return Baked(after, views.psnr(after, views.judged), before, len(views.judged))
