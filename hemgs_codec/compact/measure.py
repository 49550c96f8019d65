"""What each Gaussian of a scene does for a set of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import colours_from
from hemgs_codec.render.removal import remove_each
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]

LEAST_SHARE = 0.5
"""A removal that mends part of the present error counts as this share of its own change, at least: many that
mend the same error would together overshoot."""
_LEAST_SUM = 1e-9


@dataclass(frozen=True)
class ByView:
    """Facts of each Gaussian in each view, float32.

    Attributes
    ----------
    weights : (V, N)
        Sums of blending weights.
    transmittances : (V, N)
        The mean of how much light passes what is before the Gaussian.
    colours : (V, N, 3)
        Of the Gaussian.
    behind : (V, N, 3)
        The mean of what lies behind it, background included.
    """

    weights: Float32Array
    transmittances: Float32Array
    colours: Float32Array
    behind: Float32Array


@dataclass(frozen=True)
class Standing:
    """What each Gaussian did for all of the cameras, by view, when the scene came; merged ones inherit it.

    Rounds look through a part of the cameras. What those miss mustn't look as if nothing ever sees it.

    Attributes
    ----------
    costs, weights : (N,) float64
        As in `Measured`, divided by the number of views.
    """

    costs: Float64Array
    weights: Float64Array


@dataclass(frozen=True)
class Measured:
    """Sums over pixels and views, one row per Gaussian.

    Attributes
    ----------
    error : float
        Squared error of all images against the references, over colours too.
    costs : (N,) float64
        How much the squared error rises without the Gaussian; at least what it stood for at first.
    weights : (N,) float64
        Blending weights; at least those it had at first.
    by_colour : (N, 3) float64
        Half the gradient of the squared error by the colour, the same in all views.
    by_view : ByView
    """

    error: float
    costs: Float64Array
    weights: Float64Array
    by_colour: Float64Array
    by_view: ByView


def measure(
    scene: GaussianScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    references: Sequence[Float32Array],
    standing: Standing | None = None,
) -> Measured:
    """Measure a scene against reference images (H, W, 3), one per camera."""
    views, count = len(cameras), scene.num_gaussians
    costs, weights, by_colour, error = np.zeros(count), np.zeros(count), np.zeros((count, 3)), 0.0
    by_view = ByView(*(np.empty((views, count, *more), np.float32) for more in ((), (), (3,), (3,))))
    for view, (camera, reference) in enumerate(zip(cameras, references, strict=True)):
        image, removal = remove_each(scene, camera, background, reference)
        error += float(np.square(image - reference, dtype=np.float64).sum())
        costs += np.maximum(removal.squares + 2 * removal.along, LEAST_SHARE * removal.squares)
        weights += removal.weights
        by_colour += removal.by_colour
        by_view.weights[view] = removal.weights
        by_view.transmittances[view] = removal.weights / np.maximum(removal.alphas, _LEAST_SUM)
        by_view.colours[view] = colours_from(scene, camera.position)
        uncovered = removal.changes / np.maximum(removal.weights, _LEAST_SUM)[:, None]
        by_view.behind[view] = by_view.colours[view] + uncovered
    if standing is not None:
        costs = np.maximum(costs, views * standing.costs)
        weights = np.maximum(weights, views * standing.weights)
    return Measured(error, costs, weights, by_colour, by_view)


def stand(
    scene: GaussianScene, cameras: Sequence[Camera], background: tuple[float, float, float]
) -> Standing:
    """Measure what each Gaussian of a whole scene does for its cameras."""
    costs, weights = np.zeros(scene.num_gaussians), np.zeros(scene.num_gaussians)
    for camera in cameras:
        _, removal = remove_each(scene, camera, background)
        costs += removal.squares
        weights += removal.weights
    return Standing(costs / len(cameras), weights / len(cameras))
