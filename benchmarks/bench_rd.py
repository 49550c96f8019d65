"""Rate and distortion of scenes with cameras: bytes, and PSNR and SSIM on held-out views, at seven lambdas.

Weights are measured in renders of the views that aren't held out, or analytic for comparison. Every stage is
a fresh process of the command line; only renders are judged in this one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path, surroundings
from benchmarks.stages import Hemgs, bits_by_section

if TYPE_CHECKING:
    from hemgs_codec.render import Camera

LAMBDAS = tuple(2.5e-4 * 2**k for k in range(7))


class Judge:
    """A scene's original, its cameras and photos.

    Attributes
    ----------
    options : tuple of str
        What `hemgs encode` is told of the views.
    """

    def __init__(self, ply: Path) -> None:
        from hemgs_codec import read_ply
        from hemgs_codec.cameras import held_out, read_cameras

        beside = surroundings(ply)
        self.background, self.images, self.options = beside.background, beside.images, beside.options
        self.cameras: list[Camera] = [] if beside.cameras is None else held_out(read_cameras(beside.cameras))
        self.original = read_ply(ply)

    def scores(self, ply: Path, metrics: tuple[str, ...] = ("psnr", "ssim")) -> dict[str, float]:
        """Return mean scores of a decoded .ply over the held-out views."""
        from hemgs_codec import read_ply
        from hemgs_codec.evaluate import evaluate, mean_scores

        views = evaluate(
            self.original,
            read_ply(ply),
            self.cameras,
            background=self.background,
            images=self.images,
            metrics=metrics,
        )
        return {key: round(value, 4) for key, value in mean_scores(views).items()}


def measure(
    hemgs: Hemgs, judge: Judge, ply: Path, folder: Path, lambda_: float, options: tuple[str, ...]
) -> dict[str, Any]:
    """Encode at a lambda, decode, and judge."""
    hgs, back = folder / "scene.hgs", folder / "back.ply"
    encoded = hemgs.encode(ply, hgs, lambda_, *judge.options, *options)
    decoded = hemgs.decode(hgs, back)
    info = hemgs.info(hgs)
    return {
        "num_gaussians": info["num_gaussians"],
        "num_coded": info["num_coded"],
        "lambda": lambda_,
        "file_bytes": info["file_bytes"],
        "bits_per_gaussian": round(info["bits_per_gaussian"], 3),
        "num_views": len(judge.cameras),
        **judge.scores(back),
        "encode_s": encoded.seconds,
        "decode_s": decoded.seconds,
        "section_bits_per_gaussian": bits_by_section(info),
    }


@click.command()
@data_option
@scene_option
@click.option("--lambda", "lambdas", type=float, multiple=True, default=LAMBDAS, show_default=True)
@click.option(
    "--weights",
    "rules",
    type=click.Choice(["rendered", "analytic"]),
    multiple=True,
    default=("rendered", "analytic"),
    show_default=True,
)
@click.option("--compact", help="Compact the scene first: auto or a ratio, as hemgs encode takes it.")
@click.option("--refine", type=click.IntRange(min=1), help="Refine this many steps before coding.")
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep fits in this folder.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    lambdas: tuple[float, ...],
    rules: tuple[str, ...],
    compact: str | None,
    refine: int | None,
    iterations: int | None,
    threads: int | None,
    cache: Path | None,
) -> None:
    """Measure rate and distortion on scenes with cameras."""
    results = Results("rd")
    options: tuple[str, ...] = () if compact is None else ("--compact", compact)
    options += () if refine is None else ("--refine", str(refine))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(cache if cache is not None else folder / "cache", threads, iterations)
        for name in names or known_scenes(data):
            ply = scene_path(name, data)
            judge = Judge(ply)
            if not judge.cameras:
                continue
            for rule in rules:
                for lambda_ in lambdas:
                    row = measure(hemgs, judge, ply, folder, lambda_, ("--weights", rule, *options))
                    case = {"weights": rule, "compact": compact, "refine": refine}
                    results.add({**identify(name, ply), **case, **row})


if __name__ == "__main__":
    main()
