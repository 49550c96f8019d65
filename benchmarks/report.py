"""Print the results as Markdown tables, the latest row of each case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.provenance import RESULTS
from benchmarks.result_tables import TABLES, Table


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of results."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def latest(rows: list[dict[str, Any]], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the last row of each case, cases in the order in which they first occur."""
    cases: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        cases[tuple(row.get(key) for key in keys)] = row
    return list(cases.values())


def look_up(row: dict[str, Any], column: str) -> Any:
    """Return a row's figure, None where it has none."""
    outer, _, inner = column.partition(".")
    value = row.get(outer)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, dict) else None


def show(value: Any) -> str:
    """Return a figure as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"
    return str(value)


def shown_columns(rows: list[dict[str, Any]], table: Table) -> list[str]:
    """Return the columns of a table that aren't empty throughout."""
    return [c for c in (*table.keys, *table.columns) if any(look_up(row, c) is not None for row in rows)]


def head(column: str) -> str:
    """Return what stands above a column."""
    return column.rpartition(".")[2].replace("_", " ")


def markdown(rows: list[dict[str, Any]], table: Table) -> str:
    """Return the Markdown table of rows; columns that are empty throughout are left out."""
    columns = shown_columns(rows, table)
    lines = [
        f"| {' | '.join(head(column) for column in columns)} |",
        f"| {' | '.join('---' if column in ('scene', 'order', 'model') else '--:' for column in columns)} |",
    ]
    lines += [f"| {' | '.join(show(look_up(row, column)) for column in columns)} |" for row in rows]
    return "\n".join(lines)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(TABLES)))
@click.option("--scene", "scenes", multiple=True, help="Only this scene, may be repeated.")
@click.option("--commit", help="Only rows whose commit starts with this.")
def main(names: tuple[str, ...], scenes: tuple[str, ...], commit: str | None) -> None:
    """Print tables of the results: of those named, of all if none is."""
    for name in names or TABLES:
        path = RESULTS / f"{name}.jsonl"
        if not path.is_file():
            continue
        rows = [
            row
            for row in read_rows(path)
            if (not scenes or row.get("scene") in scenes)
            and (commit is None or str(row["commit"]).startswith(commit))
        ]
        table = TABLES[name]
        if rows:
            click.echo(f"\n**{name}**\n\n{markdown(latest(rows, table.keys), table)}")


if __name__ == "__main__":
    main()
