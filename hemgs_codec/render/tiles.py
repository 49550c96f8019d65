"""Which Gaussians touch which tile of the image, front to back, and which rows of it.

A tile is entered where the ellipse reaches the centre of one of its pixels, as far as rounding lets one say:
boxes around slanted ellipses hold a fifth more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, compiled, compiled_parallel
from hemgs_codec.render.projection import Ellipses
from hemgs_codec.render.strokes import BANDS, COLUMNS, FINGERPRINT, TILE
from hemgs_codec.scene import Float32Array

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
UInt16Array = npt.NDArray[np.uint16]

_ONE, _HALF, _ZERO, _EDGE = np.float32(1), np.float32(0.5), np.float32(0), np.float32(TILE)
_SLACK = np.float32(0.01)  # in pixels, for rounding
assert BANDS == 2, "a tile's pairs of rows are told by four numbers of four bits"


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
    pairs : (I,) uint16
        Which pairs of rows an entry reaches: 4 bits each for the first and one past the last in the left
        band, then in the right one.
    by_load : (T,) int64
        Tiles, those with the most entries first.
    rows : (V,) int64
        Gaussians that are drawn, nearest first.
    offsets, places : (V + 1,), (I,) int64
        The entries of row k are ``places[offsets[k]:offsets[k + 1]]``.
    """

    across: int
    starts: Int64Array
    entries: Int32Array
    pairs: UInt16Array
    by_load: Int64Array
    rows: Int64Array
    offsets: Int64Array
    places: Int64Array


@cached
def _depth_order(bits: npt.NDArray[np.uint32], rows: Int64Array) -> Int64Array:
    """Return rows in the order of their keys, equal ones as they were: a radix sort, 11 bits a pass."""
    keys, order = bits[rows], rows
    for shift in (0, 11, 22):
        starts = np.zeros(2049, np.int64)
        for k in range(len(keys)):
            starts[((keys[k] >> shift) & 2047) + 1] += 1
        for k in range(2048):
            starts[k + 1] += starts[k]
        next_keys, next_order = np.empty_like(keys), np.empty_like(order)
        for k in range(len(keys)):
            digit = (keys[k] >> shift) & 2047
            at = starts[digit]
            starts[digit] += 1
            next_keys[at], next_order[at] = keys[k], order[k]
        keys, order = next_keys, next_order
    return order


@compiled
def _band_pairs(stroke: Float32Array, x: np.float32, y: np.float32) -> int:
    """Return the pairs of a band that an ellipse with its centre at x, y reaches, as 8 bits; 0 if none.

    ``x`` and ``y`` are relative to the band's corner. Over the band's columns the ellipse's edges are
    outermost where its own top and bottom are, or at the column nearest to those.
    """
    reach_x, top, lean, half, per_reach = stroke[9], stroke[11], stroke[12], stroke[13], stroke[14]
    low, high = max(_HALF - x, -reach_x), min(np.float32(COLUMNS) - _HALF - x, reach_x)
    if not low <= high:
        return 0
    lowest, highest = min(max(-top, low), high), min(max(top, low), high)
    up, down = highest * per_reach, lowest * per_reach
    above = half * np.sqrt(max(_ONE - up * up, _ZERO)) - lean * highest
    below = -half * np.sqrt(max(_ONE - down * down, _ZERO)) - lean * lowest
    start, end = y + below - _HALF - _SLACK, y + above + _HALF + _SLACK
    first, last = 0, 0
    if start > _ZERO:  # written so that what isn't a number gives no rows
        first = int(min(np.ceil(start), _EDGE))
    if end > _ZERO:
        last = int(min(np.floor(end), _EDGE))
    return (first >> 1) | ((last + 1) >> 1) << 4 if first < last else 0


@compiled_parallel
def _reach(
    strokes: Float32Array, rows: Int64Array, spans: Int64Array, offsets: Int64Array, pairs: UInt16Array
) -> None:
    """Fill pairs (B,): a number for each tile of each Gaussian's box."""
    for k in numba.prange(len(rows)):
        stroke, at = strokes[rows[k]], offsets[k]
        for row in range(spans[k, 2], spans[k, 3]):
            y = stroke[1] - np.float32(row * TILE)
            for column in range(spans[k, 0], spans[k, 1]):
                x = stroke[0] - np.float32(column * TILE)
                left, right = _band_pairs(stroke, x, y), _band_pairs(stroke, x - np.float32(COLUMNS), y)
                pairs[at] = left | right << 8
                at += 1


@compiled
def _boxes(strokes: Float32Array, rows: Int64Array, across: int, down: int) -> tuple[Int64Array, Int64Array]:
    """Return boxes (V, 4) in tiles, columns from and up to, then rows; and where each box's tiles begin."""
    spans, offsets = np.empty((len(rows), 4), np.int64), np.zeros(len(rows) + 1, np.int64)
    for k in range(len(rows)):
        stroke = strokes[rows[k]]
        for axis, most in enumerate((across, down)):
            low = np.floor((stroke[axis] - stroke[9 + axis]) / _EDGE)
            high = np.floor((stroke[axis] + stroke[9 + axis]) / _EDGE) + _ONE
            spans[k, 2 * axis] = np.int64(min(max(low, _ZERO), np.float32(most)))
            spans[k, 2 * axis + 1] = np.int64(min(max(high, _ZERO), np.float32(most)))
        offsets[k + 1] = offsets[k] + (spans[k, 1] - spans[k, 0]) * (spans[k, 3] - spans[k, 2])
    return spans, offsets


def _bind(
    fingerprint: str,
) -> Callable[
    [Float32Array, Int64Array, int, int],
    tuple[Int64Array, Int32Array, UInt16Array, Int64Array, Int64Array],
]:
    def fill(
        strokes: Float32Array, rows: Int64Array, across: int, down: int
    ) -> tuple[Int64Array, Int32Array, UInt16Array, Int64Array, Int64Array]:
        _ = fingerprint
        spans, boxed = _boxes(strokes, rows, across, down)
        reached = np.empty(boxed[-1], np.uint16)
        _reach(strokes, rows, spans, boxed, reached)
        starts, offsets = np.zeros(across * down + 1, np.int64), np.zeros(len(rows) + 1, np.int64)
        for k in range(len(rows)):
            at, count = boxed[k], 0
            for row in range(spans[k, 2], spans[k, 3]):
                for column in range(spans[k, 0], spans[k, 1]):
                    if reached[at] != 0:
                        starts[row * across + column + 1] += 1
                        count += 1
                    at += 1
            offsets[k + 1] = offsets[k] + count
        for tile in range(len(starts) - 1):
            starts[tile + 1] += starts[tile]
        next_place = starts[:-1].copy()
        entries = np.empty(starts[-1], np.int32)
        pairs, places = np.empty(starts[-1], np.uint16), np.empty(starts[-1], np.int64)
        for k in range(len(rows)):
            at, to = boxed[k], offsets[k]
            for row in range(spans[k, 2], spans[k, 3]):
                for column in range(spans[k, 0], spans[k, 1]):
                    if reached[at] != 0:
                        tile = row * across + column
                        place = next_place[tile]
                        entries[place], pairs[place], places[to] = rows[k], reached[at], place
                        next_place[tile] += 1
                        to += 1
                    at += 1
        return starts, entries, pairs, offsets, places

    return cached(fill)


_fill = _bind(FINGERPRINT)


def bin_tiles(ellipses: Ellipses, strokes: Float32Array, width: int, height: int) -> Tiles:
    """Sort a camera's ellipses, with their strokes (N, 16), into the tiles of its image."""
    across, down = -(-width // TILE), -(-height // TILE)
    rows = _depth_order(ellipses.depths.view(np.uint32), np.flatnonzero(ellipses.depths > 0))
    starts, entries, pairs, offsets, places = _fill(strokes, rows, across, down)
    by_load = np.argsort(-np.diff(starts), kind="stable")
    return Tiles(across, starts, entries, pairs, by_load, rows, offsets, places)
