"""Draw what codecs make of a scene at about our bytes: image sheets for `compare_report`.

Of each peer the file is taken whose bytes, by the rows of `benchmarks.compare`, are nearest to ours of the
default lambda. It is made again, decoded and drawn from one held-out view: SCENE/CODEC.webp and
SCENE/original.webp in the folder of results, with figures in SCENE/figures.json.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.codecs.codec import Codec, SceneFiles, Setting
from benchmarks.codecs.hemgs import Hemgs
from benchmarks.codecs.registry import rivals
from benchmarks.compare_views import Scene
from benchmarks.priors import prior_of
from benchmarks.provenance import RESULTS, provenance
from benchmarks.report_html.rows import Row, compare_rows, decibels
from benchmarks.scenes import data_option, identify, scene_path
from benchmarks.setup_peers import PEERS
from benchmarks.sheets import SHARE, error_map, shared_errors, sheet, worst_regions

if TYPE_CHECKING:
    from hemgs_codec.render.eight_bit import UInt8Array

SHEETS = RESULTS / "sheets"
_LAMBDA = 2e-3
_QUALITY = 88  # of lossy WebP


def nearest_settings(rows: list[Row], scene: str, effort: int) -> dict[str, str]:
    """Return the setting of each codec whose file is nearest in bytes to ours of the default lambda.

    Raises
    ------
    click.ClickException
        There is no row of ours.
    """
    part = [row for row in rows if row["scene"] == scene and math.isfinite(decibels(row) or math.inf)]
    own = [
        row
        for row in part
        if row["codec"] == Hemgs.name and (row["effort"], row["lambda"]) == (effort, _LAMBDA)
    ]
    if not own:
        raise click.ClickException(f"there is no row of {scene} with effort {effort}, lambda {_LAMBDA:g}")
    size = own[-1]["file_bytes"]
    best: dict[str, Row] = {Hemgs.name: own[-1]}
    for row in (row for row in part if row["codec"] != Hemgs.name):
        kept = best.get(row["codec"])
        if kept is None or _distance(row, size) < _distance(kept, size):
            best[row["codec"]] = row
    return {name: str(row["setting"]) for name, row in best.items()}


def _distance(row: Row, size: float) -> float:
    return abs(math.log(row["file_bytes"] / size))


def coded_again(
    codec: Codec, files: SceneFiles, scene: Scene, setting: Setting, folder: Path
) -> tuple[UInt8Array, dict[str, Any]]:
    """Encode and decode, and return the view that sheets show, with the file's figures."""
    coded, back = folder / f"scene{codec.suffix}", folder / "back.ply"
    codec.encode(files, coded, setting)
    codec.decode(coded, back)
    figures = {
        "codec": codec.name,
        "codec_title": codec.title,
        "setting": setting.name,
        "file_bytes": coded.stat().st_size,
        **scene.scores(back),
        "tools": codec.versions(),
    }
    return scene.middle_picture(back), figures


def write_sheets(
    folder: Path, original: UInt8Array, pictures: dict[str, UInt8Array], figures: dict[str, Any]
) -> None:
    """Write a scene's sheets and figures."""
    from PIL import Image

    regions = worst_regions(
        shared_errors(original, list(pictures.values())), max(4, min(original.shape[:2]) // SHARE)
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in {"original": original, **pictures}.items():
        errors = None if name == "original" else error_map(original, picture)
        image = Image.fromarray(sheet(picture, regions, errors))
        image.save(folder / f"{name}.webp", quality=_QUALITY, method=6)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


@click.command()
@click.argument("scenes", nargs=-1, required=True)
@data_option
@click.option("--effort", type=click.IntRange(0, 9), default=4, show_default=True, help="Ours.")
@click.option(
    "--views", type=click.IntRange(min=1), default=6, show_default=True, help="Most held-out views."
)
@click.option("--peers", type=click.Path(file_okay=False, path_type=Path), default=PEERS)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep fits in this folder.")
@click.option("-o", "output", type=click.Path(file_okay=False, path_type=Path), default=SHEETS)
def main(
    scenes: tuple[str, ...],
    data: Path | None,
    effort: int,
    views: int,
    peers: Path,
    cache: Path | None,
    output: Path,
) -> None:
    """Draw SCENES and what codecs make of them for the report."""
    rows, origin = compare_rows(RESULTS / "compare.jsonl"), provenance()
    for name in scenes:
        ply = scene_path(name, data)
        chosen = nearest_settings(rows, name, effort)
        scene = Scene(ply, views)
        files = SceneFiles(name, ply, scene.options)
        pictures, figures = {}, {}
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            own = Hemgs(prior_of(ply), (effort,), cache if cache is not None else folder / "cache", None)
            for codec in (own, *rivals(peers)):
                wanted = [s for s in codec.settings(files) if s.name == chosen.get(codec.name)]
                if wanted and codec.missing() is None:
                    picture, facts = coded_again(codec, files, scene, wanted[0], folder)
                    pictures[codec.name] = picture
                    figures[codec.name] = {**identify(name, ply), **facts, **origin}
                    click.echo(f"{name}, {codec.title}, {wanted[0].name}: {facts['file_bytes']:,} bytes")
        write_sheets(output / name, scene.middle_picture(ply), pictures, figures)


if __name__ == "__main__":
    main()
