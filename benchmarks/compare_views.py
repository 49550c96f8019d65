"""What a comparison judges by: held-out views of a scene, its photos, and renders of the original."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.judge import JUDGED, render_views
from benchmarks.scenes import surroundings
from hemgs_codec import read_ply
from hemgs_codec.cameras import read_cameras
from hemgs_codec.distortion.views import choose_views, spread_views
from hemgs_codec.evaluate import evaluate, mean_scores
from hemgs_codec.metrics import psnr
from hemgs_codec.pictures import picture

if TYPE_CHECKING:
    from hemgs_codec.render.eight_bit import UInt8Array


class Scene:
    """An original and its views.

    Parameters
    ----------
    ply : Path
        Beside it: cameras.json, metrics.json and a folder of images, all of which may be lacking. Without
        cameras some are made up.
    most_views : int

    Attributes
    ----------
    options : tuple of str
        What `hemgs encode` is told of the views.
    """

    def __init__(self, ply: Path, most_views: int) -> None:
        beside = surroundings(ply)
        self._ply = ply
        self._judges_renders: list[UInt8Array] = []
        self.original = read_ply(ply)
        self.num_gaussians = self.original.num_gaussians
        self.has_cameras = beside.cameras is not None
        cameras = None if beside.cameras is None else read_cameras(beside.cameras)
        views = choose_views(self.original, cameras, beside.background)
        self.cameras, self.background = spread_views(views.judged, most_views), views.background
        self.images, self.options = beside.images, beside.options

    def scores(self, ply: Path) -> dict[str, Any]:
        """Return mean scores of a decoded .ply; null where images are equal and PSNR has no end."""
        views = evaluate(
            self.original,
            read_ply(ply),
            self.cameras,
            background=self.background,
            images=self.images,
            metrics=("psnr", "ssim", "flip"),
        )
        means = {
            key: round(value, 4) if math.isfinite(value) else None
            for key, value in mean_scores(views).items()
        }
        return {"num_views": len(self.cameras), "made_up_views": not self.has_cameras, **means}

    def middle_picture(self, ply: Path) -> UInt8Array:
        """Render a .ply from the middle one of the views, (H, W, 3)."""
        camera = self.cameras[len(self.cameras) // 2]
        return picture(read_ply(ply), camera, self.background)

    def judged(self, peers: Path, ply: Path) -> dict[str, Any]:
        """Return the mean PSNR of a decoded .ply as another renderer sees it and the original.

        Raises
        ------
        JudgeError
            See `benchmarks.judge.render_views`.
        """
        if not self._judges_renders:
            self._judges_renders = render_views(peers, self._ply, self.cameras, self.background)
        shown = render_views(peers, ply, self.cameras, self.background)
        mean = fmean(psnr(a, b) for a, b in zip(shown, self._judges_renders, strict=True))
        return {JUDGED: round(mean, 4) if math.isfinite(mean) else None}
