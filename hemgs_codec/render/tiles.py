"""Which Gaussians touch which tile of the image, front to back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached
from hemgs_codec.render.blend import TILE
from hemgs_codec.render.projection import Ellipses
from hemgs_codec.scene import Float32Array

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tiles:
    """Gaussians by tile; tiles row by row.

    Attributes
    ----------
    across : int
        Tiles in a row.
    starts : (T + 1,) int64
        Where each tile's entries begin.
    entries : (I,) int32
        Gaussians, nearest first within a tile; equal depths in the scene's order.
    by_load : (T,) int64
        Tiles, those with the most entries first.
    rows : (V,) int64
        Gaussians that are drawn, nearest first.
    offsets, places : (V + 1,), (I,) int64
        The entries of row k are ``places[offsets[k]:offsets[k + 1]]``.
    """

    across: int
    starts: Int64Array
    entries: npt.NDArray[np.int32]
    by_load: Int64Array
    rows: Int64Array
    offsets: Int64Array
    places: Int64Array


@cached
def _spans(
    centres: Float32Array, reaches: Float32Array, rows: Int64Array, tile: int, across: int, down: int
) -> Int64Array:
    """Return the tiles (V, 4) that Gaussians reach: columns from and up to, then rows from and up to."""
    spans = np.empty((len(rows), 4), np.int64)
    for k in range(len(rows)):
        i = rows[k]
        for axis, most in enumerate((across, down)):
            low = np.floor((centres[i, axis] - reaches[i, axis]) / tile)
            high = np.floor((centres[i, axis] + reaches[i, axis]) / tile) + 1
            spans[k, 2 * axis] = np.int64(min(max(low, 0.0), float(most)))
            spans[k, 2 * axis + 1] = np.int64(min(max(high, 0.0), float(most)))
    return spans


@cached
def _fill(
    spans: Int64Array, rows: Int64Array, across: int, starts: Int64Array, offsets: Int64Array
) -> tuple[npt.NDArray[np.int32], Int64Array]:
    """Return entries and places; fill in starts and offsets, which are all 0."""
    for k in range(len(rows)):
        for y in range(spans[k, 2], spans[k, 3]):
            for x in range(spans[k, 0], spans[k, 1]):
                starts[y * across + x + 1] += 1
        offsets[k + 1] = offsets[k] + (spans[k, 1] - spans[k, 0]) * (spans[k, 3] - spans[k, 2])
    for tile in range(len(starts) - 1):
        starts[tile + 1] += starts[tile]
    next_place = starts[:-1].copy()
    entries = np.empty(starts[-1], np.int32)
    places = np.empty(starts[-1], np.int64)
    for k in range(len(rows)):
        at = offsets[k]
        for y in range(spans[k, 2], spans[k, 3]):
            for x in range(spans[k, 0], spans[k, 1]):
                tile = y * across + x
                entries[next_place[tile]] = rows[k]
                places[at] = next_place[tile]
                next_place[tile] += 1
                at += 1
    return entries, places


def bin_tiles(ellipses: Ellipses, width: int, height: int) -> Tiles:
    """Sort a camera's ellipses into the tiles of its image."""
    across, down = -(-width // TILE), -(-height // TILE)
    rows = np.flatnonzero(ellipses.depths > 0)
    rows = rows[np.argsort(ellipses.depths[rows], kind="stable")]
    spans = _spans(ellipses.centres, ellipses.reaches, rows, TILE, across, down)
    starts = np.zeros(across * down + 1, np.int64)
    offsets = np.zeros(len(rows) + 1, np.int64)
    entries, places = _fill(spans, rows, across, starts, offsets)
    by_load = np.argsort(-np.diff(starts), kind="stable")
    return Tiles(across, starts, entries, by_load, rows, offsets, places)
