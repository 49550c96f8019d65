"""Measure what the coding order costs: bits, batches and seconds of raster against permuted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, scene_path
from benchmarks.stages import Hemgs, bits_by_section

ORDERS = ("permuted", "raster")


def count_batches(data: bytes) -> int:
    """Return the number of batches per group of a file: those of its context graph."""
    from hemgs_codec.coding.fields import unpack_fields
    from hemgs_codec.context.graph import build_graph
    from hemgs_codec.location import decode_locations
    from hemgs_codec.sections import KNOWN, split_sections
    from hemgs_format.container import read_container
    from hemgs_format.metadata import unpack_metadata

    container = read_container(data, known=KNOWN)
    parts, _ = split_sections(container.sections, container.profile)
    fields = unpack_fields(unpack_metadata(parts["META"]), container.profile)
    coords = decode_locations(parts["LOCS"], container.num_points, fields.position_bits)
    geometry = fields.geometry
    graph = build_graph(
        coords,
        fields.lattice.base_points(coords),
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    return len(graph.batches)


@click.command()
@data_option
@click.option("--scene", "name", default="mic", show_default=True)
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True)
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
def main(data: Path | None, name: str, lambda_: float, iterations: int | None, threads: int | None) -> None:
    """Fit and code one scene in each order, with fits of the same length."""
    results = Results("order")
    ply = scene_path(name, data)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(folder / "fits", threads, iterations)
        hemgs.warm_up(ply, folder)
        for order in ORDERS:
            hgs = folder / f"{order}.hgs"
            fitted = hemgs.encode(ply, hgs, lambda_, "--order", order)
            encoded = hemgs.encode(ply, hgs, lambda_, "--order", order)
            decoded = hemgs.decode(hgs, folder / "decoded.ply")
            info = hemgs.info(hgs)
            rows.append(
                {
                    **identify(name, ply),
                    "num_gaussians": info["num_gaussians"],
                    "lambda": lambda_,
                    "order": order,
                    "file_bytes": info["file_bytes"],
                    "bits_per_gaussian": round(info["bits_per_gaussian"], 3),
                    "section_bits_per_gaussian": bits_by_section(info),
                    "fit_s": round(fitted.seconds - encoded.seconds, 3),
                    "encode_s": encoded.seconds,
                    "decode_s": decoded.seconds,
                    "decode_peak_rss_mb": decoded.peak_rss_mb,
                }
            )
        # last, since it brings the codec into this process (see `stages`)
        for row in rows:
            batches = count_batches((folder / f"{row['order']}.hgs").read_bytes())
            results.add({**row, "num_batches": batches})


if __name__ == "__main__":
    main()
