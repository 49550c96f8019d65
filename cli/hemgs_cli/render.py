"""hemgs render: pictures of a scene, compressed or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hemgs_cli import options
from hemgs_cli.files import check_output, echo_json, write_output
from hemgs_cli.progress import progress_bar
from hemgs_cli.scenes import read_scene

if TYPE_CHECKING:
    from hemgs_codec.decoder import Scene
    from hemgs_codec.progress import Progress
    from hemgs_codec.render import Camera
    from hemgs_codec.render.eight_bit import UInt8Array

_AXES = {
    "x": (1, 0, 0),
    "-x": (-1, 0, 0),
    "y": (0, 1, 0),
    "-y": (0, -1, 0),
    "z": (0, 0, 1),
    "-z": (0, 0, -1),
}


@click.command()
@options.source_scene
@click.option(
    "--cameras",
    "cameras_path",
    type=click.Path(exists=True, path_type=Path),
    help="cameras.json, transforms.json, or a folder that holds one or a COLMAP model.",
)
@click.option(
    "--orbit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead of --cameras: N views once around the scene.",
)
@click.option(
    "--size",
    type=(click.IntRange(1, 1 << 14), click.IntRange(1, 1 << 14)),
    metavar="WIDTH HEIGHT",
    help="Of an orbit's views.  [default: 800 600]",
)
@click.option(
    "--up",
    type=click.Choice(list(_AXES)),
    help="Which of the scene's axes an orbit has upright; guessed if not given.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the PNGs; made if need be.",
)
@click.option(
    "--video",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.MP4",
    help="Video of the views in their order; needs ffmpeg.",
)
@click.option("--fps", type=click.IntRange(1, 240), default=30, show_default=True, help="Of the video.")
@options.split
@options.background
@options.drop_invalid
@options.threads
@options.force
@options.as_json
def render(
    source: str,
    cameras_path: Path | None,
    orbit: int | None,
    size: tuple[int, int] | None,
    up: str | None,
    folder: Path | None,
    video: Path | None,
    fps: int,
    split: Literal["all", "test"],
    background: str,
    drop_invalid: bool,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Render a scene to one PNG per camera, to a video, or both.

    Scenes are .hgs or .ply files, or folders with an anchor scene.

    \b
    Examples:
      hemgs render scene.hgs --cameras cameras.json -o views
      hemgs render scene.ply --cameras colmap/ -o views --split all --background white
      hemgs render scene.hgs --orbit 120 --video turn.mp4
    """
    if (cameras_path is None) == (orbit is None):
        raise click.UsageError("give --cameras or --orbit, one of them")
    if orbit is None and (size is not None or up is not None):
        raise click.UsageError("--size and --up are for --orbit: cameras have their own")
    if folder is None and video is None:
        raise click.UsageError("give -o for pictures, --video for a video, or both")

    import numpy as np

    from hemgs_codec.atomic import check_target
    from hemgs_codec.cameras import orbit_cameras, read_cameras, views_of
    from hemgs_codec.pictures import stand_in
    from hemgs_codec.threads import use_threads
    from hemgs_codec.video import check_video, write_video

    views = views_of(read_cameras(cameras_path), split) if cameras_path is not None else []
    if video is not None:
        check_video(video)
        check_output(str(video), source=source, force=force)
        _check_one_size(views)
    start = time.perf_counter()
    with use_threads(threads), progress_bar() as progress:
        scene, _ = read_scene(source, drop_invalid=drop_invalid)
        if orbit is not None:
            width, height = size or (800, 600)
            axis = np.array(_AXES[up], dtype=np.float64) if up is not None else None
            views = orbit_cameras(
                stand_in(scene), orbit, width=width, height=height, up=axis, progress=progress
            )
        names = _names(views)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                check_target(folder / name, force=force)
        targets = [folder / name if folder is not None else None for name in names]
        frames = _draw(scene, views, targets, background, force, progress)
        if video is not None:
            write_video(frames, video, width=views[0].width, height=views[0].height, fps=fps, force=force)
        else:
            for _ in frames:
                pass
    seconds = time.perf_counter() - start
    outputs = [str(path) for path in (folder, video) if path is not None]
    if as_json:
        result = {
            "input": source,
            "output": str(folder) if folder is not None else None,
            "video": str(video) if video is not None else None,
            "views": names,
            "seconds": round(seconds, 3),
        }
        echo_json(result)
    else:
        click.echo(f"{len(names)} views in {' and '.join(outputs)}, {seconds:.1f} s")


def _draw(
    scene: Scene,
    views: list[Camera],
    targets: list[Path | None],
    background: str,
    force: bool,
    progress: Progress | None,
) -> Iterator[UInt8Array]:
    """Yield the views' pictures, each written to its target if it has one."""
    from PIL import Image

    from hemgs_codec.pictures import picture

    for number, (camera, target) in enumerate(zip(views, targets, strict=True), 1):
        pixels = picture(scene, camera, options.BACKGROUNDS[background])
        if target is not None:
            write_output(str(target), partial(Image.fromarray(pixels).save, format="PNG"), force=force)
        yield pixels
        if progress is not None:
            progress("render", number, len(views))


def _check_one_size(views: list[Camera]) -> None:
    from hemgs_format.errors import SceneError

    sizes = sorted({(camera.width, camera.height) for camera in views})
    if len(sizes) > 1:
        named = ", ".join(f"{width} by {height}" for width, height in sizes[:4])
        raise SceneError(f"a video has frames of one size, the cameras have {len(sizes)}: {named}")


def _names(views: list[Camera]) -> list[str]:
    """Name the PNGs after the views; two views of one name are told apart by their number."""
    stems = [Path(camera.name).stem for camera in views]
    return [
        f"{stem}.png" if stems.count(stem) == 1 else f"{number:05d}_{stem}.png"
        for number, stem in enumerate(stems)
    ]
