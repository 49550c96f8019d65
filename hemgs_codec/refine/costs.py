"""What symbols cost, as a table that loops can look up.

Narrow Gaussians have the coder's own integer tables, escapes included; wide ones are smooth, and two terms of
their logarithm say it all.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from hemgs_format.symbols import gaussian_bits
from hemgs_format.tables import NUM_FRACTIONS

REACH = 24
"""Symbols on either side of the mean; beyond, they all cost an escape."""
NUM_NARROW = 48
"""Sigma indices that the table has: up to 4 symbols, whose Gaussian ends where the table does."""


@cache
def cost_table() -> npt.NDArray[np.float32]:
    """Return bits (48, 16, 49) float32 by sigma index, sixteenth of the mean, and symbol less the mean's.

    The mean is ``centre + (sixteenth - 8) / 16``.
    """
    sigmas, sixteenths, residuals = np.meshgrid(
        np.arange(NUM_NARROW), np.arange(NUM_FRACTIONS) - 8, np.arange(-REACH, REACH + 1), indexing="ij"
    )
    bits = gaussian_bits(residuals.ravel(), sixteenths.ravel(), sigmas.ravel())
    return bits.reshape(residuals.shape).astype(np.float32)


@cache
def wide_costs() -> npt.NDArray[np.float32]:
    """Return (128, 2) float32 by sigma index: bits of the mean's symbol, and per squared distance from it."""
    sigmas = 2.0 ** ((np.arange(128) - 32) / 8)
    least = np.log2(sigmas * np.sqrt(2 * np.pi))
    return np.stack([least, 1 / (2 * np.log(2) * sigmas**2)], axis=1).astype(np.float32)
