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
from hemgs_codec.compact.measure import Measured, measure
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
    operations, correct
        As in `compact`.
    num_unseen, num_pruned, num_merged : int
        Gaussians less so far: in no view, by other removals, by mergers.
    """

    scene: GaussianScene
    cameras: Sequence[Camera]
    background: tuple[float, float, float]
    references: Sequence[Float32Array]
    operations: Operations
    correct: bool
    progress: Progress | None
    num_unseen: int = field(default=0, init=False)
    num_pruned: int = field(default=0, init=False)
    num_merged: int = field(default=0, init=False)
    _num_input: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._num_input = self.scene.num_gaussians

    def until(self, goal: int) -> float:
        """Go on until ``goal`` Gaussians are left, or nothing can go; return the images' squared error."""
        measured = self._measure(self.scene)
        while (left := self.scene.num_gaussians) > goal:
            removals, pairs = self._costs(measured)
            most = min(left - goal, math.ceil(ROUND_SHARE * left))
            choice = choose(removals, pairs.pairs, pairs.costs, most, math.inf)
            if choice.count == 0:
                break
            self._accept(self._apply(measured, choice, pairs), measured, choice, goal)
            measured = self._measure(self.scene)
        return measured.error

    def while_worth_it(self, price: float) -> float:
        """Go on while each Gaussian less costs less than ``price`` in squared error; return that error.

        What a round did is measured, and undone where it wasn't worth it: then half as many are tried.
        """
        measured, share = self._measure(self.scene), ROUND_SHARE
        removals, pairs = self._costs(measured)
        while share >= _LEAST_SHARE and (left := self.scene.num_gaussians) > 1:
            choice = choose(removals, pairs.pairs, pairs.costs, min(left - 1, math.ceil(share * left)), price)
            if choice.count == 0:
                break
            candidate = self._apply(measured, choice, pairs)
            after = self._measure(candidate)
            if after.error - measured.error >= price * choice.count:
                share /= 2
                continue
            self._accept(candidate, measured, choice, 1)
            measured = after
            removals, pairs = self._costs(measured)
            if choice.count < _LEAST_SHARE * left:
                break
        return measured.error

    def _measure(self, scene: GaussianScene) -> Measured:
        return measure(scene, self.cameras, self.background, self.references)

    def _costs(self, measured: Measured) -> tuple[Float64Array, PairCosts]:
        removals = measured.costs
        if self.operations == "merge":
            removals = np.where(measured.weights > 0, np.inf, removals)
        if self.operations == "prune":
            return removals, NO_PAIRS
        return removals, pair_costs(self.scene, self.cameras, measured)

    def _apply(self, measured: Measured, choice: Choice, pairs: PairCosts) -> GaussianScene:
        scene = correct_colours(self.scene, measured) if self.correct else self.scene
        chosen = choice.merged
        keep = np.ones(scene.num_gaussians, np.bool_)
        keep[choice.removed] = False
        keep[pairs.pairs[chosen].ravel()] = False
        parts = [scene.take(keep)] if keep.any() else []
        if len(chosen):
            parts.append(
                merge_pairs(scene, pairs.pairs[chosen], pairs.shares[chosen], pairs.opacities[chosen])
            )
        return parts[0] if len(parts) == 1 else _join(*parts)

    def _accept(self, scene: GaussianScene, measured: Measured, choice: Choice, goal: int) -> None:
        self.scene = scene
        unseen = int((measured.weights[choice.removed] == 0).sum())
        self.num_unseen += unseen
        self.num_pruned += len(choice.removed) - unseen
        self.num_merged += len(choice.merged)
        if self.progress is not None:
            self.progress("compact", self._num_input - scene.num_gaussians, self._num_input - goal)
