"""What a change of the image asks of the ellipses: `blend`'s way once more, front to back.

What is still to come of a pixel's sum is one number, the sum of weight · colour · gradient. Every entry of a
tile has a slot of its own; a Gaussian's slots are summed in the order of its tiles, so that sums don't depend
on threads.
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

Float64Array = npt.NDArray[np.float64]

BY_ELLIPSE = 9
"""Columns of gradients by ellipse: centre x, y; conic xx, xy, yy; opacity; colour."""
_CHECK = 16  # ellipses between two looks at whether a tile is done
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_CUT, _MOST, _DONE = np.float32(ALPHA_CUT), np.float32(ALPHA_MOST), np.float32(LEAST_TRANSMITTANCE)
_COLUMN, _ROW = np.uint64(COLUMNS - 1), np.uint64(3)  # a lane's bits
_RED, _GREEN, _BLUE, _COMING, _PASSING, _LEAST = range(6)


@compiled_parallel
def _blend_back(
    strokes: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.uint16],
    by_load: npt.NDArray[np.int64],
    across: int,
    counter: npt.NDArray[np.int64],
    workers: int,
    image: Float32Array,
    light: Float32Array,
    by_image: Float32Array,
    by_alpha: Float32Array,
    slots: Float32Array,
) -> None:
    height, width = light.shape
    for _ in numba.prange(workers):
        while True:
            order = take_number(counter)
            if order >= len(by_load):
                break
            tile = by_load[order]
            left, top = tile % across * TILE, tile // across * TILE
            state = np.zeros((6, BANDS * PAIRS, LANES), np.float32)
            state[_PASSING], state[_LEAST] = _ONE, NEVER
            for row in range(min(TILE, height - top)):
                for column in range(min(TILE, width - left)):
                    to, on = place(row, column)
                    rest = _ZERO
                    for channel in range(3):
                        asked = by_image[top + row, left + column, channel]
                        state[channel, to, on] = asked
                        rest += asked * image[top + row, left + column, channel]
                    if by_alpha.size > 0:
                        rest -= by_alpha[top + row, left + column] * light[top + row, left + column]
                    state[_COMING, to, on] = rest
                    state[_LEAST, to, on] = _DONE
            band_sums, sums = np.empty((6, LANES), np.float32), np.empty((BY_ELLIPSE, LANES), np.float32)
            for entry in range(starts[tile], starts[tile + 1]):
                if (entry - starts[tile]) % _CHECK == _CHECK - 1 and is_done(state, _LEAST):
                    slots[entry : starts[tile + 1]] = _ZERO
                    break
                stroke = strokes[entries[entry]]
                y = stroke[1] - np.float32(top)
                xx, xy, yy, opacity = stroke[2], stroke[3], stroke[4], stroke[5]
                r, g, b = stroke[6], stroke[7], stroke[8]
                sums[:] = _ZERO
                for band in range(BANDS):
                    x = stroke[0] - np.float32(left + band * COLUMNS)
                    reached = pairs[entry] >> np.uint16(8 * band)
                    first, last = np.uint64(reached & 15), np.uint64((reached >> 4) & 15)
                    if first == last:
                        continue
                    base = np.uint64(band * PAIRS)
                    band_sums[:] = _ZERO
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
                            red, green, blue = (
                                state[_RED, at, lane],
                                state[_GREEN, at, lane],
                                state[_BLUE, at, lane],
                            )
                            now = weight * (r * red + g * green + b * blue)
                            coming = state[_COMING, at, lane] - now
                            state[_COMING, at, lane] = coming
                            by_power = now - coming * alpha / (_ONE - alpha)
                            by_power = by_power if weight > _ZERO else _ZERO
                            by_power = by_power if whole <= _MOST else _ZERO
                            band_sums[0, lane] += by_power
                            band_sums[1, lane] += by_power * dy
                            band_sums[2, lane] += by_power * dy * dy
                            band_sums[3, lane] += weight * red
                            band_sums[4, lane] += weight * green
                            band_sums[5, lane] += weight * blue
                    for lane in range(np.uint64(LANES)):  # a lane's dx is the same in all pairs
                        dx = np.float32(lane & _COLUMN) + (_HALF - x)
                        sums[0, lane] += band_sums[0, lane]
                        sums[1, lane] += band_sums[0, lane] * dx
                        sums[2, lane] += band_sums[1, lane]
                        sums[3, lane] += band_sums[0, lane] * dx * dx
                        sums[4, lane] += band_sums[1, lane] * dx
                        sums[5, lane] += band_sums[2, lane]
                        sums[6, lane] += band_sums[3, lane]
                        sums[7, lane] += band_sums[4, lane]
                        sums[8, lane] += band_sums[5, lane]
                for column in range(BY_ELLIPSE):
                    slots[entry, column] = across_lanes(sums, column)


def _bind(fingerprint: str) -> Callable[..., None]:
    def blend_back(
        strokes: Float32Array,
        starts: npt.NDArray[np.int64],
        entries: npt.NDArray[np.int32],
        pairs: npt.NDArray[np.uint16],
        by_load: npt.NDArray[np.int64],
        across: int,
        counter: npt.NDArray[np.int64],
        workers: int,
        image: Float32Array,
        light: Float32Array,
        by_image: Float32Array,
        by_alpha: Float32Array,
        slots: Float32Array,
    ) -> None:
        _ = fingerprint
        _blend_back(
            strokes,
            starts,
            entries,
            pairs,
            by_load,
            across,
            counter,
            workers,
            image,
            light,
            by_image,
            by_alpha,
            slots,
        )

    return cached(blend_back)


_cached_blend_back = _bind(FINGERPRINT)


@cached_parallel
def _gather(
    slots: Float32Array,
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    conics: Float32Array,
    opacities: Float32Array,
    out: Float64Array,
) -> None:
    for k in numba.prange(len(rows)):
        i = rows[k]
        power, x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for n in range(offsets[k], offsets[k + 1]):
            at = places[n]
            power += slots[at, 0]
            x += slots[at, 1]
            y += slots[at, 2]
            xx += slots[at, 3]
            xy += slots[at, 4]
            yy += slots[at, 5]
            for channel in range(3):
                out[i, 6 + channel] += slots[at, 6 + channel]
        out[i, 0] = conics[i, 0] * x + conics[i, 1] * y
        out[i, 1] = conics[i, 1] * x + conics[i, 2] * y
        out[i, 2], out[i, 3], out[i, 4] = -0.5 * xx, -xy, -0.5 * yy
        out[i, 5] = power / opacities[i]


def blend_gradients(
    ellipses: Ellipses,
    strokes: Float32Array,
    tiles: Tiles,
    image: Float32Array,
    light: Float32Array,
    by_image: Float32Array,
    by_alpha: Float32Array | None,
) -> Float64Array:
    """Return gradients (N, 9) by ellipse, in the order that `BY_ELLIPSE` tells.

    Parameters
    ----------
    image, light : (H, W, 3), (H, W)
        What `rasterise` gave.
    by_image, by_alpha : (H, W, 3), (H, W) or None
        Gradients of the loss by the image and by 1 - light.
    """
    slots = np.empty((len(tiles.entries), BY_ELLIPSE), np.float32)
    _cached_blend_back(
        strokes,
        tiles.starts,
        tiles.entries,
        tiles.pairs,
        tiles.by_load,
        tiles.across,
        np.zeros(1, np.int64),
        numba.get_num_threads(),
        image,
        light,
        by_image,
        by_alpha if by_alpha is not None else np.empty((0, 0), np.float32),
        slots,
    )
    gradients = np.zeros((len(strokes), BY_ELLIPSE))
    opacities = strokes[:, 5]
    _gather(slots, tiles.rows, tiles.offsets, tiles.places, ellipses.conics, opacities, gradients)
    return gradients
