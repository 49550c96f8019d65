"""Pre-train priors: one over the whole corpus to ship, and one per fold to judge scenes that it never saw.

A fold's prior has seen no scene of that fold, nor anything made of one. Results go to a folder that isn't in
git, but for the prior that ships.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmarks import ROOT
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, known_scenes, scene_path

FOLDS = 4


@click.command()
@data_option
@click.option(
    "--fold", "fold_number", type=click.IntRange(0, FOLDS - 1), help="Leave out this fold; none if not given."
)
@click.option("--iterations", type=click.IntRange(min=100), default=8000, show_default=True)
@click.option("--no-points", is_flag=True, help="Without the PointNet++: its features are 0.")
@click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.2, show_default=True)
@click.option("--hidden", type=int, default=24, show_default=True)
@click.option("--slice-hidden", type=int, default=32, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(
    data: Path,
    fold_number: int | None,
    iterations: int,
    no_points: bool,
    dropout: float,
    hidden: int,
    slice_hidden: int,
    threads: int,
    output: Path,
) -> None:
    """Pre-train a prior and write its file, with the scenes that it may be judged by beside it."""
    from hemgs_codec.prior.corpus import folds, list_corpus, load_member
    from hemgs_codec.prior.pretrain import Pretraining, PretrainOptions
    from hemgs_codec.prior.prior import pack_prior
    from hemgs_codec.threads import use_threads

    paths = {name: scene_path(name, data) for name in known_scenes(data)}
    entries = list_corpus(paths.values())
    number = folds([entry.hash for entry in entries], FOLDS)
    seen = [entry for entry in entries if number[entry.hash] != fold_number]
    with use_threads(threads):
        members = [load_member(entry.path, ROOT / "runs" / "weights") for entry in seen]
        options = PretrainOptions(
            iterations=iterations,
            use_points=not no_points,
            dropout=dropout,
            hidden=hidden,
            slice_hidden=slice_hidden,
        )
        training = Pretraining(members, options)
        log = training.run(say)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(pack_prior(training.prior()))
    held_out = {entry.path for entry in entries} - {entry.path for entry in seen}
    unseen = [name for name, path in paths.items() if path in held_out]
    output.with_suffix(".json").write_text(json.dumps({"unseen": unseen, "loss": log}))
    row = {"fold": fold_number, "iterations": iterations, "points": not no_points, "dropout": dropout}
    Results("pretrain").add(
        {**row, "unseen": unseen, "hidden": hidden, "loss": log[-1], "file_bytes": output.stat().st_size}
    )


def say(stage: str, done: int, total: int) -> None:
    """Report progress now and then."""
    if done % 200 == 0:
        click.echo(f"{stage} {done}/{total}", err=True)


if __name__ == "__main__":
    main()
