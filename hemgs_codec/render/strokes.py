"""What the loops over a tile's pixels share: an ellipse's numbers in one row, its falloff, the pixels' order.

A tile is walked in two bands, 8 columns wide, and in a band over just those pairs of rows that the ellipse
reaches there: half of a tile's pixels are beyond the ellipses that touch it. A pair's 16 pixels are the lanes
of one loop, which is what the compiler's vectoriser wants, as it wants unsigned indices and float32
throughout.

Functions here end up in other files' compiled loops: whatever uses them binds `FINGERPRINT` (see `compiled`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np

from hemgs_codec.compiled import cached_parallel, compiled, source_fingerprint
from hemgs_codec.scene import Float32Array

if TYPE_CHECKING:
    from hemgs_codec.render.projection import Ellipses

FINGERPRINT = source_fingerprint(Path(__file__).parent)

TILE = 16
"""Width and height of a tile in pixels."""
COLUMNS = 8
"""Of a band."""
BANDS = TILE // COLUMNS
PAIRS = TILE // 2
"""Of rows, in a band."""
LANES = 2 * COLUMNS
"""Pixels of a pair of rows in a band: the upper row's, then the lower row's."""
ALPHA_CUT = 1.0 / 255.0
"""Where an ellipse's alpha is less it isn't drawn."""
ALPHA_MOST = 0.999
LEAST_TRANSMITTANCE = 1e-4
"""A pixel is done when the next ellipse would leave less light than this."""

NEVER = np.float32(2)
"""The least light that a pixel goes on with once it is done: more than there is."""
STROKE = 16
"""Numbers in a row: see `write_strokes`. A row is a cache line."""
_PART = 16.0  # the falloff is a polynomial to this power
_FLOOR = np.float32(-6.0 / _PART)  # e^-6 < ALPHA_CUT
_ONE, _HALF, _ZERO = np.float32(1), np.float32(0.5), np.float32(0)
# e^u for u in -0.375 .. 0, to 2e-6 after the 16th power; exactly 1 at 0
_E1, _E2, _E3, _E4 = (np.float32(c) for c in (0.99998913, 0.49972661, 0.16448917, 0.03466311))


@compiled
def falloff(power: np.float32) -> np.float32:
    """Return e^(16 power), for anything less than -6 some number between 0 and the cut."""
    u = power if power > _FLOOR else _FLOOR
    e = _ONE + u * (_E1 + u * (_E2 + u * (_E3 + u * _E4)))
    e *= e
    e *= e
    e *= e
    e *= e
    return e


@compiled
def is_done(state: Float32Array, least: int) -> bool:
    """Tell whether no pixel of a tile goes on: all of plane ``least`` is `NEVER`."""
    going = 0
    for at in range(np.uint64(BANDS * PAIRS)):
        for lane in range(np.uint64(LANES)):
            going += state[least, at, lane] != NEVER
    return going == 0


@compiled
def across_lanes(sums: Float32Array, row: int) -> np.float32:
    """Return the sum of one row of (R, LANES), added half to half; the row is overwritten."""
    for lane in range(np.uint64(8)):
        sums[row, lane] += sums[row, lane + np.uint64(8)]
    for lane in range(np.uint64(4)):
        sums[row, lane] += sums[row, lane + np.uint64(4)]
    total: np.float32 = (sums[row, 0] + sums[row, 2]) + (sums[row, 1] + sums[row, 3])
    return total


@compiled
def place(row: int, column: int) -> tuple[int, int]:
    """Return the pair, over all bands, and the lane of a tile's pixel."""
    return column // COLUMNS * PAIRS + row // 2, row % 2 * COLUMNS + column % COLUMNS


@cached_parallel
def _write_strokes(
    depths: Float32Array,
    centres: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
    opacities: Float32Array,
    colours: Float32Array,
    out: Float32Array,
) -> None:
    for i in numba.prange(len(depths)):
        if depths[i] == _ZERO:
            continue
        xx, xy, yy = conics[i, 0], conics[i, 1], conics[i, 2]
        out[i, 0], out[i, 1] = centres[i, 0], centres[i, 1]
        out[i, 2], out[i, 3], out[i, 4] = -_HALF * xx / _PART, -xy / _PART, -_HALF * yy / _PART
        out[i, 5] = opacities[i]
        out[i, 6], out[i, 7], out[i, 8] = colours[i, 0], colours[i, 1], colours[i, 2]
        out[i, 9], out[i, 10] = reaches[i, 0], reaches[i, 1]
        out[i, 11] = -xy / xx * reaches[i, 1]
        out[i, 12] = xy / yy
        out[i, 13] = np.sqrt(2.0 * np.log(np.float64(opacities[i]) / ALPHA_CUT) / yy)
        out[i, 14], out[i, 15] = _ONE / reaches[i, 0], _ZERO


def write_strokes(ellipses: Ellipses, opacities: Float32Array, colours: Float32Array) -> Float32Array:
    """Return strokes (N, 16), filled in for Gaussians that are drawn.

    Columns: the centre's x, y; the conic's -xx / 2, -xy, -yy / 2 over 16; opacity; colour; reach in x and y;
    where its lowest point is right of the centre; how much the middle of a column falls per column; half the
    middle column; the inverse of the reach in x.
    """
    strokes = np.empty((len(opacities), STROKE), np.float32)
    _write_strokes(
        ellipses.depths, ellipses.centres, ellipses.conics, ellipses.reaches, opacities, colours, strokes
    )
    return strokes
