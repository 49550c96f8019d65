"""Second moments of what an ellipse does to the image, summed over pixels: the heart of sensitivities.

A change of one Gaussian moves a pixel's colour by the colour's derivative by alpha, times alpha, times a
polynomial of where the pixel lies in the ellipse. So the squares of all such changes, and the products of any
two, come from moments of the pixel's place, each pixel weighted by how much alpha counts there. The place is
taken in axes that follow the ellipse, or long thin ones would lose all their digits:

    a = sqrt(xx) dx + xy / sqrt(xx) dy      b = dy / (reach + 1)      with the conic xx, xy, yy

Loops over pixels keep to the rules of `blend`, and each entry of a tile has a slot of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel
from hemgs_codec.render.blend import ALPHA_CUT, ALPHA_MOST, LEAST_TRANSMITTANCE, TILE
from hemgs_codec.scene import Float32Array

if TYPE_CHECKING:
    from hemgs_codec.render.projection import Ellipses
    from hemgs_codec.render.tiles import Tiles

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
COLUMNS = len(MONOMIALS) + 1
_EDGE = 16  # a constant of this file, so that the compiler unrolls by it and its cache can't be stale
assert _EDGE == TILE
_CHECK = 16  # ellipses between two looks at whether a tile is done

_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_PART, _SIXTH, _FLOOR = np.float32(1 / 256), np.float32(1 / 6), np.float32(-8)


@cached_parallel
def _blend_moments(
    centres: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
    opacities: Float32Array,
    colours: Float32Array,
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    by_load: npt.NDArray[np.int64],
    across: int,
    cut: np.float32,
    most: np.float32,
    done: np.float32,
    image: Float32Array,
    slots: Float32Array,
) -> None:
    """Fill slots (I, 14) from an image (H, W, 3), background and all."""
    height, width = image.shape[0], image.shape[1]
    for order in numba.prange(len(by_load)):
        tile = by_load[order]
        left, top = tile % across * _EDGE, tile // across * _EDGE
        # what is still to come of each pixel's colours
        red, green, blue = (
            np.zeros((_EDGE, _EDGE), np.float32),
            np.zeros((_EDGE, _EDGE), np.float32),
            np.zeros((_EDGE, _EDGE), np.float32),
        )
        passing, alive = np.ones((_EDGE, _EDGE), np.float32), np.zeros((_EDGE, _EDGE), np.float32)
        for row in range(min(_EDGE, height - top)):
            for column in range(min(_EDGE, width - left)):
                red[row, column] = image[top + row, left + column, 0]
                green[row, column] = image[top + row, left + column, 1]
                blue[row, column] = image[top + row, left + column, 2]
                alive[row, column] = _ONE
        sums = np.empty((COLUMNS, _EDGE), np.float32)
        for entry in range(starts[tile], starts[tile + 1]):
            i = entries[entry]
            if (entry - starts[tile]) % _CHECK == _CHECK - 1 and not alive.any():
                slots[entry : starts[tile + 1]] = _ZERO
                break
            sums[:] = _ZERO
            x, y = centres[i, 0] - np.float32(left), centres[i, 1] - np.float32(top)
            xx, xy, yy = conics[i, 0], conics[i, 1], conics[i, 2]
            along_x = np.sqrt(xx)
            along_y, per_reach = xy / along_x, _ONE / (reaches[i, 1] + _ONE)
            opacity, r, g, b = opacities[i], colours[i, 0], colours[i, 1], colours[i, 2]
            first = np.uint64(max(np.ceil(y - reaches[i, 1] - _HALF), _ZERO))
            last = np.uint64(min(max(np.floor(y + reaches[i, 1] + _HALF), _ZERO), np.float32(_EDGE)))
            for row in range(first, last):
                dy = np.float32(row) + _HALF - y
                square, slope = _HALF * yy * dy * dy, xy * dy
                v = dy * per_reach
                for column in range(np.uint64(0), np.uint64(_EDGE)):
                    dx = np.float32(column) + _HALF - x
                    power = -(_HALF * xx * dx * dx + slope * dx + square)
                    t = max(power, _FLOOR) * _PART
                    e = _ONE + t * (_ONE + t * (_HALF + _SIXTH * t))
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    e *= e
                    whole = opacity * e
                    alpha = min(whole, most)
                    alpha = alive[row, column] * (alpha if alpha >= cut else _ZERO)
                    before = passing[row, column]
                    after = before * (_ONE - alpha)
                    going = after > done
                    alpha = alpha if going else _ZERO
                    weight = before * alpha
                    passing[row, column] = after if going else before
                    alive[row, column] = alive[row, column] if going else _ZERO
                    red[row, column] -= weight * r
                    green[row, column] -= weight * g
                    blue[row, column] -= weight * b
                    hidden = _ONE / (_ONE - alpha)
                    by_red = before * r - red[row, column] * hidden
                    by_green = before * g - green[row, column] * hidden
                    by_blue = before * b - blue[row, column] * hidden
                    counts = (by_red * by_red + by_green * by_green + by_blue * by_blue) * alpha * alpha
                    counts = counts if whole <= most else _ZERO
                    u = along_x * dx + along_y * dy
                    uu, uv, vv = u * u, u * v, v * v
                    c_uu, c_uv, c_vv = counts * uu, counts * uv, counts * vv
                    sums[0, column] += counts
                    sums[1, column] += c_uu
                    sums[2, column] += c_uv
                    sums[3, column] += c_vv
                    sums[4, column] += c_uu * u
                    sums[5, column] += c_uu * v
                    sums[6, column] += c_vv * u
                    sums[7, column] += c_vv * v
                    sums[8, column] += c_uu * uu
                    sums[9, column] += c_uu * uv
                    sums[10, column] += c_uu * vv
                    sums[11, column] += c_vv * uv
                    sums[12, column] += c_vv * vv
                    sums[13, column] += weight * weight
            for column in range(COLUMNS):
                total = _ZERO
                for lane in range(_EDGE):
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
            for column in range(slots.shape[1]):
                out[rows[k], column] += slots[places[place], column]


def blend_moments(
    ellipses: Ellipses, opacities: Float32Array, colours: Float32Array, tiles: Tiles, image: Float32Array
) -> npt.NDArray[np.float64]:
    """Return moments (N, 14) by ellipse, in the order of `MONOMIALS`, then the squared weights' sum.

    Parameters
    ----------
    image : (H, W, 3)
        What these ellipses give, over the background.
    """
    slots = np.empty((len(tiles.entries), COLUMNS), np.float32)
    _blend_moments(
        ellipses.centres,
        ellipses.conics,
        ellipses.reaches,
        opacities,
        colours,
        tiles.starts,
        tiles.entries,
        tiles.by_load,
        tiles.across,
        np.float32(ALPHA_CUT),
        np.float32(ALPHA_MOST),
        np.float32(LEAST_TRANSMITTANCE),
        image,
        slots,
    )
    moments = np.zeros((len(opacities), COLUMNS))
    _gather(slots, tiles.rows, tiles.offsets, tiles.places, moments)
    return moments
