"""Gaussians as trainers begin them: spheres that no photo has shaped.

Scenes whose training was short, or that reach beyond what cameras see, keep many of them. Well trained ones
have none to learn from.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemgs_codec.scene import GaussianScene
from hemgs_codec.train.spacing import nearest_distances

_OPACITIES = (0.1, 0.02, 0.01)
"""Of a new Gaussian; of one whose opacity was taken back, in trainers of two kinds."""
_SH0 = 0.28209479177387814  # of spherical harmonics: a colour is 0.5 and so many times its coefficient
_LEAST_RADIUS = 1e-7


def freshened(scene: GaussianScene, share: float, rng: np.random.Generator) -> GaussianScene:
    """Return a scene of which about a share is as it was before training.

    Which rows they are is random, or they lie on one side of the scene. Positions stay. Drawn for all of them
    is what trainers differ in: opacity, whether orientations and colours are random, and how many times its
    neighbours' distance a sphere's radius is.
    """
    rows = _rows(scene, share, rng)
    if not len(rows):
        return scene
    log_scales, quats, sh0 = scene.log_scales.copy(), scene.quats.copy(), scene.sh0.copy()
    logits, bands = scene.opacity_logits.copy(), scene.shN.copy()
    radii = nearest_distances(scene.means[rows]) * math.exp(rng.uniform(-1.0, 0.5))
    log_scales[rows] = np.log(np.maximum(radii, _LEAST_RADIUS))[:, None]
    opacity = float(rng.choice(_OPACITIES))
    logits[rows] = math.log(opacity / (1 - opacity))
    turned = rng.standard_normal((len(rows), 4))
    upright = np.array([1.0, 0.0, 0.0, 0.0])
    quats[rows] = turned / np.linalg.norm(turned, axis=1, keepdims=True) if rng.random() < 0.5 else upright
    if rng.random() < 0.5:
        sh0[rows] = ((rng.random((len(rows), 3)) - 0.5) / _SH0).reshape(sh0[rows].shape)
    bands[rows] = 0
    return replace(scene, log_scales=log_scales, quats=quats, opacity_logits=logits, sh0=sh0, shN=bands)


def _rows(scene: GaussianScene, share: float, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    count = round(share * scene.num_gaussians)
    if rng.random() < 0.5:
        return np.sort(rng.choice(scene.num_gaussians, count, replace=False)).astype(np.intp)
    along = scene.means.astype(np.float64) @ rng.standard_normal(3)
    return np.sort(np.argsort(along, kind="stable")[:count])
