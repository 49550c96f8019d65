"""Measure how many bits a point locations take, and how many Draco takes on the same lattice.

Distinct points on the cube of the largest extent, since Draco merges duplicates; both counts are divided by
their number. Each line of `results/location.jsonl` is one scene at one number of bits an axis; seconds are
the best of the repeats, after the compiled code is warm. Draco runs at its highest compression level.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import lgamma, log
from pathlib import Path
from typing import Any

import click
import DracoPy
import numpy as np
import numpy.typing as npt
import plyfile

from benchmarks.provenance import Results, content_hash
from hemgs_codec.location import decode_locations, encode_locations, morton_sort


def read_positions(path: Path) -> npt.NDArray[np.float32]:
    """Return the finite means (N, 3) of a PLY."""
    vertex = plyfile.PlyData.read(path)["vertex"]
    positions = np.stack([np.asarray(vertex[axis], np.float32) for axis in "xyz"], axis=1)
    return positions[np.isfinite(positions).all(axis=1)]


def unique_lattice(positions: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.int64]:
    """Return the distinct lattice points (N, 3), Morton sorted."""
    low = positions.min(axis=0).astype(np.float64)
    extent = float((positions - low).max())
    coords = np.floor((positions - low) / extent * ((1 << bits) - 1) + 0.5).astype(np.int64)
    coords = np.unique(coords, axis=0)
    return coords[morton_sort(coords)]


def encode_draco(positions: npt.NDArray[np.float32], bits: int) -> bytes:
    """Return Draco's point cloud on the same cube."""
    low = positions.min(axis=0)
    coded: bytes = DracoPy.encode(
        positions,
        quantization_bits=bits,
        compression_level=10,
        quantization_range=float((positions - low).max()),
        quantization_origin=low.tolist(),
        preserve_order=False,
    )
    return coded


def best_time(repeat: int, function: Callable[[], object]) -> float:
    """Return the least seconds of several runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return round(min(times), 3)


def scene_name(path: Path) -> str:
    """Name a scene by its folder where the file has the usual name."""
    return path.parent.name if path.stem == "point_cloud" else path.stem


def measure(path: Path, bits: int, repeat: int) -> dict[str, Any]:
    """Measure one scene at one lattice."""
    positions = read_positions(path)
    coords = unique_lattice(positions, bits)
    num_points = len(coords)
    stream = encode_locations(coords, bits)
    if not np.array_equal(decode_locations(stream, num_points, bits), coords):
        raise click.ClickException(f"{path}: decoded points differ")
    coded = encode_draco(positions, bits)
    return {
        "num_gaussians": len(positions),
        "num_unique": num_points,
        "bits_per_axis": bits,
        "bits_per_point": round(8 * len(stream) / num_points, 3),
        "draco_bits_per_point": round(8 * len(coded) / num_points, 3),
        "uniform_bound_bits_per_point": round(3 * bits - lgamma(num_points + 1) / log(2) / num_points, 3),
        "saving_percent": round(100 * (1 - len(stream) / len(coded)), 2),
        "encode_s": best_time(repeat, lambda: encode_locations(coords, bits)),
        "decode_s": best_time(repeat, lambda: decode_locations(stream, num_points, bits)),
        "draco_encode_s": best_time(repeat, lambda: encode_draco(positions, bits)),
        "draco_decode_s": best_time(repeat, lambda: DracoPy.decode(coded)),
    }


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--bits", "widths", type=click.IntRange(1, 21), multiple=True, default=(10, 13, 16), show_default=True
)
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True)
def main(paths: tuple[Path, ...], widths: tuple[int, ...], repeat: int) -> None:
    """Measure scenes at each number of bits an axis."""
    results = Results("location", ("numba", "DracoPy"))
    for path in paths:
        for bits in widths:
            results.add(
                {"scene": scene_name(path), "scene_sha256": content_hash(path), **measure(path, bits, repeat)}
            )


if __name__ == "__main__":
    main()
