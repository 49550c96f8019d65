"""hemgs decode: an .hgs file to what it was made of, or an anchor file to a plain 3DGS .ply."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from hemgs_cli import options
from hemgs_cli.files import (
    DASH,
    check_folder,
    check_output,
    default_output,
    echo_json,
    read_bytes,
    write_folder,
    write_output,
)
from hemgs_cli.progress import progress_bar
from hemgs_cli.received import received_fields, received_text

if TYPE_CHECKING:
    from hemgs_codec.anchors.scene import AnchorScene
    from hemgs_codec.bake import Baked
    from hemgs_codec.decoder import Scene
    from hemgs_codec.progress import Progress
    from hemgs_codec.scene import GaussianScene

_BAKE_ONLY = "{} is for baking an anchor file: give --as 3dgs"


@click.command()
@options.source_hgs
@click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True),
    help="File or folder to write; - is standard output.",
)
@click.option(
    "--as",
    "kind",
    type=click.Choice(["3dgs", "scaffold"]),
    help="What to write: a plain 3DGS .ply, which an anchor scene is baked to, or a Scaffold-GS folder. What "
    "the file holds if not given.",
)
@click.option(
    "--cameras",
    "cameras_path",
    type=click.Path(exists=True, path_type=Path),
    help="Views to bake for, as for hemgs render; made up if not given.",
)
@click.option(
    "--bake-steps",
    type=click.IntRange(min=0),
    metavar="N",
    help="Steps of baking, one view each; 0 for a quick one.  [default: 500]",
)
@click.option(
    "--allow-truncated",
    is_flag=True,
    help="Decode what there is of a file that ends early: at least its locations. What is missing is filled "
    "with what the model expects.",
)
@click.option(
    "--bands",
    type=click.IntRange(0, 3),
    metavar="B",
    help="Stop at SH band B, 0 for none: bands above it are filled as if they were missing.",
)
@options.background
@options.device
@options.threads
@options.max_points
@options.force
@options.as_json
def decode(
    source: str,
    output: str | None,
    kind: Literal["3dgs", "scaffold"] | None,
    cameras_path: Path | None,
    bake_steps: int | None,
    allow_truncated: bool,
    bands: int | None,
    background: str,
    device: str,
    threads: int | None,
    max_points: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Restore the scene from an .hgs file.

    Gaussians become a .ply of the original 3DGS layout, which every viewer reads; anchors a folder of
    Scaffold-GS's layout. With --as 3dgs anchors become a .ply too: plain Gaussians that look like them from
    the given cameras. How near they come, in views that had no part in it, is said.

    With --allow-truncated the first bytes of a file are a coarser scene of all its points, and what was
    verified and what is missing is said. Without it they are refused.

    \b
    Examples:
      hemgs decode scene.hgs
      hemgs decode scene.hgs -o restored.ply
      hemgs decode - -o - < scene.hgs > scene.ply
      hemgs decode anchors.hgs --as 3dgs --cameras nerf/chair --background white -o viewer.ply
      head -c 100000 scene.hgs | hemgs decode - --allow-truncated -o preview.ply
    """
    if kind != "3dgs":
        for value, option in ((cameras_path, "--cameras"), (bake_steps, "--bake-steps")):
            if value is not None:
                raise click.UsageError(_BAKE_ONLY.format(option))
    data = read_bytes(source)
    start = time.perf_counter()

    from hemgs_format.header import parse_header

    is_anchors = parse_header(memoryview(data)).profile == "anchor"
    if kind == "scaffold" and not is_anchors:
        raise click.UsageError(f"{source} holds plain Gaussians: --as scaffold is for anchor files")
    is_folder = is_anchors and kind != "3dgs"
    output = output or default_output(source, "" if is_folder else ".ply")
    check = check_folder if is_folder else check_output
    check(output, source=source, force=force)

    if bands is not None and is_anchors:
        raise click.UsageError(f"{source} holds anchors: --bands is for files of Gaussians")
    import hemgs_codec
    from hemgs_codec.partial import decode_partial
    from hemgs_codec.scene import GaussianScene
    from hemgs_codec.threads import use_threads

    baked, received = None, None
    scene: Scene
    with progress_bar() as progress:
        if allow_truncated or bands is not None:
            scene, received = decode_partial(
                data,
                allow_truncated=allow_truncated,
                bands=bands,
                device=device,
                threads=threads,
                max_points=max_points,
                progress=progress,
            )
        else:
            scene = hemgs_codec.decode(
                data, device=device, threads=threads, max_points=max_points, progress=progress
            )
        if is_anchors and not is_folder:
            assert not isinstance(scene, GaussianScene)
            with use_threads(threads):
                baked = _bake(scene, cameras_path, background, bake_steps, progress)
            scene = baked.scene
    if isinstance(scene, GaussianScene):
        size = _write_ply(scene, output, force)
    else:
        size = _write_anchors(scene, output, force)

    from hemgs_codec.decoder import points

    unit, count = points(scene)
    seconds = time.perf_counter() - start
    if as_json:
        result = {
            "input": source,
            "output": output,
            "file_bytes": len(data),
            "output_bytes": size,
            f"num_{unit}s": count,
            **({} if received is None else received_fields(received)),
            **({} if baked is None else _baked_fields(baked, cameras_path)),
            "seconds": seconds,
        }
        echo_json(result, output=output)
        return
    name = "standard output" if output == DASH else output
    points_text = f"{count:,} {'Gaussians' if unit == 'gaussian' else 'anchors'}"
    click.echo(f"{name}: {points_text}, {size:,} bytes, {seconds:.1f} s", err=True)
    if received is not None:
        click.echo(received_text(received), err=True)
    if baked is not None:
        click.echo(_baked_text(baked, cameras_path), err=True)


def _bake(
    scene: AnchorScene,
    cameras_path: Path | None,
    background: str,
    steps: int | None,
    progress: Progress | None,
) -> Baked:
    from hemgs_codec.bake import STEPS, bake
    from hemgs_codec.cameras import read_cameras

    return bake(
        scene,
        None if cameras_path is None else read_cameras(cameras_path),
        options.BACKGROUNDS[background],
        refine=STEPS if steps is None else steps,
        progress=progress,
    )


def _write_ply(scene: GaussianScene, output: str, force: bool) -> int:
    """Write a .ply; return its bytes."""
    from hemgs_codec.ply import write_ply

    stream = io.BytesIO()
    write_ply(scene, stream)
    ply = stream.getbuffer()
    write_output(output, lambda target: target.write(ply), force=force)
    return len(ply)


def _write_anchors(scene: AnchorScene, output: str, force: bool) -> int:
    """Write a folder of Scaffold-GS's layout; return the bytes of what was written."""
    from hemgs_codec.anchors.write import write_anchor_scene

    place = write_folder(output, lambda folder: write_anchor_scene(folder, scene, force=force))
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def _baked_fields(baked: Baked, cameras_path: Path | None) -> dict[str, Any]:
    return {
        "cameras": "made up" if cameras_path is None else str(cameras_path),
        "num_views": baked.num_views,
        # null for infinity, the PSNR of equal images
        "psnr_vs_anchors": baked.psnr if math.isfinite(baked.psnr) else None,
        "psnr_averaged": baked.averaged_psnr if math.isfinite(baked.averaged_psnr) else None,
    }


def _baked_text(baked: Baked, cameras_path: Path | None) -> str:
    views = "made up" if cameras_path is None else f"of {cameras_path}"
    return (
        f"baked: {baked.psnr:.2f} dB to the anchor scene's renders ({baked.averaged_psnr:.2f} dB without "
        f"steps), the mean of {baked.num_views} held-out views {views}"
    )
