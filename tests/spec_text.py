"""SPEC.md as tests read it: its text, its headings, its tables."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "SPEC.md").read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())
HEADINGS = set(re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)) | set(re.findall(r"\*\*([^*]+?)\.?\*\*", TEXT))


def rows_under(heading: str) -> list[list[str]]:
    """Cells of the tables under a heading, without the first one's head."""
    part = TEXT.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def evaluate(formula: str, sizes: dict[str, int]) -> int:
    """Value of a sum of products of named sizes, one level of brackets allowed."""
    flat = re.sub(
        r"(\w) · \(([^)]*)\)", lambda m: " + ".join(f"{m[1]} · {t}" for t in m[2].split(" + ")), formula
    )
    terms = [[sizes[f] if f in sizes else int(f) for f in term.split(" · ")] for term in flat.split(" + ")]
    return sum(int(np.prod(term)) for term in terms)
