"""RGB to luma and chroma, for the DC and every band of the spherical harmonics alike.

The basis is orthonormal, so a squared error is the same in either, and its inverse is its transpose:

    Y  = ( R +  G + B) / √3      luma
    C1 = ( R      − B) / √2      orange against blue
    C2 = (−R + 2G − B) / √6      green against magenta

Trained scenes are mostly grey in the higher bands: their energy gathers in Y, and C1, C2 quantise to zeros.
The sums are written out, left to right, in float64: every machine gets the same values.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_A = 1.0 / math.sqrt(3.0)
_B = 1.0 / math.sqrt(2.0)
_C = 1.0 / math.sqrt(6.0)
_D = 2.0 / math.sqrt(6.0)

# Rows Y, C1, C2; columns R, G, B.
LUMA_CHROMA: tuple[tuple[float, float, float], ...] = ((_A, _A, _A), (_B, 0.0, -_B), (-_C, _D, -_C))


def luma_chroma_from_rgb(rgb: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Rotate (..., 3) RGB coefficients to (Y, C1, C2), float64."""
    return _rotate(rgb, LUMA_CHROMA)


def rgb_from_luma_chroma(luma_chroma: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Rotate (..., 3) coefficients (Y, C1, C2) back to RGB, float64."""
    return _rotate(luma_chroma, tuple(zip(*LUMA_CHROMA, strict=True)))


def _rotate(values: npt.NDArray[np.floating], rows: tuple[tuple[float, ...], ...]) -> npt.NDArray[np.float64]:
    a, b, c = (values[..., i].astype(np.float64) for i in range(3))
    rotated = np.empty(values.shape)
    for i, row in enumerate(rows):
        rotated[..., i] = row[0] * a + row[1] * b + row[2] * c
    return rotated
