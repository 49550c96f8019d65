"""hemgs info: what an .hgs file holds, without decoding it."""

from __future__ import annotations

from typing import Any

import click

from hemgs_cli import options
from hemgs_cli.files import echo_json, read_bytes


@click.command()
@options.source_hgs
@options.as_json
def info(source: str, as_json: bool) -> None:
    """Show what an .hgs file holds and what takes how many bytes.

    \b
    Examples:
      hemgs info scene.hgs
      hemgs info scene.hgs --json
    """
    from hemgs_codec.inspect import describe

    description = describe(read_bytes(source))
    if as_json:
        echo_json(description)
    else:
        _print_table(description)


def _print_table(description: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for key, value in description.items():
        if key != "sections":
            text = (
                f"{value:,}"
                if isinstance(value, int)
                else f"{value:.6g}"
                if isinstance(value, float)
                else value
            )
            console.print(f"{key.replace('_', ' '):>18}  {text}", soft_wrap=True)
    point = description["profile"]
    table = Table("id", "section")
    table.add_column("bytes", justify="right")
    table.add_column(f"bits per {point.replace('gaussian', 'Gaussian')}", justify="right")
    for section in description["sections"]:
        bits = 8 * section["bytes"] / description[f"num_{point}s"]
        table.add_row(section["id"], section["name"], f"{section['bytes']:,}", f"{bits:.3f}")
    table.add_section()
    total, bits = description["file_bytes"], description[f"bits_per_{point}"]
    table.add_row("", "file", f"{total:,}", f"{bits:.3f}")
    console.print(table)
