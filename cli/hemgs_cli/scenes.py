"""Scenes that commands look at: .hgs or .ply files, or folders with an anchor scene."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hemgs_cli.files import DASH, read_bytes

if TYPE_CHECKING:
    from hemgs_codec.decoder import Scene


def read_scene(source: str, *, drop_invalid: bool = False) -> tuple[Scene, int]:
    """Return the scene in a file, on standard input or in a folder, and its bytes."""
    if source != DASH and Path(source).is_dir():
        from hemgs_codec.anchors.folders import find_iteration
        from hemgs_codec.anchors.read import read_anchor_scene

        scene = read_anchor_scene(Path(source))
        files = (path for path in find_iteration(Path(source)).rglob("*") if path.is_file())
        return scene, sum(path.stat().st_size for path in files)
    data = read_bytes(source)
    return parse_scene(data, drop_invalid=drop_invalid), len(data)


def parse_scene(data: bytes, *, drop_invalid: bool = False) -> Scene:
    """Return the scene that the bytes of an .hgs or a .ply file hold."""
    from hemgs_codec.decoder import decode
    from hemgs_codec.ply import read_ply_with_report
    from hemgs_format.constants import MAGIC

    if data.startswith(MAGIC):
        return decode(data)
    scene, report = read_ply_with_report(io.BytesIO(data), drop_invalid=drop_invalid)
    for note in report.notes():
        click.echo(f"note: {note}", err=True)
    return scene
