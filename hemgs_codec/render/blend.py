"""Blend ellipses into an image, tile by tile and front to back.

Loops over pixels are written for the compiler's vectoriser: unsigned bounds, float32 throughout, no branch,
an array for each quantity.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, compiled_parallel, take_number
from hemgs_codec.render.strokes import (
    ALPHA_CUT,
    ALPHA_MOST,
    BANDS,
    COLUMNS,
    FINGERPRINT,
    LANES,
    LEAST_TRANSMITTANCE,
    NEVER,
    PAIRS,
    TILE,
    falloff,
    is_done,
    place,
)
from hemgs_codec.render.tiles import Tiles
from hemgs_codec.scene import Float32Array

_CHECK = 16  # ellipses between two looks at whether a tile is done
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_CUT, _MOST, _DONE = np.float32(ALPHA_CUT), np.float32(ALPHA_MOST), np.float32(LEAST_TRANSMITTANCE)
_COLUMN, _ROW = np.uint64(COLUMNS - 1), np.uint64(3)  # a lane's bits
# what is kept of a tile's pixels: one array, or the compiler would ask each time whether they overlap
_RED, _GREEN, _BLUE, _PASSING, _LEAST = range(5)


@compiled_parallel
def _blend(
    strokes: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.uint16],
    by_load: npt.NDArray[np.int64],
    across: int,
    background: Float32Array,
    counter: npt.NDArray[np.int64],
    workers: int,
    image: Float32Array,
    light: Float32Array,
) -> None:
    height, width = light.shape
    for _ in numba.prange(workers):
        while True:
            order = take_number(counter)
            if order >= len(by_load):
                break
            tile = by_load[order]
            left, top = tile % across * TILE, tile // across * TILE
            state = np.zeros((5, BANDS * PAIRS, LANES), np.float32)
            state[_PASSING], state[_LEAST] = _ONE, _DONE
            for entry in range(starts[tile], starts[tile + 1]):
                if (entry - starts[tile]) % _CHECK == _CHECK - 1 and is_done(state, _LEAST):
                    break
                stroke = strokes[entries[entry]]
                y = stroke[1] - np.float32(top)
                xx, xy, yy, opacity = stroke[2], stroke[3], stroke[4], stroke[5]
                r, g, b = stroke[6], stroke[7], stroke[8]
                for band in range(BANDS):
                    x = stroke[0] - np.float32(left + band * COLUMNS)
                    reached = pairs[entry] >> np.uint16(8 * band)
                    first, last = np.uint64(reached & 15), np.uint64((reached >> 4) & 15)
                    base = np.uint64(band * PAIRS)
                    for pair in range(first, last):
                        at, down = base + pair, np.float32(pair + pair) + _HALF - y
                        for lane in range(np.uint64(LANES)):
                            dx = np.float32(lane & _COLUMN) + (_HALF - x)
                            dy = np.float32(lane >> _ROW) + down
                            alpha = opacity * falloff((xx * dx + xy * dy) * dx + yy * dy * dy)
                            alpha = alpha if alpha < _MOST else _MOST
                            before = state[_PASSING, at, lane]
                            weight = before * alpha if alpha >= _CUT else _ZERO
                            going = before - weight > state[_LEAST, at, lane]
                            weight = weight if going else _ZERO
                            state[_LEAST, at, lane] = state[_LEAST, at, lane] if going else NEVER
                            state[_PASSING, at, lane] = before - weight
                            state[_RED, at, lane] += weight * r
                            state[_GREEN, at, lane] += weight * g
                            state[_BLUE, at, lane] += weight * b
            for row in range(min(TILE, height - top)):
                for column in range(min(TILE, width - left)):
                    to, on = place(row, column)
                    shows = state[_PASSING, to, on]
                    image[top + row, left + column, 0] = state[_RED, to, on] + shows * background[0]
                    image[top + row, left + column, 1] = state[_GREEN, to, on] + shows * background[1]
                    image[top + row, left + column, 2] = state[_BLUE, to, on] + shows * background[2]
                    light[top + row, left + column] = shows


def _bind(fingerprint: str) -> Callable[..., None]:
    def blend(
        strokes: Float32Array,
        starts: npt.NDArray[np.int64],
        entries: npt.NDArray[np.int32],
        pairs: npt.NDArray[np.uint16],
        by_load: npt.NDArray[np.int64],
        across: int,
        background: Float32Array,
        counter: npt.NDArray[np.int64],
        workers: int,
        image: Float32Array,
        light: Float32Array,
    ) -> None:
        _ = fingerprint
        _blend(strokes, starts, entries, pairs, by_load, across, background, counter, workers, image, light)

    return cached(blend)


_cached_blend = _bind(FINGERPRINT)


def rasterise(
    strokes: Float32Array, tiles: Tiles, width: int, height: int, background: Float32Array
) -> tuple[Float32Array, Float32Array]:
    """Draw strokes (N, 16) over a background (3,).

    Returns
    -------
    image : (height, width, 3) float32
    light : (height, width) float32
        How much of the background shows, 0 .. 1.
    """
    image = np.empty((height, width, 3), np.float32)
    light = np.empty((height, width), np.float32)
    counter, workers = np.zeros(1, np.int64), numba.get_num_threads()
    _cached_blend(
        strokes,
        tiles.starts,
        tiles.entries,
        tiles.pairs,
        tiles.by_load,
        tiles.across,
        background,
        counter,
        workers,
        image,
        light,
    )
    return image, light
