"""Where a figure comes from: command, commit, date, versions, machine. Names and hashes, never paths."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks import ROOT
from hemgs_codec.version import __version__

RESULTS = ROOT / "benchmarks" / "results"
_PACKAGES = ("torch", "numpy", "constriction")


def public_argument(argument: str) -> str:
    """Return an argument without the folders of the path that it may hold."""
    name, equals, value = argument.partition("=")
    if equals:
        return f"{name}={public_argument(value)}"
    return argument.rstrip("/").rsplit("/", 1)[-1] or argument


def command_line(arguments: list[str]) -> str:
    """Return a command as others may type it: the script's name and its arguments, folders left out."""
    return " ".join([f"python -m benchmarks.{Path(arguments[0]).stem}", *map(public_argument, arguments[1:])])


def git_commit() -> str:
    """Return the commit that this checkout stands on, marked where tracked files differ from it.

    Results don't count: a benchmark that adds a line would mark the next one.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
    return f"{commit or 'none'}{'-dirty' if changed else ''}"


def cpu_name() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def core_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions(extra: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the versions of what the figures hang on; ``extra`` names further packages."""
    installed = {name: importlib.metadata.version(name) for name in (*_PACKAGES, *extra)}
    return {"hemgs_codec": __version__, "python": platform.python_version(), **installed}


def provenance(extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what every row ends with: command, commit, date, machine, versions."""
    return {
        "command": command_line(sys.argv),
        "commit": git_commit(),
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "machine": {"cpu": cpu_name(), "cores": core_count()},
        "versions": versions(extra),
    }


def content_hash(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


class Results:
    """Rows of one benchmark, appended as they come: a run that breaks off keeps what it measured.

    Parameters
    ----------
    name : str
        Rows go to ``results/NAME.jsonl``.
    extra : tuple of str
        Further packages whose versions matter.
    """

    def __init__(self, name: str, extra: tuple[str, ...] = ()) -> None:
        self._path = RESULTS / f"{name}.jsonl"
        self._provenance = provenance(extra)

    def add(self, row: dict[str, Any]) -> None:
        """Append a row with its provenance, and show its figures."""
        click.echo(" ".join(f"{key}={value}" for key, value in row.items()))
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a") as stream:
            stream.write(json.dumps({**row, **self._provenance}) + "\n")
