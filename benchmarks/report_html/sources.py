"""Where rows come from: distinct commands, commits, dates, machines and versions, by number."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.report_html.tables import Cell, Markup, html_table

_KEYS = ("command", "commit", "date", "machine", "versions", "tools")


class Sources:
    """Numbers of distinct provenances, in the order in which rows are asked about."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._values: list[dict[str, Any]] = []

    def number(self, row: dict[str, Any]) -> int:
        """Return the number of a row's provenance."""
        values = {key: row.get(key) for key in _KEYS}
        text = json.dumps(values, sort_keys=True)
        if text not in self._numbers:
            self._values.append(values)
            self._numbers[text] = len(self._values)
        return self._numbers[text]

    def link(self, *rows: dict[str, Any]) -> Markup:
        """Return a cell that refers to where rows come from."""
        numbers = sorted({self.number(row) for row in rows})
        text = ", ".join(f'<a href="#source-{number}">{number}</a>' for number in numbers)
        return Markup(f"[{text}]", f"[{numbers}]")

    def table(self) -> str:
        """Return the HTML table of all that were referred to."""
        lines: list[list[Cell]] = []
        for number, values in enumerate(self._values, 1):
            machine, versions = (
                values["machine"] or {},
                {**(values["versions"] or {}), **(values["tools"] or {})},
            )
            lines.append(
                [
                    Markup(f'<span id="source-{number}">{number}</span>', str(number)),
                    str(values["command"]),
                    str(values["commit"]),
                    str(values["date"]),
                    f"{machine.get('cpu', '?')}, {machine.get('cores', '?')} cores",
                    ", ".join(f"{name} {version}" for name, version in versions.items()),
                ]
            )
        return html_table(["", "command", "commit", "date", "machine", "versions"], lines)
