"""Measure how soon ``hemgs info`` answers."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import click

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, scene_path
from benchmarks.stages import Hemgs, checked


@click.command()
@data_option
@click.option("--scene", "name", default="chair", show_default=True)
@click.option(
    "--iterations", type=click.IntRange(min=1), default=20, show_default=True, help="Length of the fit."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of the encode.")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True)
def main(data: Path | None, name: str, iterations: int, threads: int | None, repeat: int) -> None:
    """Time ``hemgs info --json`` in fresh processes."""
    results = Results("info")
    ply = scene_path(name, data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(folder / "fits", threads, iterations)
        hgs = folder / "scene.hgs"
        hemgs.encode(ply, hgs, 2e-3)
        checked(hemgs.run("info", hgs, "--json"))
        stages = [checked(hemgs.run("info", hgs, "--json")) for _ in range(repeat)]
        results.add(
            {
                **identify(name, ply),
                "file_bytes": hgs.stat().st_size,
                "repeat": repeat,
                "median_s": round(statistics.median(stage.seconds for stage in stages), 3),
                "most_s": max(stage.seconds for stage in stages),
                "peak_rss_mb": max(stage.peak_rss_mb for stage in stages),
            }
        )


if __name__ == "__main__":
    main()
