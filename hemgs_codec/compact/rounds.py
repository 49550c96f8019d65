"""Rounds of compaction: measure, correct colours, choose, take away and merge, and measure again.

Costs hold for one removal at a time, so a round takes a small share of the Gaussians, and the next one
measures against the images of the scene as it came. Merging by moments over a sparse graph of neighbours is
NanoGS's idea (arXiv 2603.16103); costs here are errors of images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

from hemgs_codec.compact.choose import Choice, choose
from hemgs_codec.compact.colours import correct_colours
from hemgs_codec.compact.measure import Measured, Standing, measure
from hemgs_codec.compact.moments import merge_pairs
from hemgs_codec.compact.pairs import NO_PAIRS, PairCosts, pair_costs
from hemgs_codec.progress import Progress
from hemgs_codec.render import Camera
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]

ROUND_SHARE = 0.12
"""Of the Gaussians, at most this share goes in a round."""
_LEAST_SHARE = 0.005  # where even so few at once aren't worth it there's nothing left to do

Operations = Literal["both", "prune", "merge"]


def _join(one: GaussianScene, two: GaussianScene) -> GaussianScene:
    return GaussianScene(*(np.concatenate([getattr(one, f.name), getattr(two, f.name)]) for f in fields(one)))


@dataclass
class Rounds:
    """A scene on its way down, and what it is measured by.

    Attributes
    ----------
    scene : GaussianScene
    cameras, references
        The views, and their images (H, W, 3) of the scene as it came.
    standing : Standing
        Of the scene, row by row.
    operations, correct
        As in `compact`.
    progress : Progress or None
        Told of every round.
    num_unseen, num_pruned, num_merged : int
        Gaussians less so far: in no view, by other removals, by mergers.
    """

    scene: GaussianScene
    cameras: Sequence[Camera]
    background: tuple[float, float, float]
    references: Sequence[Float32Array]
    standing: Standing
    operations: Operations
    correct: bool
    progress: Progress | None = None
    num_unseen: int = field(default=0, init=False)
    num_pruned: int = field(default=0, init=False)
    num_merged: int = field(default=0, init=False)
    _num_input: int = field(init=False)
    _measured: Measured = field(init=False)

    def __post_init__(self) -> None:
        self._num_input = self.scene.num_gaussians
        self._measured = self._measure(self.scene, self.standing)

    @property
    def num_samples(self) -> int:
        """Pixels of all views, times three."""
        return sum(reference.size for reference in self.references)

    @property
    def mse(self) -> float:
        """Mean squared error of the views against the scene as it came."""
        return self._measured.error / self.num_samples

    def until(self, goal: int) -> None:
        """Go on until ``goal`` Gaussians are left, or nothing can go."""
        while (left := self.scene.num_gaussians) > goal:
            removals, pairs = self._costs()
            most = min(left - goal, math.ceil(ROUND_SHARE * left))
            choice = choose(removals, pairs.pairs, pairs.costs, most, math.inf)
            if choice.count == 0:
                break
            scene, standing = self._apply(choice, pairs)
            self._accept(scene, standing, self._measure(scene, standing), choice, goal)

    def while_worth_it(self, price: float) -> None:
        """Go on while each Gaussian less costs less than ``price`` in squared error.

        What a round did is measured, and undone where it wasn't worth it: then half as many are tried.
        """
        share = ROUND_SHARE
        removals, pairs = self._costs()
        while share >= _LEAST_SHARE and (left := self.scene.num_gaussians) > 1:
            choice = choose(removals, pairs.pairs, pairs.costs, min(left - 1, math.ceil(share * left)), price)
            if choice.count == 0:
                break
            scene, standing = self._apply(choice, pairs)
            after = self._measure(scene, standing)
            if after.error - self._measured.error >= price * choice.count:
                share /= 2
                continue
            self._accept(scene, standing, after, choice, 1)
            if choice.count < _LEAST_SHARE * left:
                break
            removals, pairs = self._costs()

    def settle(self, sweeps: int) -> None:
        """Correct colours once more, a look through the views each time, for as long as it helps."""
        for _ in range(sweeps):
            scene = correct_colours(self.scene, self._measured)
            measured = self._measure(scene, self.standing)
            if measured.error >= self._measured.error:
                return
            self.scene, self._measured = scene, measured

    def _measure(self, scene: GaussianScene, standing: Standing) -> Measured:
        return measure(scene, self.cameras, self.background, self.references, standing)

    def _costs(self) -> tuple[Float64Array, PairCosts]:
        measured = self._measured
        removals = measured.costs
        if self.operations == "merge":
            removals = np.where(measured.weights > 0, np.inf, removals)
        if self.operations == "prune":
            return removals, NO_PAIRS
        return removals, pair_costs(self.scene, self.cameras, measured)

    def _apply(self, choice: Choice, pairs: PairCosts) -> tuple[GaussianScene, Standing]:
        scene = correct_colours(self.scene, self._measured) if self.correct else self.scene
        chosen = choice.merged
        keep = np.ones(scene.num_gaussians, np.bool_)
        keep[choice.removed] = False
        both = pairs.pairs[chosen]
        keep[both.ravel()] = False
        standing = Standing(
            *(
                np.concatenate([values[keep], values[both].sum(axis=1)])
                for values in (self.standing.costs, self.standing.weights)
            )
        )
        parts = [scene.take(keep)] if keep.any() else []
        if len(chosen):
            parts.append(
                merge_pairs(scene, pairs.pairs[chosen], pairs.shares[chosen], pairs.opacities[chosen])
            )
        return (parts[0] if len(parts) == 1 else _join(*parts)), standing

    def _accept(
        self, scene: GaussianScene, standing: Standing, measured: Measured, choice: Choice, goal: int
    ) -> None:
        unseen = int((self._measured.weights[choice.removed] == 0).sum())
        self.num_unseen += unseen
        self.num_pruned += len(choice.removed) - unseen
        self.num_merged += len(choice.merged)
        self.scene, self.standing, self._measured = scene, standing, measured
        if self.progress is not None:
            self.progress("compact", self._num_input - scene.num_gaussians, self._num_input - goal)
