"""When what happens in a training, as shares of its iterations (HAC's shares, but for where growth ends).

Anchors grow and are pruned in the first half, and the entropy model begins where that ends: contexts are then
those of the file, and are found once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Phase = Literal["clean", "noise", "rate"]

_NOISE, _RATE, _ROUND = 0.1, 0.5, 0.6  # rounded later, weights don't move enough any more to make up for it
_GROW_FROM, _GROW_UNTIL, _NUM_GROWTHS = 0.05, 0.5, 100
_SETTLE = 0.03  # of the iterations without growth where noise sets in


@dataclass(frozen=True)
class Schedule:
    """Phases by iteration.

    Attributes
    ----------
    total : int
        Iterations in all.
    """

    total: int

    @property
    def noise_from(self) -> int:
        """First iteration with quantisation noise of fixed steps."""
        return round(self.total * _NOISE)

    @property
    def rate_from(self) -> int:
        """First iteration with an entropy model and its steps; the set of anchors is final."""
        return round(self.total * _RATE)

    @property
    def round_from(self) -> int:
        """First iteration in which networks' weights are rounded as they will be in a file."""
        return round(self.total * _ROUND)

    @property
    def growth_interval(self) -> int:
        """Iterations from one growth to the next: a hundred at the usual 30,000 or more, fewer below."""
        return max(round((_GROW_UNTIL - _GROW_FROM) * self.total / _NUM_GROWTHS), 50)

    def phase(self, iteration: int) -> Phase:
        """Return the phase that an iteration belongs to."""
        if iteration >= self.rate_from:
            return "rate"
        return "noise" if iteration >= self.noise_from else "clean"

    def rate_share(self, iteration: int) -> float:
        """Return how much of the part with an entropy model is over, 0 .. 1."""
        return max(iteration - self.rate_from, 0) / (self.total - self.rate_from)

    def counts(self, iteration: int) -> bool:
        """Whether gradients are gathered for growth."""
        return iteration >= self.growth_interval and iteration < self.total * _GROW_UNTIL

    def grows(self, iteration: int) -> bool:
        """Whether anchors grow and are pruned after this iteration."""
        share = (iteration + 1) / self.total
        pause = _NOISE <= share < _NOISE + _SETTLE
        inside = _GROW_FROM <= share < _GROW_UNTIL
        return inside and not pause and (iteration + 1) % self.growth_interval == 0


def decay(first: float, last: float, share: float) -> float:
    """Return a learning rate that falls geometrically from first to last as share goes from 0 to 1."""
    return first * math.exp(math.log(last / first) * min(max(share, 0.0), 1.0))
