"""Variations of a scene to learn from: of another orientation, size and density, and only a part of it.

All change the scene and its distortion weights together, and keep its rows' order. What is random comes from
the generator that is handed in, and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.distortion.weights import Weights
from hemgs_codec.prior.rotate import MIRROR, random_rotation, rotated, rotated_weights
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Augmentation:
    """How much a scene is varied.

    Attributes
    ----------
    count
        Most Gaussians of the part that is kept.
    smallest, largest
        Factors of size that scenes are scaled within, uniform in their logarithm.
    mirrored
        Share of the scenes that are mirrored.
    thinned
        Share of the scenes that lose Gaussians.
    least_kept
        Share of its Gaussians that such a scene keeps at least; how many is uniform in the logarithm.
    """

    count: int = 16_384
    smallest: float = 0.5
    largest: float = 2.0
    mirrored: float = 0.5
    thinned: float = 0.25
    least_kept: float = 0.5

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.smallest <= self.largest < math.inf:
            raise SceneError(
                "a part has at least one Gaussian, and factors of size are 0 < smallest <= largest"
            )
        if not (0 <= self.mirrored <= 1 and 0 <= self.thinned <= 1 and 0 < self.least_kept <= 1):
            raise SceneError("shares are 0 .. 1, and something is kept of every scene")


def augment(
    scene: GaussianScene, weights: Weights, rng: np.random.Generator, options: Augmentation | None = None
) -> tuple[GaussianScene, Weights]:
    """Return a random variation of a scene: thinned, cropped, mirrored, rotated and scaled.

    Rotations are uniform. A thinned scene's crop reaches farther. Distances among Gaussians say what is in a
    crop, so it's taken before the scene is turned and scaled, which then costs less.

    Parameters
    ----------
    scene, weights
        N Gaussians, and what errors in them cost in the whole scene.

    Returns
    -------
    scene, weights
        Of at most ``options.count`` Gaussians.
    """
    options = options if options is not None else Augmentation()
    left: Rows | None = None
    if rng.random() < options.thinned:
        left = thin(scene, math.exp(rng.uniform(math.log(options.least_kept), 0.0)), rng)
    rows = crop(scene, options.count, rng, among=left)
    matrix = random_rotation(rng)
    if rng.random() < options.mirrored:
        matrix = matrix @ MIRROR
    factor = math.exp(rng.uniform(math.log(options.smallest), math.log(options.largest)))
    part, part_weights = rotated(scene.take(rows), matrix), rotated_weights(weights.take(rows), matrix)
    return scaled(part, factor), scaled_weights(part_weights, factor)


def crop(scene: GaussianScene, count: int, rng: np.random.Generator, *, among: Rows | None = None) -> Rows:
    """Choose the ``count`` Gaussians nearest to a random one, itself among them; all where there are no more.

    Parameters
    ----------
    among : (M,) intp or None
        Rows to choose from, ascending; None: all.

    Returns
    -------
    (min(count, M),) intp
        Rows of the scene, ascending.
    """
    rows = np.arange(scene.num_gaussians) if among is None else among
    means = scene.means[rows].astype(np.float64)
    squares = np.square(means - means[rng.integers(len(rows))]).sum(axis=1)
    return np.sort(rows[np.argsort(squares, kind="stable")[:count]])


def thin(scene: GaussianScene, share: float, rng: np.random.Generator) -> Rows:
    """Choose a random share of the Gaussians, at least one: (M,) intp rows, ascending.

    The others don't grow to fill the gaps, and errors cost as before: they had best be those of a scene that
    was trained to be so thin, and nobody knows them.
    """
    kept = max(1, round(share * scene.num_gaussians))
    return np.sort(rng.choice(scene.num_gaussians, kept, replace=False)).astype(np.intp)


def scaled(scene: GaussianScene, factor: float) -> GaussianScene:
    """Return a scene ``factor`` times as large about the world's origin; colours follow directions alone."""
    return GaussianScene(
        means=(scene.means.astype(np.float64) * factor).astype(np.float32),
        log_scales=(scene.log_scales.astype(np.float64) + math.log(factor)).astype(np.float32),
        quats=scene.quats,
        opacity_logits=scene.opacity_logits,
        sh0=scene.sh0,
        shN=scene.shN,
    )


def scaled_weights(weights: Weights, factor: float) -> Weights:
    """Return the weights of a scene ``factor`` times as large, whose pictures are the same.

    Only positions have a unit of length: an error as long as before is a smaller part of the scene.
    """
    return Weights(weights.values, weights.positions / factor**2, weights.importance)


def mirrored(scene: GaussianScene) -> GaussianScene:
    """Return the scene's mirror image: x to −x."""
    return rotated(scene, MIRROR)
