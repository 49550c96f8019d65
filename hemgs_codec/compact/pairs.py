"""Which neighbours could be one, and what that would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.compact.measure import Measured
from hemgs_codec.compact.moments import covariances, merge_moments
from hemgs_codec.compact.overlaps import pair_costs_by_overlaps
from hemgs_codec.context.neighbours import nearest
from hemgs_codec.lattice import fit_lattice
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.projection import opacities_of
from hemgs_codec.scene import GaussianScene

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

NEIGHBOURS = 6
"""Of each Gaussian, that it may merge with. More find more pairs that only seem cheap."""
DOUBT = 0.6
"""A merger costs this share of the cheaper one's removal on top: the smaller of two does something that the
local picture of their overlaps leaves out. Chosen on the chair, where single mergers were rendered."""


@dataclass(frozen=True)
class PairCosts:
    """Pairs of a scene that could be one, by rows.

    Attributes
    ----------
    pairs : (P, 2) int64
        The scene's rows, the first smaller.
    shares : (P, 2) float64
        Of the pair's mass.
    opacities : (P,) float64
        Of the merged Gaussian.
    costs : (P,) float64
        Predicted sum over pixels, colours and views of the squared change; inf where no view sees the pair.
    """

    pairs: Int64Array
    shares: Float64Array
    opacities: Float64Array
    costs: Float64Array


NO_PAIRS = PairCosts(np.empty((0, 2), np.int64), np.empty((0, 2)), np.empty(0), np.empty(0))


def neighbour_pairs(scene: GaussianScene, count: int) -> Int64Array:
    """Return pairs (P, 2) of Gaussians of which one is among the ``count`` nearest of the other, sorted."""
    lattice = fit_lattice(scene.means, 0)
    coords = lattice.quantise(scene.means)
    order = morton_sort(coords)
    points = lattice.base_points(coords)[order]
    sequence = np.arange(len(points), dtype=np.int64)
    everywhere = np.full(len(points), 1 << 26, np.int64)
    ranks, _ = nearest(points, sequence, everywhere, count=count, causal=False)
    first, second = np.repeat(order, count), ranks.astype(np.int64).ravel()
    there = second >= 0
    first, second = first[there], order[second[there]]
    both = np.minimum(first, second) * np.int64(len(points)) + np.maximum(first, second)
    both = np.unique(both)
    return np.stack([both // len(points), both % len(points)], axis=1)


def pair_costs(
    scene: GaussianScene, cameras: Sequence[Camera], measured: Measured, count: int = NEIGHBOURS
) -> PairCosts:
    """Predict what merging each pair of neighbours costs.

    Parameters
    ----------
    measured
        Of this scene, from these cameras.
    count
        Neighbours of each Gaussian to look at.
    """
    pairs = neighbour_pairs(scene, count)
    pairs = pairs[(measured.weights[pairs] > 0).all(axis=1)]
    masses = measured.weights[pairs]
    shares = masses / masses.sum(axis=1, keepdims=True)
    covariance = covariances(scene)
    merged_means, merged_covariance = merge_moments(scene.means, covariance, shares, pairs)
    costs, opacities = np.empty(len(pairs)), np.empty(len(pairs))
    pair_costs_by_overlaps(
        pairs,
        shares,
        scene.means,
        covariance,
        merged_means,
        merged_covariance,
        opacities_of(scene).astype(np.float64),
        measured.weights,
        measured.by_view.weights,
        measured.by_view.transmittances,
        measured.by_view.colours,
        measured.by_view.behind,
        np.stack([camera.world_to_camera for camera in cameras]),
        np.array([[camera.fx, camera.fy] for camera in cameras]),
        costs,
        opacities,
    )
    costs += DOUBT * measured.costs[pairs].min(axis=1)
    return PairCosts(pairs, shares, opacities, costs)
