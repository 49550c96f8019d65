"""hemgs info: what an .hgs file holds, without decoding it if not asked to."""

from __future__ import annotations

from typing import Any

import click

from hemgs_cli import options
from hemgs_cli.files import echo_json, read_bytes


@click.command()
@options.source_hgs
@click.option(
    "--attributes", is_flag=True, help="Decode it too, and show what each attribute takes of the runs."
)
@options.max_points
@options.as_json
def info(source: str, attributes: bool, max_points: int | None, as_json: bool) -> None:
    """Show what an .hgs file holds and what takes how many bytes.

    Memory that grows with the number of points is asked for with --attributes alone, so only there
    --max-points counts.

    \b
    Examples:
      hemgs info scene.hgs
      hemgs info scene.hgs --json
      hemgs info scene.hgs --attributes
    """
    from hemgs_codec.inspect import describe

    data = read_bytes(source)
    description = describe(data)
    if attributes:
        from hemgs_codec.attribute_bits import attribute_bits

        bits = attribute_bits(data, max_points=max_points)
        description["attributes"] = {name: round(value / 8, 1) for name, value in bits.items()}
    if as_json:
        echo_json(description)
    else:
        _print_table(description)


def _print_table(description: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for key, value in description.items():
        if key not in ("sections", "attributes"):
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
    count = description[f"num_{point}s"]
    for section in description["sections"]:
        bits = 8 * section["bytes"] / count
        table.add_row(section["id"], section["name"], f"{section['bytes']:,}", f"{bits:.3f}")
    for name, size in description.get("attributes", {}).items():
        table.add_row("", f"of the runs: {name}", f"{size:,.0f}", f"{8 * size / count:.3f}")
    table.add_section()
    total, bits = description["file_bytes"], description[f"bits_per_{point}"]
    table.add_row("", "file", f"{total:,}", f"{bits:.3f}")
    console.print(table)
