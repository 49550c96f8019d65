"""hemgs render: pictures of a scene, compressed or not."""

from __future__ import annotations

import io
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from hemgs_cli import options
from hemgs_cli.files import echo_json, read_bytes, write_output
from hemgs_cli.progress import progress_bar

if TYPE_CHECKING:
    from hemgs_codec.render import Camera
    from hemgs_codec.scene import Float32Array, GaussianScene

BACKGROUNDS = {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)}


@click.command()
@click.argument("source", metavar="SCENE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--cameras",
    "cameras_path",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="cameras.json, transforms.json, or a folder that holds one or a COLMAP model.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the PNGs; made if need be.",
)
@click.option(
    "--split",
    type=click.Choice(["all", "test"]),
    default="test",
    show_default=True,
    help="Which views: all, or those held out (every eighth where the file doesn't say).",
)
@click.option(
    "--background",
    type=click.Choice(list(BACKGROUNDS)),
    default="black",
    show_default=True,
    help="Behind it all.",
)
@options.threads
@options.force
@options.as_json
def render(
    source: str,
    cameras_path: Path,
    folder: Path,
    split: str,
    background: str,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Render a scene, .hgs or .ply, to one PNG per camera.

    \b
    Examples:
      hemgs render scene.hgs --cameras cameras.json -o views
      hemgs render scene.ply --cameras colmap/ -o views --split all --background white
    """
    from hemgs_codec.atomic import check_target
    from hemgs_codec.cameras import held_out, read_cameras
    from hemgs_codec.render import render as render_view
    from hemgs_codec.threads import use_threads

    cameras = read_cameras(cameras_path)
    views = cameras if split == "all" else held_out(cameras)
    names = _names(views)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        check_target(folder / name, force=force)
    start = time.perf_counter()
    with use_threads(threads), progress_bar() as progress:
        scene = _read_scene(source)
        for number, (camera, name) in enumerate(zip(views, names, strict=True), 1):
            image, _ = render_view(scene, camera, BACKGROUNDS[background])
            write_output(str(folder / name), partial(_write_png, image), force=force)
            if progress is not None:
                progress("render", number, len(views))
    seconds = time.perf_counter() - start
    if as_json:
        echo_json({"input": source, "output": str(folder), "views": names, "seconds": round(seconds, 3)})
    else:
        click.echo(f"{len(names)} views in {folder}, {seconds:.1f} s")


def _names(views: list[Camera]) -> list[str]:
    """Name the PNGs after the views; two views of one name are told apart by their number."""
    stems = [Path(camera.name).stem for camera in views]
    return [
        f"{stem}.png" if stems.count(stem) == 1 else f"{number:05d}_{stem}.png"
        for number, stem in enumerate(stems)
    ]


def _read_scene(source: str) -> GaussianScene:
    import hemgs_codec
    from hemgs_format.constants import MAGIC

    data = read_bytes(source)
    if data.startswith(MAGIC):
        return hemgs_codec.decode(data)
    return hemgs_codec.read_ply(io.BytesIO(data))


def _write_png(image: Float32Array, stream: BinaryIO) -> None:
    import numpy as np
    from PIL import Image

    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
