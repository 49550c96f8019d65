"""What an image loses with one Gaussian: a pass over the tiles that leaves each out in turn.

Without Gaussian i a pixel shows what lies behind it in its place: with transmittance T before it, its alpha a
and colour c, and the colour b that all behind it and the background add up to, the pixel changes by
T a (b - c). That is exact for one Gaussian that goes alone, but for pixels that stop early. It's the blending
of `render.blend` once more, with what is still to come of each pixel in three numbers instead of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.gradients import View
from hemgs_codec.render.strokes import ALPHA_CUT, ALPHA_MOST, LEAST_TRANSMITTANCE, TILE
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]

_COLUMNS = 10
_CHECK = 16  # ellipses between two looks at whether a tile is done
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
_CUT, _MOST, _DONE = np.float32(ALPHA_CUT), np.float32(ALPHA_MOST), np.float32(LEAST_TRANSMITTANCE)
_PART, _SIXTH, _FLOOR = np.float32(1 / 256), np.float32(1 / 6), np.float32(-8)


@dataclass(frozen=True)
class Removal:
    """What each Gaussian's removal does to one image, sums over its pixels; rows as in the scene.

    Attributes
    ----------
    squares : (N,) float64
        Of the change, over colours too.
    along : (N,) float64
        Change · (image - reference), over colours too; 0 without a reference.
    weights : (N,) float64
        Blending weights T a.
    alphas : (N,) float64
        Alphas, where the pixel isn't done: weights / alphas is the mean transmittance before the Gaussian.
    changes : (N, 3) float64
        The change by colour.
    by_colour : (N, 3) float64
        Blending weight · (image - reference): half the gradient of the squared error by colour.
    """

    squares: Float64Array
    along: Float64Array
    weights: Float64Array
    alphas: Float64Array
    changes: Float64Array
    by_colour: Float64Array


@cached_parallel
def _remove_each(
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
    error: Float32Array,
    slots: Float32Array,
) -> None:
    """Fill slots (I, 10) from the image (H, W, 3) with its background and its error (H, W, 3)."""
    height, width = image.shape[0], image.shape[1]
    for order in numba.prange(len(by_load)):
        tile = by_load[order]
        left, top = tile % across * TILE, tile // across * TILE
        coming, wrong = np.zeros((3, TILE, TILE), np.float32), np.zeros((3, TILE, TILE), np.float32)
        passing, alive = np.ones((TILE, TILE), np.float32), np.zeros((TILE, TILE), np.float32)
        for row in range(min(TILE, height - top)):
            for column in range(min(TILE, width - left)):
                for channel in range(3):
                    coming[channel, row, column] = image[top + row, left + column, channel]
                    wrong[channel, row, column] = error[top + row, left + column, channel]
                alive[row, column] = _ONE
        sums = np.empty((_COLUMNS, TILE), np.float32)
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
                    alpha = min(opacity * e, _MOST)
                    alpha = alive[row, column] * (alpha if alpha >= _CUT else _ZERO)
                    before = passing[row, column]
                    after = before * (_ONE - alpha)
                    going = after > _DONE
                    alpha = alpha if going else _ZERO
                    weight = before * alpha
                    passing[row, column] = after if going else before
                    alive[row, column] = alive[row, column] if going else _ZERO
                    uncover = alpha / (_ONE - alpha)
                    behind_r = coming[0, row, column] - weight * r
                    behind_g = coming[1, row, column] - weight * g
                    behind_b = coming[2, row, column] - weight * b
                    coming[0, row, column] = behind_r
                    coming[1, row, column] = behind_g
                    coming[2, row, column] = behind_b
                    change_r = uncover * behind_r - weight * r
                    change_g = uncover * behind_g - weight * g
                    change_b = uncover * behind_b - weight * b
                    sums[0, column] += change_r * change_r + change_g * change_g + change_b * change_b
                    wrong_r, wrong_g, wrong_b = (
                        wrong[0, row, column],
                        wrong[1, row, column],
                        wrong[2, row, column],
                    )
                    sums[1, column] += change_r * wrong_r + change_g * wrong_g + change_b * wrong_b
                    sums[2, column] += weight
                    sums[3, column] += alpha
                    sums[4, column] += change_r
                    sums[5, column] += change_g
                    sums[6, column] += change_b
                    sums[7, column] += weight * wrong_r
                    sums[8, column] += weight * wrong_g
                    sums[9, column] += weight * wrong_b
            for column in range(_COLUMNS):
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
    out: Float64Array,
) -> None:
    for k in numba.prange(len(rows)):
        for place in range(offsets[k], offsets[k + 1]):
            for column in range(_COLUMNS):
                out[rows[k], column] += slots[places[place], column]


def remove_each(
    scene: GaussianScene,
    camera: Camera,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    reference: Float32Array | None = None,
) -> tuple[Float32Array, Removal]:
    """Measure what the removal of each of a scene's Gaussians, alone, does to its image.

    Parameters
    ----------
    reference : (H, W, 3) float32
        The image that is wanted.

    Returns
    -------
    image : (H, W, 3) float32
        As `render` returns it.
    removal : Removal
        The squared error against the reference changes by ``squares + 2 * along``.
    """
    view = View(scene, camera, background)
    image, splats, tiles = view.image, view.splats, view.splats.tiles
    error = image - reference if reference is not None else np.zeros_like(image)
    slots = np.empty((len(tiles.entries), _COLUMNS), np.float32)
    _remove_each(
        splats.ellipses.centres,
        splats.ellipses.conics,
        splats.ellipses.reaches,
        splats.opacities,
        splats.splats.colours,
        tiles.starts,
        tiles.entries,
        tiles.by_load,
        tiles.across,
        image,
        error,
        slots,
    )
    sums = np.zeros((scene.num_gaussians, _COLUMNS))
    _gather(slots, tiles.rows, tiles.offsets, tiles.places, sums)
    return image, Removal(sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3], sums[:, 4:7], sums[:, 7:])
