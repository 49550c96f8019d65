"""Measure what each scene takes: bytes, bits by section, seconds and memory of every stage.

Every stage is a fresh process of the command line: fit with the first λ, then one coding pass per λ from the
kept fit, a decode and a verify.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path
from benchmarks.stages import Hemgs, bits_by_section

LAMBDAS = (1e-3, 2e-3, 4e-3)


def measure(
    hemgs: Hemgs,
    name: str,
    ply: Path,
    lambdas: tuple[float, ...],
    folder: Path,
    keep: bool,
    results: Results,
) -> None:
    """Measure one scene, a row per λ; the first row holds the fit.

    Files are written to ``folder``, and left there if ``keep``.
    """
    scene = identify(name, ply)
    before = hemgs.num_fits()
    first = hemgs.encode(ply, folder / f"{name}_{lambdas[0]:g}.hgs", lambdas[0])
    is_new = hemgs.num_fits() > before
    for lambda_ in lambdas:
        hgs = folder / f"{name}_{lambda_:g}.hgs"
        encoded = hemgs.encode(ply, hgs, lambda_)
        restored = folder / f"{name}_{lambda_:g}.ply"
        decoded = hemgs.decode(hgs, restored)
        info = hemgs.info(hgs)
        row = {
            **scene,
            "num_gaussians": info["num_gaussians"],
            "lambda": lambda_,
            "file_bytes": info["file_bytes"],
            "bits_per_gaussian": round(info["bits_per_gaussian"], 3),
            "ratio": round(scene["original_bytes"] / info["file_bytes"], 2),
            "section_bits_per_gaussian": bits_by_section(info),
            "encode_s": encoded.seconds,
            "encode_peak_rss_mb": encoded.peak_rss_mb,
            "decode_s": decoded.seconds,
            "decode_peak_rss_mb": decoded.peak_rss_mb,
            "verified": hemgs.verifies(hgs),
        }
        if lambda_ == lambdas[0] and is_new:
            row["fit_s"] = round(first.seconds - encoded.seconds, 3)
            row["fit_peak_rss_mb"] = first.peak_rss_mb
        results.add(row)
        if not keep:
            hgs.unlink()
            restored.unlink()


@click.command()
@data_option
@scene_option
@click.option("--lambda", "lambdas", type=float, multiple=True, default=LAMBDAS, show_default=True)
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep fits in this folder; a fit that is already there isn't timed.",
)
@click.option(
    "--ply-out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave SCENE_LAMBDA.hgs and the decoded .ply in this folder, for other judges.",
)
def main(
    data: Path | None,
    names: tuple[str, ...],
    lambdas: tuple[float, ...],
    iterations: int | None,
    threads: int | None,
    cache: Path | None,
    ply_out: Path | None,
) -> None:
    """Measure scenes end to end."""
    results = Results("scenes")
    with tempfile.TemporaryDirectory() as temporary:
        folder = ply_out if ply_out is not None else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        hemgs = Hemgs(cache if cache is not None else Path(temporary) / "fits", threads, iterations)
        wanted = names or known_scenes(data)
        hemgs.warm_up(scene_path(wanted[-1], data), Path(temporary))
        for name in wanted:
            measure(hemgs, name, scene_path(name, data), lambdas, folder, ply_out is not None, results)


if __name__ == "__main__":
    main()
