"""Train what the figures of anchor scenes need: each scene, then every entropy model from where it has none.

Goes on where it was stopped: runs that are done are left alone, others resume from their checkpoints.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from benchmarks import ROOT

LAMBDAS = ("1e-3", "2e-3", "4e-3", "8e-3")
FIXED = ("1e-3", "2e-3", "4e-3")
WHOLE = ("--hash",)
"""The model with all parts, from which ablations take one; a small scene's own has no hash grid."""
ABLATIONS: dict[str, tuple[str, ...]] = {
    "no_context": ("--no-context",),
    "one_step": ("--one-step",),
    "hash": (),
    "no_earlier": ("--no-earlier",),
    "no_adaptation": ("--no-adaptation",),
    "no_importance": ("--no-importance",),
    "keep_all": ("--context", "80"),
    "small_window": ("--window", "5"),
    "raster": ("--order", "raster"),
    "learned_masks": ("--masks", "learned"),
}
SCENE_OPTIONS = ("--iterations", "10000", "--points", "3000", "--growth-gradient", "4e-4")


def branches(scene: str, kinds: tuple[str, ...], lambdas: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the options of all runs that branch from a scene's own, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for config in ("hac", "contextgs"):
        if config in kinds:
            for lambda_ in lambdas:
                number = f"{1000 * float(lambda_):g}"
                found[f"{scene}-{config}-{number}"] = ("--config", config, "--lambda-range", lambda_, lambda_)
    if "fixed" in kinds:
        for lambda_ in FIXED:
            found[f"{scene}-fixed-{1000 * float(lambda_):g}"] = (*WHOLE, "--lambda-range", lambda_, lambda_)
    if "ablations" in kinds:
        found |= {f"{scene}-{name}": (*WHOLE, *options) for name, options in ABLATIONS.items()}
    return found


def run(dataset: Path, folder: Path, options: tuple[str, ...]) -> None:
    """Train one run to its end."""
    command = [sys.executable, "-m", "hemgs_cli", "train", str(dataset), "-o", str(folder), "--resume"]
    done = subprocess.run([*command, *SCENE_OPTIONS, "--threads", "1", *options], check=False)
    click.echo(f"{folder.name}: {'done' if done.returncode == 0 else f'ended with {done.returncode}'}")


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(["hac", "contextgs", "fixed", "ablations"]),
    multiple=True,
    default=("hac",),
    show_default=True,
    help="What to train beside the scene's own run, may be repeated.",
)
@click.option(
    "--lambda",
    "lambdas",
    multiple=True,
    default=LAMBDAS,
    show_default=True,
    help="Of hac and contextgs, a training each, may be repeated.",
)
@click.option(
    "--runs",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "runs",
    help="Where to.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Trainings at once.")
def main(dataset: Path, kinds: tuple[str, ...], lambdas: tuple[str, ...], folder: Path, jobs: int) -> None:
    """Train a data set's runs; benchmarks.bench_anchor measures them."""
    scene = dataset.resolve().name
    own = folder / scene
    run(dataset, own, ())
    with ThreadPoolExecutor(jobs) as pool:
        for name, options in branches(scene, kinds, lambdas).items():
            pool.submit(run, dataset, folder / name, ("--branch", str(own), *options))


if __name__ == "__main__":
    main()
