"""Measure time and memory of large scenes: 100k Gaussians, a crop of bonsai; 500k, scenes side by side.

Each stage is a fresh process: encode with the fit, encode at another λ from the kept fit, decode.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from pathlib import Path

import click

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, morton_crop, scene_path, side_by_side
from benchmarks.stages import Hemgs

CROPPED = "bonsai"
JOINED = ("bonsai", "desk", "mic")


def make_scene(count: int, data: Path | None, target: Path, seed: int) -> None:
    """Write a scene of ``count`` Gaussians: a crop of bonsai, or scenes side by side if more are wanted."""
    from hemgs_codec import read_ply, write_ply

    scene = read_ply(scene_path(CROPPED, data))
    if count <= scene.num_gaussians:
        made = morton_crop(scene, count)
    else:
        made = side_by_side([read_ply(scene_path(name, data)) for name in JOINED], count, seed)
    write_ply(made, target)


def make_in_other_process(count: int, data: Path | None, target: Path, seed: int) -> None:
    """Make a scene without bringing the codec into this process (see `stages`)."""
    process = multiprocessing.get_context("spawn").Process(
        target=make_scene, args=(count, data, target, seed)
    )
    process.start()
    process.join()
    if process.exitcode != 0:
        raise click.ClickException(f"the scene of {count} Gaussians couldn't be made")


@click.command()
@data_option
@click.option(
    "--count",
    "counts",
    type=click.IntRange(min=1),
    multiple=True,
    default=(100_000, 500_000),
    show_default=True,
)
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True, help="Of the first encode.")
@click.option("--next-lambda", type=float, default=4e-3, show_default=True, help="Of the second.")
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the copies' jitter.")
def main(
    data: Path | None,
    counts: tuple[int, ...],
    lambda_: float,
    next_lambda: float,
    iterations: int | None,
    threads: int | None,
    seed: int,
) -> None:
    """Measure time and memory of large scenes."""
    results = Results("scale")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(folder / "fits", threads, iterations)
        for number, count in enumerate(counts):
            ply, hgs = folder / f"{count}.ply", folder / f"{count}.hgs"
            make_in_other_process(count, data, ply, seed)
            if number == 0:
                hemgs.warm_up(ply, folder)
            first = hemgs.encode(ply, hgs, lambda_)
            second = hemgs.encode(ply, hgs, next_lambda)
            decoded = hemgs.decode(hgs, folder / "decoded.ply")
            info = hemgs.info(hgs)
            results.add(
                {
                    **identify(f"made{count}", ply),
                    "num_gaussians": info["num_gaussians"],
                    "lambdas": [lambda_, next_lambda],
                    "bits_per_gaussian": round(info["bits_per_gaussian"], 3),
                    "encode_with_fit_s": first.seconds,
                    "encode_with_fit_peak_rss_mb": first.peak_rss_mb,
                    "encode_again_s": second.seconds,
                    "encode_again_peak_rss_mb": second.peak_rss_mb,
                    "decode_s": decoded.seconds,
                    "decode_peak_rss_mb": decoded.peak_rss_mb,
                    "verified": hemgs.verifies(hgs),
                }
            )
            ply.unlink()


if __name__ == "__main__":
    main()
