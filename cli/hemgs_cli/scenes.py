"""Scenes that commands look at, compressed or not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hemgs_codec.scene import GaussianScene


def parse_scene(data: bytes, *, drop_invalid: bool = False) -> GaussianScene:
    """Return the scene that the bytes of an .hgs or a .ply file hold."""
    from hemgs_codec.decoder import decode_gaussians
    from hemgs_codec.ply import read_ply_with_report
    from hemgs_format.constants import MAGIC

    if data.startswith(MAGIC):
        return decode_gaussians(data)
    scene, report = read_ply_with_report(io.BytesIO(data), drop_invalid=drop_invalid)
    for note in report.notes():
        click.echo(f"note: {note}", err=True)
    return scene
