"""Coding order: a rank per anchor (SPEC section "Order and contexts").

An order is nothing but a permutation of the Morton-sorted anchors. ``raster`` is the paper's; ``permuted``
hashes the Morton index, so that the context graph is shallow and few sequential batches are needed. ``tiers``
is ContextGS's: a sparse tier first, then two denser ones, each of which sees only those before it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Order = Literal["permuted", "raster", "tiers"]
ORDERS: tuple[Order, ...] = ("permuted", "raster", "tiers")
WAVE = 8
"""In permuted order, as many anchors are coded at once as this part of those known before, and one."""
_TIER_SHIFTS = (2, 1)  # log2 of the cells of which a tier has one anchor each, in voxels


def splitmix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash 64-bit integers by the splitmix64 finaliser, a bijection: distinct inputs never tie."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def tiers_of(points: npt.NDArray[np.int64], voxel_shift: int) -> npt.NDArray[np.int64]:
    """Return the tiers (N,) of anchors at base coordinates (N, 3) in Morton order."""
    tiers = np.full(len(points), len(_TIER_SHIFTS), dtype=np.int64)
    for tier, shift in reversed(tuple(enumerate(_TIER_SHIFTS))):
        _, first = np.unique(points >> (voxel_shift + shift), axis=0, return_index=True)
        tiers[first] = tier
    return tiers


def coding_sequence(
    coords: npt.NDArray[np.int64],
    order: Order,
    tiers: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Return the anchors' Morton indices in coding order.

    Parameters
    ----------
    coords : (N, 3) int64
        Lattice coordinates in Morton order, duplicates allowed.
    order : {"permuted", "raster", "tiers"}
    tiers : (N,) int64 or None
        From `tiers_of`; the order "tiers" needs them.

    Returns
    -------
    (N,) int64
        ``sequence[rank]`` is the Morton index of the anchor with that rank.
    """
    if order == "raster":  # x runs fastest; anchors of one cell keep their Morton order (lexsort is stable)
        return np.lexsort((coords[:, 0], coords[:, 1], coords[:, 2])).astype(np.int64)
    hashes = splitmix64(np.arange(len(coords), dtype=np.uint64))
    if order == "permuted":
        return np.argsort(hashes, kind="stable").astype(np.int64)
    assert tiers is not None
    return np.lexsort((hashes, tiers)).astype(np.int64)


def wave_starts(num_anchors: int) -> npt.NDArray[np.int64]:
    """Return for each rank of the permuted order the first rank of its wave, (N,) int64.

    Waves grow with what is known before them: after b anchors follow b // WAVE + 1. Those of a wave
    don't see each other, so that they can be coded together.
    """
    starts = [0]
    while (after := starts[-1] + starts[-1] // WAVE + 1) < num_anchors:
        starts.append(after)
    lengths = np.diff([*starts, max(num_anchors, 1)])
    return np.repeat(np.array(starts, dtype=np.int64), lengths)[:num_anchors]


def window_growth(num_anchors: int, order: Order) -> npt.NDArray[np.int64]:
    """Return by how many powers of two each rank's window is widened, (N,) int64.

    In the permuted order only ``rank`` anchors are known when one is coded, so their spacing on a surface is
    ``sqrt(N / rank)`` times the final one: growth = floor(log2(N / (rank + 1)) / 2). The others' windows are
    wide enough for what they code.
    """
    growth = np.zeros(num_anchors, dtype=np.int64)
    if order != "permuted":
        return growth
    known = np.arange(1, num_anchors + 1, dtype=np.int64)
    for level in range(1, 16):  # growth >= level exactly where known * 4**level <= N
        growth += known << (2 * level) <= num_anchors
    return growth
