"""Positions to the integer lattice and back (SPEC "Lattice").

All lattices of a scene share an origin and a base unit, about 2**-25 of the largest extent. A lattice step is
an integer number of base units, 16 * 2**(j / 8), so that its fineness can follow λ in eighths of an octave,
and so that every distance that the networks see is in units that don't depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.units import _root

MAX_BITS = 21
_FINEST_STEP = 16
BASE_EXTENT = ((1 << MAX_BITS) - 1) * _FINEST_STEP
"""The largest extent of a scene in base units: the finest lattice just fits 21 bits."""
NUM_LATTICE_STEPS = 8 * (MAX_BITS - 1) + 1


def lattice_step(index: int) -> int:
    """Return the lattice step in base units: the largest r with r**8 <= 2**(index + 32)."""
    return _root(8, 1 << (index + 32))


@dataclass(frozen=True)
class Lattice:
    """Where lattice coordinates lie in the world.

    Attributes
    ----------
    origin : tuple of three floats
        World position of coordinate (0, 0, 0).
    unit : float
        Base unit in world units, > 0.
    index : int
        Step index, 0 .. 160.
    """

    origin: tuple[float, float, float]
    unit: float
    index: int

    @property
    def step(self) -> int:
        """Lattice step in base units."""
        return lattice_step(self.index)

    def base_points(self, coords: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Lattice coordinates (N, 3) to base coordinates (N, 3)."""
        return coords * self.step

    def quantise(self, means: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        """World positions (N, 3) to the nearest lattice coordinates (N, 3)."""
        offset = means.astype(np.float64) - np.array(self.origin)
        lattice: npt.NDArray[np.float64] = np.floor(offset / (self.step * self.unit) + 0.5)
        return np.maximum(lattice, 0.0).astype(np.int64)

    def places(
        self, means: npt.NDArray[np.float32], coords: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Return where world positions (N, 3) lie in the cells about coordinates (N, 3): 0 .. 1 an axis."""
        offset = means.astype(np.float64) - np.array(self.origin)
        return np.asarray(np.clip(offset / (self.step * self.unit) - coords + 0.5, 0.0, 1.0))

    def means(
        self,
        coords: npt.NDArray[np.int64],
        parts: npt.NDArray[np.int64],
        halvings: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float32]:
        """Return world positions (N, 3): one float64 expression, rounded once.

        Parameters
        ----------
        coords, parts : (N, 3) int64
            Lattice coordinates, and which part of its cell each lies in on each axis.
        halvings : (N,) int64
            How often the axes of each cell are halved.
        """
        count = np.int64(1) << halvings[:, None]
        # in halves of parts: a coordinate is the middle of its cell
        halves = 2 * count * coords + (2 * parts + 1 - count)
        steps: npt.NDArray[np.float64] = halves / (2 * count)  # exact: below 2**53, over a power of two
        means: npt.NDArray[np.float64] = steps * (self.step * self.unit) + np.array(self.origin)
        return np.asarray(means, dtype=np.float32)

    def bits(self, coords: npt.NDArray[np.int64]) -> int:
        """Bits an axis that hold these coordinates."""
        return max(int(coords.max(initial=0)).bit_length(), 1)


def fit_lattice(means: npt.NDArray[np.float32], index: int) -> Lattice:
    """Return the lattice of a scene at a step index."""
    low = means.astype(np.float64).min(axis=0)
    extent = float((means.astype(np.float64) - low).max())
    unit = extent / BASE_EXTENT if extent > 0 else 1.0
    return Lattice((float(low[0]), float(low[1]), float(low[2])), unit, index)


def index_for_bits(bits: int) -> int:
    """Return the step index that divides the largest extent into 2**bits steps."""
    return 8 * (MAX_BITS - bits)


def index_for_step(step: float, unit: float) -> int:
    """Return the step index whose step is nearest to a world length."""
    octaves = np.log2(max(step / (_FINEST_STEP * unit), 1e-9))
    return int(np.clip(np.floor(8 * octaves + 0.5), 0, NUM_LATTICE_STEPS - 1))
