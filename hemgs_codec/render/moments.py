"""Second moments of what an ellipse does to the image, summed over pixels: the heart of sensitivities.

A change of one Gaussian moves a pixel's colour by the colour's derivative by alpha, times alpha, times a
polynomial of where the pixel lies in the ellipse. So the squares of all such changes, and the products of any
two, come from moments of the pixel's place, each pixel weighted by how much alpha counts there. The place is
taken in axes that follow the ellipse, or long thin ones would lose all their digits:

    a = sqrt(xx) dx + xy / sqrt(xx) dy      b = dy / (reach + 1)      with the conic xx, xy, yy

Loops over pixels are as in `blend`, and each entry of a tile has a slot of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, cached_parallel, compiled_parallel, take_number
from hemgs_codec.render.projection import Ellipses
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
    across_lanes,
    falloff,
    is_done,
    place,
)
from hemgs_codec.render.tiles import Tiles
from hemgs_codec.scene import Float32Array

MONOMIALS = (
    (0, 0),
    (2, 0),
    (1, 1),
    (0, 2),
    (3, 0),
    (2, 1),
    (1, 2),
    (0, 3),
    (4, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 4),
)
"""Powers of a and b in the order of columns; after them the squared weight of the colour."""
BY_ELLIPSE = len(MONOMIALS) + 1
_CHECK = 16  # ellipses between two looks at whether a tile is done
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_CUT, _MOST, _DONE = np.float32(ALPHA_CUT), np.float32(ALPHA_MOST), np.float32(LEAST_TRANSMITTANCE)
_COLUMN, _ROW = np.uint64(COLUMNS - 1), np.uint64(3)  # a lane's bits
_RED, _GREEN, _BLUE, _PASSING, _LEAST = range(5)  # the colours: what is still to come of them


@compiled_parallel
def _blend_moments(
    strokes: Float32Array,
    conics: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.uint16],
    by_load: npt.NDArray[np.int64],
    across: int,
    counter: npt.NDArray[np.int64],
    workers: int,
    image: Float32Array,
    slots: Float32Array,
) -> None:
    """Fill slots (I, 14) from an image (H, W, 3), background and all."""
    height, width = image.shape[0], image.shape[1]
    for _ in numba.prange(workers):
        while True:
            order = take_number(counter)
            if order >= len(by_load):
                break
            tile = by_load[order]
            left, top = tile % across * TILE, tile // across * TILE
            state = np.zeros((5, BANDS * PAIRS, LANES), np.float32)
            state[_PASSING], state[_LEAST] = _ONE, NEVER
            for row in range(min(TILE, height - top)):
                for column in range(min(TILE, width - left)):
                    to, on = place(row, column)
                    for channel in range(3):
                        state[channel, to, on] = image[top + row, left + column, channel]
                    state[_LEAST, to, on] = _DONE
            sums = np.empty((BY_ELLIPSE, LANES), np.float32)
            for entry in range(starts[tile], starts[tile + 1]):
                if (entry - starts[tile]) % _CHECK == _CHECK - 1 and is_done(state, _LEAST):
                    slots[entry : starts[tile + 1]] = _ZERO
                    break
                i = entries[entry]
                stroke = strokes[i]
                y = stroke[1] - np.float32(top)
                xx, xy, yy, opacity = stroke[2], stroke[3], stroke[4], stroke[5]
                r, g, b = stroke[6], stroke[7], stroke[8]
                along_x = np.sqrt(conics[i, 0])
                along_y, per_reach = conics[i, 1] / along_x, _ONE / (stroke[10] + _ONE)
                sums[:] = _ZERO
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
                            whole = opacity * falloff((xx * dx + xy * dy) * dx + yy * dy * dy)
                            alpha = whole if whole < _MOST else _MOST
                            before = state[_PASSING, at, lane]
                            weight = before * alpha if alpha >= _CUT else _ZERO
                            going = before - weight > state[_LEAST, at, lane]
                            weight = weight if going else _ZERO
                            state[_LEAST, at, lane] = state[_LEAST, at, lane] if going else NEVER
                            state[_PASSING, at, lane] = before - weight
                            red = state[_RED, at, lane] - weight * r
                            green = state[_GREEN, at, lane] - weight * g
                            blue = state[_BLUE, at, lane] - weight * b
                            state[_RED, at, lane] = red
                            state[_GREEN, at, lane] = green
                            state[_BLUE, at, lane] = blue
                            hidden = alpha / (_ONE - alpha)  # by log alpha, then, not by alpha
                            by_red = weight * r - red * hidden
                            by_green = weight * g - green * hidden
                            by_blue = weight * b - blue * hidden
                            counts = by_red * by_red + by_green * by_green + by_blue * by_blue
                            counts = counts if weight > _ZERO else _ZERO
                            counts = counts if whole <= _MOST else _ZERO
                            u, v = along_x * dx + along_y * dy, dy * per_reach
                            uu, uv, vv = u * u, u * v, v * v
                            c_uu, c_vv = counts * uu, counts * vv
                            sums[0, lane] += counts
                            sums[1, lane] += c_uu
                            sums[2, lane] += counts * uv
                            sums[3, lane] += c_vv
                            sums[4, lane] += c_uu * u
                            sums[5, lane] += c_uu * v
                            sums[6, lane] += c_vv * u
                            sums[7, lane] += c_vv * v
                            sums[8, lane] += c_uu * uu
                            sums[9, lane] += c_uu * uv
                            sums[10, lane] += c_uu * vv
                            sums[11, lane] += c_vv * uv
                            sums[12, lane] += c_vv * vv
                            sums[13, lane] += weight * weight
                for column in range(BY_ELLIPSE):
                    slots[entry, column] = across_lanes(sums, column)


def _bind(fingerprint: str) -> Callable[..., None]:
    def blend_moments(
        strokes: Float32Array,
        conics: Float32Array,
        starts: npt.NDArray[np.int64],
        entries: npt.NDArray[np.int32],
        pairs: npt.NDArray[np.uint16],
        by_load: npt.NDArray[np.int64],
        across: int,
        counter: npt.NDArray[np.int64],
        workers: int,
        image: Float32Array,
        slots: Float32Array,
    ) -> None:
        _ = fingerprint
        _blend_moments(
            strokes, conics, starts, entries, pairs, by_load, across, counter, workers, image, slots
        )

    return cached(blend_moments)


_cached_blend_moments = _bind(FINGERPRINT)


@cached_parallel
def _gather(
    slots: Float32Array,
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    for k in numba.prange(len(rows)):
        for n in range(offsets[k], offsets[k + 1]):
            for column in range(slots.shape[1]):
                out[rows[k], column] += slots[places[n], column]


def blend_moments(
    ellipses: Ellipses, strokes: Float32Array, tiles: Tiles, image: Float32Array
) -> npt.NDArray[np.float64]:
    """Return moments (N, 14) by ellipse, in the order of `MONOMIALS`, then the squared weights' sum.

    Parameters
    ----------
    image : (H, W, 3)
        What these ellipses give, over the background.
    """
    slots = np.empty((len(tiles.entries), BY_ELLIPSE), np.float32)
    _cached_blend_moments(
        strokes,
        ellipses.conics,
        tiles.starts,
        tiles.entries,
        tiles.pairs,
        tiles.by_load,
        tiles.across,
        np.zeros(1, np.int64),
        numba.get_num_threads(),
        image,
        slots,
    )
    moments = np.zeros((len(strokes), BY_ELLIPSE))
    _gather(slots, tiles.rows, tiles.offsets, tiles.places, moments)
    return moments
