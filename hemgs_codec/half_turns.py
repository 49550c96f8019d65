"""Which of a Gaussian's half-turns is coded: the one that agrees with its neighbours (encoder only).

A half-turn about one of its axes leaves a Gaussian as it is, and its quaternion elsewhere. The canonical one,
with the largest w, jumps where another component grows larger, also between neighbours on one smooth surface;
what the networks predict from neighbours is then wrong by a quarter of all rotations. So each Gaussian takes
the half-turn that lies nearest to its neighbours', which do the same, until (nearly) none changes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.canonical import half_turns
from hemgs_codec.compiled import cached
from hemgs_codec.context.neighbours import nearest
from hemgs_codec.lattice import fit_lattice
from hemgs_codec.location.morton import morton_sort

Float64Array = npt.NDArray[np.float64]

NEIGHBOURS = 16
LEAST_W = 0.25
"""Half-turns with a smaller w aren't taken: an error in x, y, z grows by 1 / w on its way to w."""
_W_PRICE = 0.3  # of an octave less of w, where an octave of distance to the neighbours is 1
_NEAR = 0.02  # square of a distance that is as good as none
_SWEEPS = 12


@cached
def _settle(
    turns: Float64Array, price: Float64Array, neighbours: npt.NDArray[np.int32], choice: npt.NDArray[np.int64]
) -> None:
    """Let each row of turns (N, 4, 3) choose by its neighbours' choices (N,), in turn, sweep after sweep.

    A row would choose as before unless a neighbour has chosen anew since, so only then is it asked again.
    """
    moment = 0
    chosen = np.zeros(len(turns), np.int64)  # when a row last changed its choice, and when it was last asked
    asked = np.full(len(turns), -1, np.int64)
    for _ in range(_SWEEPS):
        changed = False
        for i in range(len(turns)):
            news = asked[i] < 0
            for k in range(neighbours.shape[1]):
                j = neighbours[i, k]
                news |= j >= 0 and chosen[max(j, 0)] > asked[i]
            if not news:
                continue
            moment += 1
            asked[i] = moment
            best, least = choice[i], np.inf
            for t in range(4):
                cost = price[i, t]
                for k in range(neighbours.shape[1]):
                    j = neighbours[i, k]
                    if j < 0:
                        break
                    square = _NEAR
                    for axis in range(3):
                        square += (turns[i, t, axis] - turns[j, choice[j], axis]) ** 2
                    cost += np.log2(square) / np.sqrt(k + 1.0)
                if cost < least:
                    best, least = t, cost
            if best != choice[i]:
                changed = True
                choice[i], chosen[i] = best, moment
        if not changed:
            break


def agree_with_neighbours(means: npt.NDArray[np.float32], quat_xyz: Float64Array) -> Float64Array:
    """Choose each Gaussian's half-turn.

    Parameters
    ----------
    means : (N, 3) float32
        Positions.
    quat_xyz : (N, 3) float64
        From `canonical.canonicalise`: the half-turns with the largest w.

    Returns
    -------
    (N, 3) float64
        x, y, z of unit quaternions with w ≥ 0.25.
    """
    lattice = fit_lattice(means, 0)
    coords = lattice.quantise(means)
    order = morton_sort(coords)
    everywhere = np.full(len(means), 1 << 27, dtype=np.int64)
    neighbours, _ = nearest(
        lattice.base_points(coords[order]),
        np.arange(len(means), dtype=np.int64),
        everywhere,
        count=NEIGHBOURS,
        causal=False,
    )
    turns = half_turns(quat_xyz[order])
    w = turns[..., 0]
    weight = (1 / np.sqrt(np.arange(1.0, NEIGHBOURS + 1))).sum()
    price = np.where(w >= LEAST_W, -_W_PRICE * weight * np.log2(np.maximum(w, LEAST_W)), np.inf)
    choice = w.argmax(axis=1)
    _settle(np.ascontiguousarray(turns[..., 1:]), price, neighbours, choice)
    chosen = np.empty_like(quat_xyz)
    chosen[order] = turns[np.arange(len(turns)), choice, 1:]
    return chosen
