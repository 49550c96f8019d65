"""Pre-train priors: one over the whole corpus to ship, and one per fold to judge scenes that it never saw.

A fold's prior has seen no scene of that fold, nor anything made of one. Results go to a folder that isn't in
git, but for the prior that ships.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks import ROOT
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, known_scenes, scene_path

if TYPE_CHECKING:
    from hemgs_codec.prior.corpus import Entry

FOLDS = 4


@click.command()
@data_option
@click.option(
    "--also",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Learn from the scenes in this folder, too: NAME.ply, NAME/point_cloud.ply. NAME-ANYTHING is of the "
    "same capture as NAME, and in its fold.",
)
@click.option(
    "--fold", "fold_number", type=click.IntRange(0, FOLDS - 1), help="Leave out this fold; none if not given."
)
@click.option("--iterations", type=click.IntRange(min=100), default=8000, show_default=True)
@click.option(
    "--batch", type=click.IntRange(min=1), default=1024, show_default=True, help="Gaussians a step."
)
@click.option("--uses", type=click.IntRange(min=1), default=20, show_default=True, help="Of a sample.")
@click.option("--no-points", is_flag=True, help="Without the PointNet++: its features are 0.")
@click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.2, show_default=True)
@click.option("--hidden", type=int, default=24, show_default=True)
@click.option("--slice-hidden", type=int, default=32, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--makers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes that make samples."
)
@click.option("--device", default="cpu", show_default=True, help="Of torch: where networks are trained.")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(
    data: Path,
    also: tuple[Path, ...],
    fold_number: int | None,
    no_points: bool,
    threads: int,
    makers: int,
    device: str,
    output: Path,
    **sizes: Any,
) -> None:
    """Pre-train a prior and write its file, with the scenes that it may be judged by beside it."""
    from hemgs_codec.prior.corpus import load_member
    from hemgs_codec.prior.pretrain import Pretraining, PretrainOptions
    from hemgs_codec.prior.prior import pack_prior
    from hemgs_codec.threads import use_threads

    paths = {name: scene_path(name, data) for name in known_scenes(data)}
    seen, unseen = corpus_of_fold(paths, also, fold_number)
    with use_threads(threads):
        members = [load_member(entry.path, ROOT / "runs" / "weights").halved() for entry in seen]
        options = PretrainOptions(use_points=not no_points, **sizes)
        training = Pretraining(members, options, device=device, makers=makers)
        log = training.run(say)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(pack_prior(training.prior()))
    output.with_suffix(".json").write_text(json.dumps({"unseen": unseen, "loss": log}))
    row = {"fold": fold_number, "points": not no_points, "unseen": unseen, "scenes": len(seen), **sizes}
    Results("pretrain").add({**row, "device": device, "loss": log[-1], "file_bytes": output.stat().st_size})


def corpus_of_fold(
    paths: dict[str, Path], also: tuple[Path, ...], fold_number: int | None
) -> tuple[list[Entry], list[str]]:
    """Return what a fold's prior learns from, and the names of the scenes in ``paths`` that it doesn't see.

    Folds are dealt by ``paths`` alone: what else there is goes where its capture is, or is seen by all.
    """
    from hemgs_codec.prior.corpus import folds, list_corpus

    entries = list_corpus(paths.values())
    number = folds([entry.hash for entry in entries], FOLDS)
    hashes = {entry.path: entry.hash for entry in entries}
    fold_of = {name: number[hashes[path]] for name, path in paths.items()}
    more = [path for folder in also for path in (*folder.glob("*/point_cloud.ply"), *folder.glob("*.ply"))]
    candidates = [(path, _fold(path, fold_of)) for path in more]
    candidates += [(path, fold_of[name]) for name, path in paths.items()]
    kept = [path for path, fold in candidates if fold_number is None or fold != fold_number]
    return list(list_corpus(kept)), [name for name in paths if fold_of[name] == fold_number]


def _fold(path: Path, fold_of: dict[str, int]) -> int | None:
    """Return the fold of a further scene by its name; None if it's of a capture of its own."""
    name = path.parent.name if path.stem == "point_cloud" else path.stem
    return fold_of.get(name.split("-")[0])


def say(stage: str, done: int, total: int) -> None:
    """Report progress now and then."""
    if done % 200 == 0:
        click.echo(f"{stage} {done}/{total}", err=True)


if __name__ == "__main__":
    main()
