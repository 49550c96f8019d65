"""Seconds and bytes of every effort, as users have them: a fresh process with the shipped prior.

The scene is a crop of bonsai, which the shipped prior has seen: sizes here say how efforts compare, not how
well the prior does (`bench_prior` says that).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from benchmarks.bench_scale import make_in_other_process
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify
from benchmarks.stages import Hemgs, checked

PLAIN = ("--weights", "analytic", "--no-verify")
"""Nothing measured in renders, nothing checked."""


@click.command()
@data_option
@click.option("--count", type=click.IntRange(min=1), default=100_000, show_default=True, help="Gaussians.")
@click.option("--effort", "efforts", type=click.IntRange(0, 9), multiple=True, default=(0, 2, 4))
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
def main(
    data: Path | None, count: int, efforts: tuple[int, ...], lambda_: float, threads: int | None
) -> None:
    """Measure seconds and memory of encodes by effort, and of decoding."""
    results = Results("effort")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(folder / "fits", threads)
        ply, hgs = folder / f"{count}.ply", folder / f"{count}.hgs"
        make_in_other_process(count, data, ply, 0)
        limit = [] if threads is None else ["--threads", str(threads)]
        fixed: tuple[str | Path, ...] = (
            "--lambda",
            f"{lambda_:g}",
            "--no-cache",
            "--force",
            "--json",
            *limit,
            "-o",
            hgs,
        )
        for number, effort in enumerate(efforts):
            command: tuple[str | Path, ...] = ("encode", ply, "--effort", str(effort), *fixed)
            if number == 0:
                checked(hemgs.run(*command))  # no measured process shall compile code or read a cold disk
                hemgs.decode(hgs, folder / "decoded.ply")
            whole = checked(hemgs.run(*command))
            plain = checked(hemgs.run(*command, *PLAIN))
            plain_bytes = hgs.stat().st_size
            decoded = hemgs.decode(hgs, folder / "decoded.ply")
            results.add(
                {
                    **identify(f"made{count}", ply),
                    "num_gaussians": count,
                    "lambda": lambda_,
                    "effort": effort,
                    "encode_s": plain.seconds,
                    "encode_peak_rss_mb": plain.peak_rss_mb,
                    "file_bytes": plain_bytes,
                    "measured_verified_s": whole.seconds,
                    "measured_verified_peak_rss_mb": whole.peak_rss_mb,
                    "decode_s": decoded.seconds,
                    "decode_peak_rss_mb": decoded.peak_rss_mb,
                }
            )


if __name__ == "__main__":
    main()
