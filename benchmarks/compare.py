"""Ours beside what people would use instead: bytes, quality, seconds and memory, in one run on one machine.

`--quick` takes the bundled scene and a few settings of each codec; without it, all scenes and all settings.
A run that breaks off goes on where it was: rows that are there, of the same scene, codec, setting and codec's
versions, aren't made again. `python -m benchmarks.compare_report` draws the curves and tables.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks import ROOT
from benchmarks.codecs.codec import Codec, SceneFiles, Setting
from benchmarks.codecs.hemgs import Hemgs
from benchmarks.codecs.registry import rivals
from benchmarks.compare_views import Scene
from benchmarks.judge import JUDGED, JudgeError
from benchmarks.judge import missing as judge_missing
from benchmarks.priors import prior_of
from benchmarks.provenance import RESULTS, Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path

Key = tuple[str, str, str, str]
"""Scene's hash, codec, setting, and versions of the codec's tools."""


def key_of(row: dict[str, Any]) -> Key:
    """Return what tells a row from others."""
    return row["scene_sha256"], row["codec"], row["setting"], json.dumps(row["tools"], sort_keys=True)


def rows_there(path: Path, *, judged: bool = False) -> set[Key]:
    """Return the keys of all rows of a file, or of those that another renderer has judged."""
    if not path.is_file():
        return set()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {key_of(row) for row in rows if JUDGED in row or "num_views" not in row or not judged}


def measure(
    codec: Codec, files: SceneFiles, scene: Scene, setting: Setting, folder: Path, judge: Path | None
) -> dict[str, Any]:
    """Encode, decode and judge once: the row's figures; ``judge`` is the folder of another renderer."""
    coded, back = folder / f"scene{codec.suffix}", folder / "back.ply"
    encoded = codec.encode(files, coded, setting)
    decoded = codec.decode(coded, back)
    size = coded.stat().st_size
    row: dict[str, Any] = {
        "file_bytes": size,
        "bits_per_gaussian": round(8 * size / scene.num_gaussians, 3),
        "encode_s": encoded.seconds,
        "decode_s": decoded.seconds,
        "encode_cpu_s": encoded.cpu_seconds,
        "decode_cpu_s": decoded.cpu_seconds,
        "encode_peak_rss_mb": encoded.peak_rss_mb,
        "decode_peak_rss_mb": decoded.peak_rss_mb,
    }
    if not codec.geometry_only:
        row |= scene.scores(back)
        if judge is not None:
            row |= judged(scene, judge, back)
    if isinstance(codec, Hemgs):
        row |= codec.facts(coded)
    return row


def judged(scene: Scene, peers: Path, ply: Path) -> dict[str, Any]:
    """Return the other renderer's verdict; nothing, and a word, where it can't draw the scene's cameras."""
    try:
        return scene.judged(peers, ply)
    except JudgeError as error:
        click.echo(f"no other renderer's verdict: {error}", err=True)
        return {}


def cases(
    codecs: list[Codec],
    files: SceneFiles,
    is_quick: bool,
    first_of: set[str],
    wanted: tuple[str, ...] = (),
) -> Iterator[tuple[Codec, Setting]]:
    """Yield what is to be measured of a scene.

    ``first_of`` takes the names of codecs that can't run; ``wanted`` names settings, all without any.
    """
    for codec in codecs:
        reason = codec.missing()
        if reason is not None:
            if codec.name not in first_of:
                click.echo(f"{codec.name}: skipped, {reason}", err=True)
                first_of.add(codec.name)
            continue
        for setting in codec.settings(files):
            if (setting.is_quick or not is_quick) and (not wanted or setting.name in wanted):
                yield codec, setting


@click.command()
@data_option
@scene_option
@click.option(
    "--quick", "is_quick", is_flag=True, help="The bundled scene, a few settings: a quarter of an hour."
)
@click.option(
    "--codec", "names_of_codecs", multiple=True, help="Codec to measure, may be repeated; all if not given."
)
@click.option(
    "--setting",
    "wanted",
    multiple=True,
    help="Setting to measure by its name in rows, may be repeated; all if not given.",
)
@click.option(
    "--effort", "efforts", type=click.IntRange(0, 9), multiple=True, default=(0, 4), show_default=True
)
@click.option(
    "--views", type=click.IntRange(min=1), default=6, show_default=True, help="Most held-out views."
)
@click.option(
    "--peers",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".peers",
    help="Folder of benchmarks.setup_peers.",
)
@click.option(
    "--judge", "has_judge", is_flag=True, help="PSNR by an independent renderer, too (see benchmarks.judge)."
)
@click.option("--again", is_flag=True, help="Measure what has a row already, too.")
@click.option(
    "--gpu", default="cpu", show_default=True, help="SOG's palettes on this GPU, by splat-transform's number."
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep fits in this folder.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    is_quick: bool,
    names_of_codecs: tuple[str, ...],
    wanted: tuple[str, ...],
    efforts: tuple[int, ...],
    views: int,
    peers: Path,
    has_judge: bool,
    again: bool,
    gpu: str,
    threads: int | None,
    cache: Path | None,
) -> None:
    """Put codecs side by side."""
    results = Results("compare")
    reason = judge_missing(peers) if has_judge else None
    if reason is not None:
        click.echo(f"no other renderer: {reason}", err=True)
    judge = peers if has_judge and reason is None else None
    there = set() if again else rows_there(RESULTS / "compare.jsonl", judged=judge is not None)
    skipped: set[str] = set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in names or (("chair",) if is_quick else known_scenes(data)):
            ply = scene_path(name, data)
            known = identify(name, ply)
            ours = Hemgs(prior_of(ply), efforts, cache if cache is not None else folder / "cache", threads)
            codecs = [
                c for c in (ours, *rivals(peers, gpu)) if c.name in names_of_codecs or not names_of_codecs
            ]
            scene = Scene(ply, views)
            files = SceneFiles(name, ply, scene.options)
            for codec, setting in cases(codecs, files, is_quick, skipped, wanted):
                fixed = {
                    **known,
                    "num_gaussians": scene.num_gaussians,
                    "codec": codec.name,
                    "codec_title": codec.title,
                    "setting": setting.name,
                    **setting.options,
                    "loses": codec.loses,
                    "tools": codec.versions(),
                }
                if key_of(fixed) in there:
                    continue
                results.add({**fixed, **measure(codec, files, scene, setting, folder, judge)})


if __name__ == "__main__":
    main()
