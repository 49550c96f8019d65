"""What the micro-benchmarks share: the bundled scene and its lattice, made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.scenes import morton_crop, scene_path
from hemgs_codec import GaussianScene, read_ply
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.lattice import fit_lattice, index_for_bits
from hemgs_codec.location import morton_sort

MOST = 20_000
"""Gaussians of the scene: enough to leave a processor's caches, few enough for seconds."""
BITS = 14
"""Of a lattice coordinate: about what files of medium quality have."""


@dataclass(frozen=True)
class Cloud:
    """A scene's locations.

    Attributes
    ----------
    coords, points : (N, 3) int64
        Lattice and base coordinates in Morton order.
    bits : int
        Bits an axis of lattice coordinates.
    voxel_shift : int
        log2 of the voxel in base units.
    """

    coords: npt.NDArray[np.int64]
    points: npt.NDArray[np.int64]
    bits: int
    voxel_shift: int


@pytest.fixture(scope="session")
def scene() -> GaussianScene:
    """Return the bundled chair, or the middle of it if it should grow."""
    chair = read_ply(scene_path("chair", None))
    return morton_crop(chair, min(MOST, chair.num_gaussians))


@pytest.fixture(scope="session")
def cloud(scene: GaussianScene) -> Cloud:
    """Return the scene's locations on a lattice."""
    lattice = fit_lattice(scene.means, index_for_bits(BITS))
    coords = lattice.quantise(scene.means)
    coords = coords[morton_sort(coords)]
    points = lattice.base_points(coords)
    return Cloud(coords, points, lattice.bits(coords), choose_voxel_shift(points))
