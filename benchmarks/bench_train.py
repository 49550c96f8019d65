"""Seconds of a training's iterations, by phase and number of anchors, on photos of a data set.

Anchors are random points in the visual hull; nothing grows and nothing is pruned, so that their number stays.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from benchmarks.provenance import Results

WARM_UP = 5


@click.command()
@click.argument("source", metavar="DATASET", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--anchors", "counts", type=int, multiple=True, default=(5_000, 30_000), show_default=True)
@click.option(
    "--iterations", type=click.IntRange(min=1), default=20, show_default=True, help="Of each phase."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
def main(source: Path, counts: tuple[int, ...], iterations: int, threads: int | None) -> None:
    """Time a training's iterations."""
    from hemgs_codec.threads import use_threads
    from hemgs_codec.train.dataset import load_dataset
    from hemgs_codec.train.options import RateOptions, SceneOptions
    from hemgs_codec.train.trainer import Trainer

    results = Results("train")
    dataset = load_dataset(source)
    for count in counts:
        with use_threads(threads) as used_threads:
            options = SceneOptions(iterations=1_000_000, points=count, voxel_size=1e-3)
            trainer = Trainer(dataset, options, RateOptions(masks="none"))
            for phase in ("clean", "noise", "rate"):
                schedule = trainer.schedule
                trainer.iteration = {
                    "clean": 0,
                    "noise": schedule.noise_from + 1,
                    "rate": schedule.rate_from + 1,
                }[phase]
                for _ in range(WARM_UP):
                    trainer.step()
                start, cpu = time.perf_counter(), time.process_time()
                for _ in range(iterations):
                    trainer.step()
                seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
                photo = dataset.train[0].camera
                results.add(
                    {
                        "scene": dataset.name,
                        "phase": phase,
                        "num_anchors": trainer.parameters.num_anchors,
                        "width": photo.width,
                        "height": photo.height,
                        "threads": used_threads,
                        "seconds_per_iteration": round(seconds / iterations, 4),
                        "cpu_seconds_per_iteration": round(cpu_seconds / iterations, 4),
                    }
                )


if __name__ == "__main__":
    main()
