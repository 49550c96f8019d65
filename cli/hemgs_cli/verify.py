"""hemgs verify: whether an .hgs file is whole."""

from __future__ import annotations

import click

from hemgs_cli import options
from hemgs_cli.files import read_bytes


@click.command()
@options.source_hgs
@options.max_points
def verify(source: str, max_points: int | None) -> None:
    """Check an .hgs file: structure, checksums, and the hash of its decoded symbols.

    Exits with 1 and says what is wrong if anything is.

    \b
    Examples:
      hemgs verify scene.hgs
    """
    data = read_bytes(source)

    import hemgs_codec

    hemgs_codec.verify(data, max_points=max_points)
    click.echo(f"{source}: ok")
