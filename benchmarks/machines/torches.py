"""Environments with the package's dependencies and another torch: the oldest that it takes, and the newest.

A release of torch from PyPI is three gigabytes with the libraries that it loads, needed or not.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from benchmarks import ROOT
from benchmarks.machines.setups import Interpreter, environment

OLDEST_TORCH = ("torch==2.4.*", "numpy<2")
"""The lower bound of pyproject.toml, and NumPy's."""
NEWEST_TORCH = ("torch",)


def dependencies() -> tuple[str, ...]:
    """Return what pyproject.toml asks for, but torch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return tuple(name for name in project["dependencies"] if not name.startswith("torch"))


def oldest_torch(folder: Path) -> Interpreter:
    """Make an environment with the oldest torch."""
    return environment(folder / "oldest-torch", "python3.11", (*dependencies(), *OLDEST_TORCH))


def newest_torch(folder: Path) -> Interpreter:
    """Make an environment with the newest torch."""
    return environment(folder / "newest-torch", "python3.11", (*dependencies(), *NEWEST_TORCH))
