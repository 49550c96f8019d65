"""Code a scene with Draco, and back: ``python -m benchmarks.codecs.draco_worker encode|decode …``.

Draco has no layout for Gaussians, so attributes go as its generic ones: integers on a grid with one step per
attribute, as Draco itself quantises. What it doesn't store of that is a head before its bytes:

    SH degree                            uint8
    bits per attribute                   uint8 each, in the order of `quantised`
    range per attribute                  float32 each
    origin per component                 float32 each
    Draco's bytes

A file of locations alone is Draco's bytes and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import click
import DracoPy
import numpy as np
import numpy.typing as npt

from hemgs_codec import GaussianScene, read_ply, write_ply
from hemgs_codec.scene import SH_REST_COUNTS

Floats = npt.NDArray[np.float32]
_LEVEL = 10  # of 10
_MORTON_BITS = 16
_SIZES = (3, 4, 1, 3)  # components of scale, rotation, opacity, colour; SH follows
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)


def morton_order(means: Floats) -> npt.NDArray[np.intp]:
    """Return the rows of (N, 3) locations along a Z curve: neighbours predict each other."""
    low = means.min(axis=0)
    extent = float((means - low).max()) or 1.0
    grid = ((means - low) / extent * (2**_MORTON_BITS - 1)).astype(np.uint64)
    codes = np.zeros(len(means), dtype=np.uint64)
    for bit in range(_MORTON_BITS):
        for axis in range(3):
            codes |= (grid[:, axis] >> np.uint64(bit) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.argsort(codes, kind="stable")


def quantised(scene: GaussianScene) -> list[Floats]:
    """Return what is quantised, (N, components) each: scale, rotation, opacity, colour, and SH if any."""
    quats = scene.quats / np.maximum(np.linalg.norm(scene.quats, axis=1, keepdims=True), 1e-12)
    quats = quats * np.where(quats[:, :1] < 0, -1, 1)  # q and -q are the same rotation
    count = scene.num_gaussians
    arrays = [scene.log_scales, quats, scene.opacity_logits[:, None], scene.sh0, scene.shN.reshape(count, -1)]
    return [np.asarray(array, dtype=np.float32) for array in arrays if array.shape[1]]


def encode_locations(scene: GaussianScene, bits: int) -> bytes:
    """Return a file of locations alone; Draco reorders them and merges those that are equal."""
    return bytes(DracoPy.encode(scene.means, quantization_bits=bits, compression_level=_LEVEL))


def encode_scene(scene: GaussianScene, bits: int, attribute_bits: int, sh_bits: int) -> bytes:
    """Return a file of the whole scene, in Morton order.

    Parameters
    ----------
    bits, attribute_bits, sh_bits : int
        Of locations; of scale, rotation, opacity and colour; of SH beyond colour. The last two up to 16.
    """
    scene = scene.take(morton_order(scene.means))
    arrays = quantised(scene)
    widths = [attribute_bits] * len(_SIZES) + [sh_bits] * (len(arrays) - len(_SIZES))
    origins = [array.min(axis=0) for array in arrays]
    ranges = [
        np.float32((array - origin).max() or 1.0) for array, origin in zip(arrays, origins, strict=True)
    ]
    attributes = {}
    for number, (array, origin, extent, width) in enumerate(
        zip(arrays, origins, ranges, widths, strict=True), start=1
    ):
        cells = np.rint((array - origin) / extent * (2**width - 1))
        attributes[number] = np.ascontiguousarray(cells, dtype=np.uint8 if width <= 8 else np.uint16)
    # Draco's tree over all components (preserve_order=False) makes files twice as large.
    coded = DracoPy.encode(
        scene.means,
        quantization_bits=bits,
        compression_level=_LEVEL,
        preserve_order=True,
        generic_attributes=attributes,
    )
    head = [
        bytes([SH_REST_COUNTS.index(scene.shN.shape[1]), *widths]),
        np.array(ranges, dtype="<f4").tobytes(),
        np.concatenate(origins).astype("<f4").tobytes(),
    ]
    return b"".join([*head, bytes(coded)])


def decode_locations(coded: bytes) -> GaussianScene:
    """Return a scene of equal grey balls at the locations of a file without attributes."""
    means = np.ascontiguousarray(DracoPy.decode(coded).points, dtype=np.float32)
    count = len(means)
    size = np.log(max(float(np.ptp(means, axis=0).max()), 1e-6) / 1000)
    return GaussianScene(
        means,
        np.full((count, 3), size, dtype=np.float32),
        np.tile(np.array([1, 0, 0, 0], dtype=np.float32), (count, 1)),
        np.zeros(count, dtype=np.float32),
        np.zeros((count, 3), dtype=np.float32),
        np.zeros((count, 0, 3), dtype=np.float32),
    )


def decode_scene(coded: bytes) -> GaussianScene:
    """Return the scene of a file that `encode_scene` made."""
    rest = SH_REST_COUNTS[coded[0]]
    sizes = [*_SIZES, 3 * rest] if rest else list(_SIZES)
    widths = coded[1 : 1 + len(sizes)]
    place = 1 + len(sizes)
    numbers = np.frombuffer(coded, "<f4", len(sizes) + sum(sizes), place)
    ranges, origins = numbers[: len(sizes)], np.split(numbers[len(sizes) :], np.cumsum(sizes)[:-1])
    cloud = DracoPy.decode(coded[place + numbers.nbytes :])
    arrays = []
    for number, (width, extent, origin) in enumerate(zip(widths, ranges, origins, strict=True), start=1):
        cells = np.asarray(cloud.get_attribute_by_unique_id(number)["data"], dtype=np.float32)
        values = cells.reshape(len(cloud.points), -1) * (extent / (2**width - 1)) + origin
        arrays.append(np.ascontiguousarray(values, dtype=np.float32))
    count = len(cloud.points)
    return GaussianScene(
        np.ascontiguousarray(cloud.points, dtype=np.float32),
        arrays[0],
        arrays[1],
        np.ascontiguousarray(arrays[2][:, 0]),
        arrays[3],
        arrays[4].reshape(count, rest, 3) if rest else np.zeros((count, 0, 3), dtype=np.float32),
    )


@click.group()
def main() -> None:
    """Code a scene with Draco."""


@main.command()
@click.argument("ply", type=_EXISTING)
@click.argument("coded", type=_NEW)
@click.option("--bits", type=click.IntRange(1, 30), required=True, help="Of locations.")
@click.option("--attribute-bits", type=click.IntRange(1, 16), help="Locations alone if not given.")
@click.option("--sh-bits", type=click.IntRange(1, 16), default=8, show_default=True)
def encode(ply: Path, coded: Path, bits: int, attribute_bits: int | None, sh_bits: int) -> None:
    """Write a Draco file of a .ply."""
    scene = read_ply(ply)
    if attribute_bits is None:
        coded.write_bytes(encode_locations(scene, bits))
    else:
        coded.write_bytes(encode_scene(scene, bits, attribute_bits, sh_bits))


@main.command()
@click.argument("coded", type=_EXISTING)
@click.argument("ply", type=_NEW)
@click.option("--locations", is_flag=True, help="The file holds locations alone.")
def decode(coded: Path, ply: Path, *, locations: bool) -> None:
    """Write a .ply of a Draco file."""
    make = decode_locations if locations else decode_scene
    write_ply(make(coded.read_bytes()), ply)


if __name__ == "__main__":
    main()
