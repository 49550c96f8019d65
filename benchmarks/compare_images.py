"""Render a scene and what codecs made of it: PNGs of a held-out view with the two worst regions enlarged.

OUTPUT/SCENE/original.png and OUTPUT/SCENE/NAME.png for each `--decoded NAME=FILE.ply`: `compare_report`
shows them with `--images`. All are of one view and have the same regions, so that codecs can be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt

from benchmarks.bench_rd import Judge
from benchmarks.scenes import data_option, scene_path

if TYPE_CHECKING:
    from hemgs_codec.render.camera import Camera
    from hemgs_codec.render.eight_bit import UInt8Array

_SHARE = 5  # a region is this part of the image's smaller side
_GAP = 6  # pixels between the view and its regions
_FRAMES = ((214, 39, 40), (31, 119, 180))
"""Colours of the two regions' frames."""
Region = tuple[int, int, int]


def worst_regions(errors: npt.NDArray[np.float64], side: int) -> list[Region]:
    """Return the two squares (top, left, side) with the largest sums of error that don't overlap.

    Parameters
    ----------
    errors
        (H, W), not negative.
    side
        Of a square, in pixels.
    """
    sums = np.pad(errors.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    totals = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    regions: list[Region] = []
    for _ in range(2):
        top, left = (int(place) for place in np.unravel_index(int(totals.argmax()), totals.shape))
        regions.append((top, left, side))
        totals[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -1
    return regions


def shared_errors(original: UInt8Array, others: list[UInt8Array]) -> npt.NDArray[np.float64]:
    """Return errors (H, W) of several renders, each in shares of its own sum: none outvotes the rest."""
    total = np.zeros(original.shape[:2])
    for image in others:
        error = ((original.astype(np.float64) - image) ** 2).sum(axis=2)
        total += error / max(error.sum(), 1.0)
    return total


def sheet(image: UInt8Array, regions: list[Region]) -> UInt8Array:
    """Return the view with its regions framed, and beside it the regions one above the other, enlarged."""
    from PIL import Image

    height, width, _ = image.shape
    zoomed = (height - _GAP) // 2
    canvas = np.full((height, width + _GAP + zoomed, 3), 255, np.uint8)
    canvas[:, :width] = image
    for place, ((top, left, side), colour) in enumerate(zip(regions, _FRAMES, strict=False)):
        crop = Image.fromarray(image[top : top + side, left : left + side])
        # Pixels stay squares: what is shown is what was rendered.
        enlarged = np.array(crop.resize((zoomed, zoomed), Image.Resampling.NEAREST))
        _frame(enlarged, 0, 0, zoomed, colour)
        first = place * (zoomed + _GAP)
        canvas[first : first + zoomed, width + _GAP :] = enlarged
        _frame(canvas, top, left, side, colour)
    return canvas


def _frame(image: UInt8Array, top: int, left: int, side: int, colour: tuple[int, int, int]) -> None:
    """Draw a frame of two pixels along a square's inside, in place."""
    for rows, columns in (
        (slice(top, top + 2), slice(left, left + side)),
        (slice(top + side - 2, top + side), slice(left, left + side)),
        (slice(top, top + side), slice(left, left + 2)),
        (slice(top, top + side), slice(left + side - 2, left + side)),
    ):
        image[rows, columns] = colour


def chosen_camera(cameras: list[Camera], view: str | None) -> Camera:
    """Return the held-out view of this name, the middle one without a name.

    Raises
    ------
    click.ClickException
        There are no cameras, or none of this name.
    """
    named = [camera for camera in cameras if view is None or camera.name == view]
    if not named:
        raise click.ClickException("the scene has no held-out view" + (f" {view!r}" if view else ""))
    return named[len(named) // 2]


def read_decoded(entries: tuple[str, ...]) -> dict[str, Path]:
    """Return files by name, from NAME=FILE."""
    found = {}
    for entry in entries:
        name, equals, file = entry.partition("=")
        if not equals or not name or "/" in name or name == "original" or not Path(file).is_file():
            raise click.BadParameter(f"expected NAME=FILE.ply of a file that exists, not {entry!r}")
        found[name] = Path(file)
    return found


@click.command()
@click.argument("scene")
@data_option
@click.option("--decoded", multiple=True, required=True, help="NAME=FILE.ply, may be repeated.")
@click.option("--view", help="Name of a held-out view; the middle one if not given.")
@click.option("-o", "output", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(scene: str, data: Path | None, decoded: tuple[str, ...], view: str | None, output: Path) -> None:
    """Render SCENE and its decoded versions for the report."""
    from PIL import Image

    from hemgs_codec import read_ply
    from hemgs_codec.pictures import picture

    files = read_decoded(decoded)
    judge = Judge(scene_path(scene, data))
    camera = chosen_camera(judge.cameras, view)
    original = picture(judge.original, camera, judge.background)
    images = {name: picture(read_ply(file), camera, judge.background) for name, file in files.items()}
    side = max(4, min(original.shape[:2]) // _SHARE)
    regions = worst_regions(shared_errors(original, list(images.values())), side)
    folder = output / scene
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in {"original": original, **images}.items():
        Image.fromarray(sheet(image, regions)).save(folder / f"{name}.png", optimize=True)
        click.echo(f"{scene}/{name}.png")


if __name__ == "__main__":
    main()
