"""Tables of text cells, as HTML and as Markdown."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

# A number with a sign, a unit of %, a span or a count of cases; or what stands where numbers stand.
_FIGURE = re.compile(
    r"[-+≤ ]*\d[\d,.]*(e-?\d+)?( %| \.\. [\d,.]+| \(\d+ of \d+\)| \([\d.]+\))?"
    r"|\[.*\]|inf|not reached|no overlap"
)


@dataclass(frozen=True)
class Markup:
    """A cell that is HTML already; ``text`` is what it says without it, for sorting out numbers."""

    html: str
    text: str = ""


Cell = str | Markup


def escape(text: object) -> str:
    """Return text with what HTML would take for markup escaped."""
    return html.escape(str(text))


def html_table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table; columns of figures go to the right, and a wide table scrolls by itself."""
    figures = [all(_is_figure(row[place]) for row in rows) for place in range(len(heads))]

    def cell(tag: str, value: Cell, place: int) -> str:
        mark = ' class="n"' if figures[place] else ""
        return f"<{tag}{mark}>{value.html if isinstance(value, Markup) else escape(value)}</{tag}>"

    lines = ['<div class="wide"><table><thead><tr>']
    lines += [cell("th", head, place) for place, head in enumerate(heads)]
    lines.append("</tr></thead><tbody>")
    for row in rows:
        lines.append(f"<tr>{''.join(cell('td', value, place) for place, value in enumerate(row))}</tr>")
    lines.append("</tbody></table></div>")
    return "\n".join(lines)


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def folded(title: str, content: str) -> str:
    """Return content that opens by a click on its title."""
    return f"<details><summary>{escape(title)}</summary>\n{content}\n</details>"


def number(value: object, digits: int = 2) -> str:
    """Return a figure as text: thousands apart, so many decimals, nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "inf" if math.isinf(value) else f"{value:,.{digits}f}"
    return str(value)


def percent(value: float) -> str:
    """Return a signed percentage."""
    return f"{value:+,.1f} %"


def _is_figure(cell: Cell) -> bool:
    text = (cell.text if isinstance(cell, Markup) else cell).strip()
    return not text or _FIGURE.fullmatch(text) is not None
