"""Blend ellipses into an image, tile by tile and front to back; and what a change of the image asks of them.

Loops over pixels are written for the compiler's vectoriser: unsigned bounds, float32 throughout, no branch,
and exp by repeated squaring of a cubic of x / 256, right to 2e-5.

Gradients take the same way once more, with what is still to come of each pixel's sum in one number. Every
entry of a tile has a slot of its own; a Gaussian's slots are summed in the order of its tiles, so that sums
don't depend on threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel
from hemgs_codec.scene import Float32Array

if TYPE_CHECKING:
    from hemgs_codec.render.projection import Ellipses
    from hemgs_codec.render.tiles import Tiles

TILE = 16
"""Width and height of a tile in pixels."""
ALPHA_CUT = 1.0 / 255.0
"""Where an ellipse's alpha is less it isn't drawn."""
ALPHA_MOST = 0.999
LEAST_TRANSMITTANCE = 1e-4
"""A pixel is done when the next ellipse would leave less light than this."""
COLUMNS = 9
"""Of gradients by ellipse: centre x, y; conic xx, xy, yy; opacity; colour."""
_CHECK = 16  # ellipses between two looks at whether a tile is done

_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_CUT, _MOST, _DONE = np.float32(ALPHA_CUT), np.float32(ALPHA_MOST), np.float32(LEAST_TRANSMITTANCE)
_PART, _SIXTH, _FLOOR = np.float32(1 / 256), np.float32(1 / 6), np.float32(-8)


@cached_parallel
def _blend(
    centres: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
    opacities: Float32Array,
    colours: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    by_load: npt.NDArray[np.int64],
    across: int,
    image: Float32Array,
    light: Float32Array,
) -> None:
    """Fill image (H, W, 3) and the light (H, W) that passes, from tiles with the most Gaussians on."""
    height, width = light.shape
    for order in numba.prange(len(by_load)):
        tile = by_load[order]
        left, top = tile % across * TILE, tile // across * TILE
        red, green, blue = (
            np.zeros((TILE, TILE), np.float32),
            np.zeros((TILE, TILE), np.float32),
            np.zeros((TILE, TILE), np.float32),
        )
        passing, alive = np.ones((TILE, TILE), np.float32), np.ones((TILE, TILE), np.float32)
        for entry in range(starts[tile], starts[tile + 1]):
            i = entries[entry]
            if (entry - starts[tile]) % _CHECK == _CHECK - 1 and not alive.any():
                break
            x, y = centres[i, 0] - np.float32(left), centres[i, 1] - np.float32(top)
            xx, xy, yy = conics[i, 0], conics[i, 1], conics[i, 2]
            opacity, r, g, b = opacities[i], colours[i, 0], colours[i, 1], colours[i, 2]
            first = np.uint64(max(np.ceil(y - reaches[i, 1] - _HALF), _ZERO))
            last = np.uint64(min(max(np.floor(y + reaches[i, 1] + _HALF), _ZERO), np.float32(TILE)))
            for row in range(first, last):
                dy = np.float32(row) + _HALF - y
                square, slope = _HALF * yy * dy * dy, xy * dy
                for column in range(np.uint64(0), np.uint64(TILE)):
                    dx = np.float32(column) + _HALF - x
                    power = -(_HALF * xx * dx * dx + slope * dx + square)
                    u = max(power, _FLOOR) * _PART
                    e = _ONE + u * (_ONE + u * (_HALF + _SIXTH * u))
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    alpha = min(opacity * e, _MOST)
                    alpha = alive[row, column] * (alpha if alpha >= _CUT else _ZERO)
                    before = passing[row, column]
                    after = before * (_ONE - alpha)
                    going = after > _DONE
                    weight = before * alpha if going else _ZERO
                    passing[row, column] = after if going else before
                    alive[row, column] = alive[row, column] if going else _ZERO
                    red[row, column] += weight * r
                    green[row, column] += weight * g
                    blue[row, column] += weight * b
        for row in range(min(TILE, height - top)):
            for column in range(min(TILE, width - left)):
                image[top + row, left + column, 0] = red[row, column]
                image[top + row, left + column, 1] = green[row, column]
                image[top + row, left + column, 2] = blue[row, column]
                light[top + row, left + column] = passing[row, column]


@cached_parallel
def _blend_back(
    centres: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
    opacities: Float32Array,
    colours: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    by_load: npt.NDArray[np.int64],
    across: int,
    image_gradient: Float32Array,
    rest: Float32Array,
    slots: Float32Array,
) -> None:
    """Fill slots (I, 9); rest (H, W): each pixel's sum of weight · colour · gradient, background too."""
    height, width = rest.shape
    for order in numba.prange(len(by_load)):
        tile = by_load[order]
        left, top = tile % across * TILE, tile // across * TILE
        red, green, blue, coming = (
            np.zeros((TILE, TILE), np.float32),
            np.zeros((TILE, TILE), np.float32),
            np.zeros((TILE, TILE), np.float32),
            np.zeros((TILE, TILE), np.float32),
        )
        passing, alive = np.ones((TILE, TILE), np.float32), np.zeros((TILE, TILE), np.float32)
        for row in range(min(TILE, height - top)):
            for column in range(min(TILE, width - left)):
                red[row, column] = image_gradient[top + row, left + column, 0]
                green[row, column] = image_gradient[top + row, left + column, 1]
                blue[row, column] = image_gradient[top + row, left + column, 2]
                coming[row, column] = rest[top + row, left + column]
                alive[row, column] = _ONE
        sums = np.empty((COLUMNS, TILE), np.float32)
        for entry in range(starts[tile], starts[tile + 1]):
            i = entries[entry]
            if (entry - starts[tile]) % _CHECK == _CHECK - 1 and not alive.any():
                slots[entry : starts[tile + 1]] = _ZERO
                break
            sums[:] = _ZERO
            x, y = centres[i, 0] - np.float32(left), centres[i, 1] - np.float32(top)
            xx, xy, yy = conics[i, 0], conics[i, 1], conics[i, 2]
            opacity, r, g, b = opacities[i], colours[i, 0], colours[i, 1], colours[i, 2]
            first = np.uint64(max(np.ceil(y - reaches[i, 1] - _HALF), _ZERO))
            last = np.uint64(min(max(np.floor(y + reaches[i, 1] + _HALF), _ZERO), np.float32(TILE)))
            for row in range(first, last):
                dy = np.float32(row) + _HALF - y
                square, slope = _HALF * yy * dy * dy, xy * dy
                for column in range(np.uint64(0), np.uint64(TILE)):
                    dx = np.float32(column) + _HALF - x
                    power = -(_HALF * xx * dx * dx + slope * dx + square)
                    u = max(power, _FLOOR) * _PART
                    e = _ONE + u * (_ONE + u * (_HALF + _SIXTH * u))
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    whole = opacity * e
                    alpha = min(whole, _MOST)
                    alpha = alive[row, column] * (alpha if alpha >= _CUT else _ZERO)
                    before = passing[row, column]
                    after = before * (_ONE - alpha)
                    going = after > _DONE
                    alpha = alpha if going else _ZERO
                    weight = before * alpha
                    passing[row, column] = after if going else before
                    alive[row, column] = alive[row, column] if going else _ZERO
                    asked = r * red[row, column] + g * green[row, column] + b * blue[row, column]
                    left_over = coming[row, column] - weight * asked
                    coming[row, column] = left_over
                    by_alpha = before * asked - left_over / (_ONE - alpha)
                    by_alpha = by_alpha if alpha > _ZERO and whole <= _MOST else _ZERO
                    by_power = by_alpha * alpha
                    sums[0, column] += by_power * (xx * dx + slope)
                    sums[1, column] += by_power * (xy * dx + yy * dy)
                    sums[2, column] -= _HALF * by_power * dx * dx
                    sums[3, column] -= by_power * dx * dy
                    sums[4, column] -= _HALF * by_power * dy * dy
                    sums[5, column] += by_alpha * e
                    sums[6, column] += weight * red[row, column]
                    sums[7, column] += weight * green[row, column]
                    sums[8, column] += weight * blue[row, column]
            for column in range(COLUMNS):
                total = _ZERO
                for lane in range(TILE):
                    total += sums[column, lane]
                slots[entry, column] = total


@cached_parallel
def _gather(
    slots: Float32Array,
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    for k in numba.prange(len(rows)):
        for place in range(offsets[k], offsets[k + 1]):
            for column in range(COLUMNS):
                out[rows[k], column] += slots[places[place], column]


def rasterise(
    ellipses: Ellipses,
    opacities: Float32Array,
    colours: Float32Array,
    tiles: Tiles,
    width: int,
    height: int,
) -> tuple[Float32Array, Float32Array]:
    """Draw ellipses of given opacities (N,) and colours (N, 3).

    Returns
    -------
    image : (height, width, 3) float32
        On black.
    light : (height, width) float32
        How much of the background shows, 0 .. 1.
    """
    image = np.empty((height, width, 3), np.float32)
    light = np.empty((height, width), np.float32)
    _blend(
        ellipses.centres,
        ellipses.conics,
        ellipses.reaches,
        opacities,
        colours,
        tiles.starts,
        tiles.entries,
        tiles.by_load,
        tiles.across,
        image,
        light,
    )
    return image, light


def blend_gradients(
    ellipses: Ellipses,
    opacities: Float32Array,
    colours: Float32Array,
    tiles: Tiles,
    image_gradient: Float32Array,
    rest: Float32Array,
) -> npt.NDArray[np.float64]:
    """Return gradients (N, 9) by ellipse.

    Parameters
    ----------
    image_gradient : (H, W, 3)
        Of the loss by the image.
    rest : (H, W)
        image · image_gradient, summed over colours, with all that depends on the background's light.
    """
    slots = np.empty((len(tiles.entries), COLUMNS), np.float32)
    _blend_back(
        ellipses.centres,
        ellipses.conics,
        ellipses.reaches,
        opacities,
        colours,
        tiles.starts,
        tiles.entries,
        tiles.by_load,
        tiles.across,
        image_gradient,
        rest,
        slots,
    )
    gradients = np.zeros((len(opacities), COLUMNS))
    _gather(slots, tiles.rows, tiles.offsets, tiles.places, gradients)
    return gradients
