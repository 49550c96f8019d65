"""hemgs eval: what a compressed scene looks like beside its original or the photos, in numbers."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from hemgs_cli import options
from hemgs_cli.files import DASH, check_output, echo_json, write_output
from hemgs_cli.progress import progress_bar
from hemgs_cli.scenes import read_scene

if TYPE_CHECKING:
    from hemgs_codec.decoder import Scene
    from hemgs_codec.progress import Progress
    from hemgs_codec.render import Camera

_METRICS = ("psnr", "ssim", "flip", "lpips")
_ROWS = {
    "vs_original": "decoded vs original's renders",
    "photo_original": "original vs photos",
    "photo_decoded": "decoded vs photos",
}


@click.command("eval")
@click.argument("source", metavar="SCENE", type=click.Path(exists=True))
@click.option(
    "--reference",
    type=click.Path(exists=True),
    help="The original: scene.ply, or the folder of an anchor scene. Needed where there are no --images.",
)
@click.option(
    "--cameras",
    "cameras_path",
    type=click.Path(exists=True, path_type=Path),
    help="cameras.json, transforms.json, or a folder that holds one or a COLMAP model; made up if not given.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the photos, by the cameras' names; photos are used only if this is given.",
)
@options.split
@options.background
@click.option(
    "-m",
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(_METRICS),
    help="What to compute beside PSNR; may be given again.  [default: ssim, flip]",
)
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False),
    help="PNG to draw: views from worst to best, with errors times ten.",
)
@options.drop_invalid
@options.threads
@options.force
@options.as_json
def evaluate(
    source: str,
    reference: str | None,
    cameras_path: Path | None,
    images: Path | None,
    split: Literal["all", "test"],
    background: str,
    metrics: tuple[str, ...],
    sheet: str | None,
    drop_invalid: bool,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare a compressed scene with its original, with photos, or with both, on held-out views.

    Scenes are .hgs or .ply files, or folders with an anchor scene. Renders and photos are compared as 8-bit
    images; figures are means over views. Without --cameras views are made up from the scene itself.

    \b
    Examples:
      hemgs eval scene.hgs --reference scene.ply
      hemgs eval scene.hgs --reference scene.ply --cameras cameras.json --images photos --sheet sheet.png
      hemgs eval scene.hgs --reference scene.ply --cameras nerf/chair --images nerf/chair --background white
      hemgs eval anchors.hgs --cameras nerf/chair --images nerf/chair --background white
    """
    if reference is None and images is None:
        raise click.UsageError("give --reference, or --images with --cameras, or both")
    if images is not None and cameras_path is None:
        raise click.UsageError("--images needs --cameras: photos are found by the cameras' names")
    if sheet is not None:
        if sheet == DASH:
            raise click.UsageError("--sheet needs a file: standard output has the figures")
        for scene in filter(None, (source, reference)):
            check_output(sheet, source=scene, force=force)

    from hemgs_codec.decoder import points
    from hemgs_codec.evaluate import evaluate as compare
    from hemgs_codec.evaluate import mean_scores
    from hemgs_codec.metrics import check_installed
    from hemgs_codec.sheet import draw_sheet, pick_views
    from hemgs_codec.threads import use_threads

    chosen = tuple(dict.fromkeys(("psnr", *(metrics or ("ssim", "flip")))))
    check_installed(chosen)
    colour = options.BACKGROUNDS[background]
    with use_threads(threads), progress_bar() as progress:
        original, reference_size = None, None
        if reference is not None:
            original, reference_size = read_scene(reference, drop_invalid=drop_invalid)
        decoded, size = read_scene(source, drop_invalid=drop_invalid)
        views = compare(
            original,
            decoded,
            _cameras(cameras_path, split, decoded if original is None else original, progress),
            background=colour,
            images=images,
            metrics=chosen,
            progress=progress,
        )
        if sheet is not None:
            picture = draw_sheet(original, decoded, pick_views(views), colour)
            write_output(sheet, partial(picture.save, format="PNG"), force=force)
    unit, count = points(decoded if original is None else original)
    result: dict[str, Any] = {
        "input": source,
        "reference": reference,
        "cameras": str(cameras_path) if cameras_path is not None else "made up",
        "background": background,
        "file_bytes": size,
        "reference_bytes": reference_size,
        "ratio": None if reference_size is None else reference_size / size,
        f"num_{unit}s": count,
        f"bits_per_{unit}": 8 * size / count,
        "num_views": len(views),
        **_finite(mean_scores(views)),
        "views": [{"name": view.camera.name, **_finite(view.scores)} for view in views],
    }
    if as_json:
        echo_json(result)
    else:
        _print_table(result)


def _cameras(
    path: Path | None, split: Literal["all", "test"], scene: Scene, progress: Progress | None
) -> list[Camera]:
    from hemgs_codec.cameras import read_cameras, synthesise_cameras, views_of
    from hemgs_codec.pictures import stand_in

    if path is None:
        return synthesise_cameras(stand_in(scene), progress=progress)
    return views_of(read_cameras(path), split)


def _finite(scores: dict[str, float]) -> dict[str, float | None]:
    """Put null for infinity, the PSNR of equal images, which JSON has no word for."""
    return {key: value if math.isfinite(value) else None for key, value in scores.items()}


def _print_table(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    kind = "made up from the scene itself" if result["cameras"] == "made up" else f"of {result['cameras']}"
    console.print(f"{result['num_views']} views {kind}, {result['background']} background", soft_wrap=True)
    metrics = [name for name in _METRICS if any(f"{name}_{pair}" in result for pair in _ROWS)]
    table = Table("")
    for name in metrics:
        table.add_column("PSNR, dB" if name == "psnr" else name.upper(), justify="right")
    for pair, title in _ROWS.items():
        if f"psnr_{pair}" in result:
            values = [result[f"{name}_{pair}"] for name in metrics]
            table.add_row(title, *(_text(name, value) for name, value in zip(metrics, values, strict=True)))
    console.print(table)
    unit = "Gaussian" if "num_gaussians" in result else "anchor"
    bits = result[f"bits_per_{unit.lower()}"]
    share = "" if result["ratio"] is None else f", 1/{result['ratio']:.1f} of {result['reference']}"
    console.print(
        f"{result['input']}: {result['file_bytes']:,} bytes, {bits:.1f} bits per {unit}{share}",
        soft_wrap=True,
    )


def _text(metric: str, value: float | None) -> str:
    if value is None:
        return "equal"
    return f"{value:.2f}" if metric == "psnr" else f"{value:.4f}"
