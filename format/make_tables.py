"""Write the checked-in table of the standard normal CDF (SPEC: "Normal table").

Run once, in high precision; the bytes it writes are part of the format and never change. Entry k is
``round(2**32 * (Phi(k / 256) - 1/2))`` for k = 0 .. 1664, little-endian u32. At k = 1664 (6.5 sigma) the
value has reached 2**31, the rounded limit, so nothing further needs storing.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import mpmath  # type: ignore[import-untyped]
import numpy as np

NUM_ENTRIES = 1665
STEPS_PER_SIGMA = 256
TARGET = Path(__file__).parent / "hemgs_format" / "normal_table.bin"


def normal_table() -> bytes:
    """Compute the table.

    Returns
    -------
    bytes
        1665 little-endian u32 values.
    """
    with mpmath.workdps(60):
        half = mpmath.mpf(1) / 2
        values = [
            int(mpmath.floor((mpmath.ncdf(mpmath.mpf(k) / STEPS_PER_SIGMA) - half) * 2**32 + half))
            for k in range(NUM_ENTRIES)
        ]
    return np.array(values, "<u4").tobytes()


if __name__ == "__main__":
    TARGET.write_bytes(normal_table())
    sys.stdout.write(f"{hashlib.sha256(TARGET.read_bytes()).hexdigest()}  {TARGET.name}\n")
