"""PSNR against bytes received, as `bench_progressive`: a trained anchor scene, against held-out photos."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.bench_anchor import renders, scores
from benchmarks.bench_progressive import largest_fall, prefix_sizes
from benchmarks.provenance import Results
from benchmarks.stages import Hemgs

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("run", type=_FOLDER)
@click.option("--dataset", "source", required=True, type=_FOLDER, help="The photos that it was trained on.")
@click.option("--prefixes", type=click.IntRange(min=10), default=24, show_default=True)
@click.option(
    "--views", type=click.IntRange(min=1), default=8, show_default=True, help="Most held-out views."
)
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True)
def main(run: Path, source: Path, prefixes: int, views: int, lambda_: float) -> None:
    """Append one row to results/progressive.jsonl."""
    from hemgs_codec.anchors.scene import AnchorScene
    from hemgs_codec.partial import decode_partial
    from hemgs_codec.train.dataset import load_dataset

    dataset = load_dataset(source)
    every = max(len(dataset.test) // views, 1)
    dataset = dataclasses.replace(dataset, test=dataset.test[::every][:views])
    with tempfile.TemporaryDirectory() as place:
        coded = Path(place) / "scene.hgs"
        Hemgs(Path(place) / "cache").encode(run, coded, lambda_)
        whole = coded.read_bytes()

    def judge(size: int) -> dict[str, Any]:
        decoded, received = decode_partial(whole[:size])
        assert isinstance(decoded, AnchorScene)
        psnr = scores(renders(decoded, dataset), dataset)["psnr"]
        found = {"bytes": size, "decoded": received.decoded, "psnr": psnr}
        click.echo(f"{found}", err=True)
        return found

    points = [judge(size) for size in prefix_sizes(whole, prefixes)]
    row = {
        "scene": f"{dataset.name}, anchors",
        "against": "photos",
        "run": run.name,
        "iterations": json.loads((run / "options.json").read_text())["scene"]["iterations"],
        "num_views": len(dataset.test),
        "made_up_views": False,
        "lambda": lambda_,
        "file_bytes": len(whole),
        "largest_fall": round(largest_fall([point["psnr"] for point in points]), 4),
        "points": points,
    }
    Results("progressive").add(row)


if __name__ == "__main__":
    main()
