"""Choose what goes in a round: the cheapest removals and mergers that don't share a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """A round's work; each item leaves one Gaussian less.

    Attributes
    ----------
    removed : (R,) int64
        Gaussians that go.
    merged : (M,) int64
        Rows of pairs that become one.
    """

    removed: Int64Array
    merged: Int64Array

    @property
    def count(self) -> int:
        """Gaussians less."""
        return len(self.removed) + len(self.merged)


@cached
def _take(order: Int64Array, pairs: Int64Array, count: int, most: int) -> Int64Array:
    """Return the taken of ``order``: numbers below ``count`` are Gaussians, the others pairs after them."""
    used = np.zeros(count, np.bool_)
    taken = np.empty(most, np.int64)
    size = 0
    for item in order:
        if size == most:
            break
        first = item if item < count else pairs[item - count, 0]
        second = item if item < count else pairs[item - count, 1]
        if used[first] or used[second]:
            continue
        used[first] = used[second] = True
        taken[size] = item
        size += 1
    return taken[:size]


def choose(
    removals: Float64Array, pairs: Int64Array, mergers: Float64Array, most: int, limit: float
) -> Choice:
    """Choose at most ``most`` items that cost at most ``limit`` each.

    Parameters
    ----------
    removals : (N,) float64
        Costs of Gaussians' removals.
    pairs, mergers : (P, 2) int64, (P,) float64
        Pairs and what their mergers cost.
    """
    costs = np.concatenate([removals, mergers])
    allowed = np.flatnonzero((costs <= limit) & np.isfinite(costs))
    order = allowed[np.argsort(costs[allowed], kind="stable")]
    taken = _take(order, pairs, len(removals), most)
    removed = taken < len(removals)
    return Choice(taken[removed], taken[~removed] - len(removals))
