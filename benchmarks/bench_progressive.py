"""PSNR against bytes received: prefixes of one file a scene, decoded and judged in held-out views.

The file is made by the command line; prefixes are decoded in this process. The first ends with the locations,
the last is the whole file; the others are spread evenly, and some lie close behind the locations.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.codecs.hemgs import Hemgs
from benchmarks.compare_views import Scene
from benchmarks.priors import prior_of
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path

_EARLY = 6
"""Prefixes that double their runs, up to a twentieth of the file."""


def prefix_sizes(data: bytes, count: int) -> list[int]:
    """Return how many bytes each prefix has, ascending."""
    from hemgs_format.container import layout

    first = next(extent.offset for extent in layout(data) if extent.id == "RUN0")
    rest = len(data) - first
    early = [rest // 20 >> (_EARLY - 1 - k) for k in range(_EARLY)]
    later = [rest * (k + 1) // (count - _EARLY - 1) for k in range(count - _EARLY - 1)]
    return [first, *(first + size for size in sorted(early + later))]


def largest_fall(values: list[float]) -> float:
    """Return by how much a value is below the greatest before it, at most."""
    return max(max(values[: k + 1]) - value for k, value in enumerate(values))


@click.command()
@data_option
@scene_option
@click.option("--prefixes", type=click.IntRange(min=10), default=24, show_default=True)
@click.option(
    "--views", type=click.IntRange(min=1), default=8, show_default=True, help="Most held-out views."
)
@click.option("--effort", type=click.IntRange(0, 9), default=0, show_default=True)
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True)
@click.option(
    "--keep",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of files: NAME.hgs is taken from there, or coded and put there.",
)
def main(
    data: Path | None,
    names: tuple[str, ...],
    prefixes: int,
    views: int,
    effort: int,
    lambda_: float,
    keep: Path | None,
) -> None:
    """Append one row a scene to results/progressive.jsonl."""
    results = Results("progressive")
    for name in names or known_scenes(data):
        results.add(_measure(name, scene_path(name, data), prefixes, views, effort, lambda_, keep))


def _measure(
    name: str, ply: Path, count: int, views: int, effort: int, lambda_: float, keep: Path | None
) -> dict[str, Any]:
    from hemgs_codec.evaluate import evaluate, mean_scores
    from hemgs_codec.partial import decode_partial
    from hemgs_codec.prior import library
    from hemgs_codec.scene import GaussianScene

    scene, prior = Scene(ply, views), prior_of(ply)
    with tempfile.TemporaryDirectory() as place:
        coded = (keep or Path(place)) / f"{name}.hgs"
        codec = Hemgs(prior, (effort,), Path(place), None)
        setting = Setting("", {"effort": effort, "lambda": lambda_})
        if not coded.exists():
            codec.encode(SceneFiles(name, ply, scene.options), coded, setting)
        whole = coded.read_bytes()
        if prior is not None:
            library.FOLDER, library.DEFAULT = prior.parent, prior.name

        def judge(size: int, bands: int | None = None) -> dict[str, Any]:
            decoded, received = decode_partial(whole[:size], bands=bands)
            assert isinstance(decoded, GaussianScene)
            judged = evaluate(
                scene.original, decoded, scene.cameras, background=scene.background, metrics=("psnr",)
            )
            psnr = round(mean_scores(judged)["psnr_vs_original"], 4)
            found = {"bytes": size, "decoded": received.decoded, "psnr": psnr}
            click.echo(f"{name}: {found}", err=True)
            return found

        points = [judge(size) for size in prefix_sizes(whole, count)]
        bands = [judge(len(whole), band)["psnr"] for band in range(scene.original.sh_degree)]
    return {
        **identify(name, ply),
        "num_gaussians": scene.num_gaussians,
        "num_views": len(scene.cameras),
        "made_up_views": not scene.has_cameras,
        "effort": effort,
        "lambda": lambda_,
        "prior": None if prior is None else prior.stem,
        "file_bytes": len(whole),
        "largest_fall": round(largest_fall([point["psnr"] for point in points]), 4),
        "psnr_by_bands": bands,
        "points": points,
    }


if __name__ == "__main__":
    main()
