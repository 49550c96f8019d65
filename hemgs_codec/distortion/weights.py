"""Distortion weights: what errors cost, in one unit that doesn't depend on lambda (SPEC "Encoder notes")."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.model.spec import Group
from hemgs_format.errors import SceneError

Float64Array = npt.NDArray[np.float64]

REFERENCE_LAMBDA = 2e-3
RATE_WEIGHT = 6.0 * REFERENCE_LAMBDA / math.log(2.0)
"""Makes a weight the inverse square of a step: a step costs this * weight * step**2 / 12 in lambda bits."""
LOSS_PER_SQUARED_ERROR = 24.0
"""Rise of 0.8 L1 + 0.2 (1 - SSIM) against photos per mean squared error of renders (SPEC "Encoder notes")."""
GEOMETRY_SHARE = 0.5
"""What errors of shape and place count of their cost one by one: together they undo each other in part."""
IMPORTANCE_STEP = 0.8
"""Octaves; at every lambda: what a wrong guess of all steps costs doesn't depend on it."""
LATTICE_QUANTILE = 0.7
"""Share of the positions that the lattice is too fine for."""
MAX_LOG_SIZE = 80.0
"""Log-scales are clamped to this both ways where they say how large a Gaussian is."""


@dataclass(frozen=True)
class Weights:
    """What errors cost: inverse squares of the steps that are best at the reference lambda and high rates.

    Attributes
    ----------
    values : (N, C) float64
        Of squared errors in a scene's channels.
    positions : (N,) float64
        Of squared errors in each coordinate of the position, in world units; of no use where the lattice is
        given.
    importance : (N,) float64 or None
        log2 of how coarse a Gaussian's steps may be, which is sent with it; None: it isn't sent, decoders
        guess.
    """

    values: Float64Array
    positions: Float64Array
    importance: Float64Array | None = None

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse weights of other shapes than (N, C), or that aren't positive and finite."""
        arrays = {"values": (self.values, shape), "positions": (self.positions, shape[:1])}
        for name, (array, expected) in arrays.items():
            if array.shape != expected or not (np.isfinite(array).all() and (array > 0).all()):
                raise SceneError(f"{name} of weights must be {expected}, finite and positive")
        if self.importance is not None and (
            self.importance.shape != shape[:1] or not np.isfinite(self.importance).all()
        ):
            raise SceneError(f"importance must be {shape[:1]} and finite")

    def prices(self, lambda_: float, groups: tuple[Group, ...]) -> Float64Array:
        """Return the bits (N, C) that squared errors are worth."""
        prices = self.values * (RATE_WEIGHT / lambda_)
        first = 0
        for group in groups:
            part = prices[:, first : first + group.channels]
            if not group.follows_lambda:
                part *= lambda_ / REFERENCE_LAMBDA
            first += group.channels
        return prices

    def take(self, rows: npt.NDArray[np.intp]) -> Weights:
        """Return the weights of the chosen rows, in their order."""
        importance = None if self.importance is None else self.importance[rows]
        return Weights(self.values[rows], self.positions[rows], importance)

    def with_geometry_at(self, share: float) -> Weights:
        """Return the same weights, with those of opacity, scales, rotation and position times ``share``."""
        values = self.values.copy()
        values[:, profile.OPACITY_CHANNEL : profile.DC_CHANNELS.start] *= share
        return replace(self, values=values, positions=self.positions * share)

    def sent(self) -> Weights:
        """Return the same weights with an importance: where there is none, that of a Gaussian's colour."""
        if self.importance is not None:
            return self
        return replace(self, importance=colour_importance(self.values))

    def with_importance(self, attributes: Float64Array) -> Float64Array:
        """Return attributes (N, C) with the importance in its channel."""
        if self.importance is None:
            return attributes
        filled = attributes.copy()
        filled[:, profile.IMPORTANCE_CHANNEL] = self.importance
        return filled


def lattice_step_for(weights: Weights, lambda_: float) -> float:
    """Return the lattice step in world units: so coarse that most positions are refined (SPEC "Lattice").

    Like every step, it grows as the square root of lambda.
    """
    wanted = float(np.quantile(weights.positions**-0.5, LATTICE_QUANTILE))
    return wanted * float(np.sqrt(lambda_ / REFERENCE_LAMBDA))


def colour_importance(values: Float64Array) -> Float64Array:
    """Return log2 (N,) of the step that a colour wants by its weight, among weights (N, C)."""
    return np.asarray(-0.5 * np.log2(values[:, profile.DC_CHANNELS.start]))
