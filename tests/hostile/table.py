"""Print the table of hostile files as Markdown: the latest row of each attack on each reader."""

from __future__ import annotations

import json
from typing import Any

import click

from benchmarks.provenance import RESULTS

_HEAD = """\
| reader | attack | cases | refused | the same | another scene | anything else | slowest, s | most, MB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
_COLUMNS = (
    "reader",
    "attack",
    "cases",
    "refused",
    "same",
    "other_valid",
    "anything_else",
    "slowest_s",
    "peak_mb",
)


def latest_rows() -> list[dict[str, Any]]:
    """Return the latest row of each attack on each reader."""
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for line in (RESULTS / "hostile.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        latest[row["reader"], row["attack"]] = row
    return list(latest.values())


def table() -> str:
    """Return the table."""
    rows = latest_rows()
    return _HEAD + "".join(f"| {' | '.join(str(row[column]) for column in _COLUMNS)} |\n" for row in rows)


if __name__ == "__main__":
    click.echo(table(), nl=False)
