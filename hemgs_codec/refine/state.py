"""A scene being refined: latents, the tables that round them, and Adam's memory, all by rank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.coding.arrange import arrange
from hemgs_codec.coding.quantise import divide_cells
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.units import lambda_to_q
from hemgs_codec.progress import Progress
from hemgs_codec.refine.adam import Adam
from hemgs_codec.refine.latents import Rounding
from hemgs_codec.refine.tables import Tables, listen
from hemgs_codec.scene import GaussianScene

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
_EDGE = 0.01
"""Places keep this far from the sides of their cells: rounded to float32 they mustn't leave."""


class State:
    """Where a refinement stands.

    Attributes
    ----------
    values : (N, C) float64
        In channel scales, as of the last walk.
    places : (N, 3) float64
        Where in their lattice cells anchors lie, 0 .. 1 an axis, as of the last walk.
    tables
        Of the last walk.
    latents, place_latents : (N, C), (N, 3) float32
        Values in symbols and places in parts of cells, as of now.
    rounding
        What `draw` made of the latents: values, and what they cost.
    """

    def __init__(
        self,
        scene: GaussianScene,
        attributes: Float64Array,
        weights: Weights,
        fitted: FittedModel,
        lattice: Lattice,
        lambda_: float,
        arithmetic: ExactArithmetic,
    ) -> None:
        self._scene, self._attributes, self._lattice = scene, attributes, lattice
        self._fitted, self._arithmetic, self._lambda_q = fitted, arithmetic, lambda_to_q(lambda_)
        self._arranged = arrange(scene.means, fitted, lattice)
        self._coords = self._arranged.coords[self._arranged.graph.sequence]
        rows, groups = self._arranged.rows, fitted.model.spec.groups
        self._scales = fitted.scaling.channel_scales(groups)
        self._offsets = fitted.scaling.channel_offsets(groups)
        self._prices = weights.prices(lambda_, groups)[rows] * self._scales**2
        self.values = fitted.scaling.normalise(weights.with_importance(attributes)[rows], groups)
        self.places = self._arranged.places.clip(_EDGE, 1.0 - _EDGE)
        self._adam, self._place_adam = Adam(self.values.shape), Adam(self.places.shape)
        self.walk()

    def walk(self, progress: Progress | None = None) -> None:
        """Code the scene as it is now, for tables that go with it."""
        self.tables: Tables = listen(
            self._arranged,
            self._fitted,
            self._arithmetic,
            self._lambda_q,
            self.values,
            self.places,
            self._prices,
            progress,
        )
        steps = self.tables.steps
        coded = steps > 0
        self.latents = np.where(coded, self.values / np.where(coded, steps, 1), 0).astype(np.float32)
        self.rounding = Rounding(self.tables, self._prices * np.square(steps, dtype=np.float64))
        self._moves = coded
        self._moves[:, profile.IMPORTANCE_CHANNEL] = False  # it says how coarse others are: no gradient knows
        self._part = np.exp2(-self.tables.halvings.astype(np.float64))[:, None]
        self.place_latents = (self.places / self._part).astype(np.float32)

    def settle(self) -> None:
        """Turn latents back into values and places, which outlive the tables."""
        self.values = np.where(self._moves, self.latents * self.tables.steps.astype(np.float64), self.values)
        self.places = (self.place_latents * self._part).clip(_EDGE, 1.0 - _EDGE)

    def draw(self) -> tuple[Float64Array, GaussianScene]:
        """Round the latents; return the attributes (N, C) and the scene that a decoder would have."""
        self.rounding.update(self.latents)
        attributes = self.rounding.values * self._scales + self._offsets
        parts = divide_cells(np.asarray(self.place_latents * self._part, np.float64), self.tables.halvings)
        means = self._lattice.means(self._coords, parts, self.tables.halvings)
        return attributes, profile.scene_from_attributes(means, attributes, self._scene.sh_degree)

    def step(
        self, by_attributes: Float64Array, by_means: Float64Array, rate: float, place_rate: float
    ) -> None:
        """Step against gradients (N, C), (N, 3), in bits, of what `draw` returned, and those of the bits.

        Parameters
        ----------
        rate, place_rate
            Symbols, and parts of cells, that a step takes.
        """
        gradients = by_attributes * (self._scales * self.tables.steps) + self.rounding.slopes
        gradients[~self._moves] = 0
        self._adam.step(self.latents, gradients.astype(np.float32), rate)
        by_places = by_means * (self._part * (self._lattice.step * self._lattice.unit))
        by_places[self.tables.halvings == 0] = 0  # wherever it is, its cell's middle is drawn
        self._place_adam.step(self.place_latents, by_places.astype(np.float32), place_rate)
        np.clip(self.place_latents, _EDGE / self._part, (1.0 - _EDGE) / self._part, out=self.place_latents)

    def result(self) -> tuple[GaussianScene, Float64Array]:
        """Return the refined scene and attributes (N, C), rows as in the original."""
        self.settle()
        rows, lattice = self._arranged.rows, self._lattice
        attributes = self._attributes.copy()
        attributes[rows] = np.where(self._moves, self.values * self._scales + self._offsets, attributes[rows])
        offset = (self._coords + self.places - 0.5) * (lattice.step * lattice.unit)
        moved = (offset + np.array(lattice.origin)).astype(np.float32)
        stays = (lattice.quantise(moved) == self._coords).all(axis=1) & (self.tables.halvings > 0)
        means = self._scene.means.copy()
        means[rows[stays]] = moved[stays]
        return profile.scene_from_attributes(means, attributes, self._scene.sh_degree), attributes
