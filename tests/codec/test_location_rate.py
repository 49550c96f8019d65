"""Bytes on real scenes, against Draco on the same lattice. Needs the scene collection beside the checkout."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import plyfile
import pytest

from hemgs_codec.location import decode_locations, encode_locations, morton_sort

SCENES = Path(__file__).resolve().parents[3] / "shared" / "data" / "splats" / "raw"


def read_positions(name: str) -> npt.NDArray[np.float32]:
    """Means (N, 3) of a scene; skip where there are none."""
    for path in (SCENES / name / "point_cloud.ply", SCENES / f"{name}.ply"):
        if path.exists():
            vertex = plyfile.PlyData.read(path)["vertex"]
            return np.stack([np.asarray(vertex[axis], np.float32) for axis in "xyz"], axis=1)
    pytest.skip(f"scene {name} isn't in the collection beside this checkout")


def unique_lattice(positions: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.int64]:
    """Distinct points on the cube of the largest extent, Morton sorted."""
    low = positions.min(axis=0).astype(np.float64)
    extent = float((positions - low).max())
    coords = np.floor((positions - low) / extent * ((1 << bits) - 1) + 0.5).astype(np.int64)
    coords = np.unique(coords, axis=0)
    return coords[morton_sort(coords)]


def draco_bytes(positions: npt.NDArray[np.float32], bits: int) -> int:
    """Size of Draco's strongest point cloud coding on the same cube."""
    try:
        draco: Any = importlib.import_module("DracoPy")
    except ImportError:
        pytest.skip("DracoPy isn't installed")
    low = positions.min(axis=0)
    return len(
        draco.encode(
            positions,
            quantization_bits=bits,
            compression_level=10,
            quantization_range=float((positions - low).max()),
            quantization_origin=low.tolist(),
            preserve_order=False,
        )
    )


@pytest.mark.parametrize("bits", [10, 16])
@pytest.mark.parametrize("name", ["chair", "mic", "desk", "bonsai", "gsplat_new", "kacy", "train1000"])
def test_real_scene_takes_fewer_bytes_than_draco(name: str, bits: int) -> None:
    positions = read_positions(name)
    coords = unique_lattice(positions, bits)
    stream = encode_locations(coords, bits)
    assert len(stream) < 0.96 * draco_bytes(positions, bits)
    np.testing.assert_array_equal(decode_locations(stream, len(coords), bits), coords)
