"""Where a scene's matter of interest is, from the Gaussians alone, and whether one looks at it from outside.

Training splits Gaussians until they are small on the photos. Where photos were taken from near by they are
small in space too: so detail, not matter, tells what the photographer walked around. In a room the detail is
a small core among large Gaussians on walls and beyond; an object is as detailed at its rim as inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemgs_codec.cameras.look_at import Vector
from hemgs_codec.render.projection import NEAR, opacities_of
from hemgs_codec.scene import GaussianScene

_ROOM = 0.5
"""A core of less than this share of the median distance is a room's. Chair 1.0, desk 1.0, bonsai 0.3."""
_MOST_LOG_SCALE = 40.0  # beyond it areas overflow; no scene is that large


@dataclass(frozen=True, eq=False)
class Layout:
    """What cameras are placed by.

    Attributes
    ----------
    focus : (3,) float64
        The middle of the detail: per axis, the median by weight.
    core : float
        Distance from the focus within which half of the detail is.
    extent : float
        Distance from the focus within which 90 % of Gaussians are.
    inside : bool
        Whether the scene surrounds its viewers: a room.
    """

    focus: Vector
    core: float
    extent: float
    inside: bool


def layout_of(scene: GaussianScene) -> Layout:
    """Return a scene's layout; a few Gaussians far away, or all at one point, don't upset it."""
    means = scene.means.astype(np.float64)
    scales = np.exp(
        np.sort(np.clip(scene.log_scales, -_MOST_LOG_SCALE, _MOST_LOG_SCALE), axis=1).astype(np.float64)
    )
    width = np.sqrt(scales[:, 1] * scales[:, 2])
    width = np.maximum(width, np.quantile(width, 0.05))
    weights = (opacities_of(scene).astype(np.float64) + 1e-6) / width
    focus = np.array([_weighted_median(means[:, axis], weights) for axis in range(3)])
    distances = np.linalg.norm(means - focus, axis=1)
    core = _weighted_median(distances, weights)
    inside = core < _ROOM * float(np.median(distances))
    # A Gaussian has a size even where its centre is the focus; nearer than the near plane nothing is drawn;
    # and float32 must tell Gaussians apart.
    least = max(3 * _weighted_median(scales[:, 2], weights), 4 * NEAR, 1e-4 * float(np.abs(focus).max()))
    extent = max(float(np.quantile(distances, 0.9)), least)
    return Layout(focus, min(max(core, least), extent), extent, inside)


def _weighted_median(values: Vector, weights: Vector) -> float:
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])
