"""Run the micro-benchmarks and keep their figures: one row each, of the median round."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks import ROOT
from benchmarks.provenance import Results
from benchmarks.stages import run_process

FOLDER = ROOT / "benchmarks" / "micro"
NAMED_BY = "test_"


def row_of(measured: dict[str, Any]) -> dict[str, Any]:
    """Return a row from what pytest-benchmark wrote of one benchmark."""
    extra = measured["extra_info"]
    return {
        "benchmark": measured["name"].removeprefix(NAMED_BY),
        "median_s": float(f"{measured['stats']['median']:.4g}"),
        "rounds": measured["stats"]["rounds"],
        "items": extra["items"],
        "unit": extra["unit"],
        "items_per_s": round(extra["items_per_s"]),
    }


@click.command()
@click.option("--only", help="Run those whose names fit this, as pytest's -k understands it.")
@click.option("--seconds", type=float, default=1.0, show_default=True, help="Of each, at least five rounds.")
def main(only: str | None, seconds: float) -> None:
    """Run the micro-benchmarks and keep their figures."""
    results = Results("micro", extra=("numba", "pytest-benchmark"))
    with tempfile.TemporaryDirectory() as temporary:
        written = Path(temporary) / "micro.json"
        command = [sys.executable, "-m", "pytest", str(FOLDER), "--rootdir", str(ROOT), "-q"]
        command += ["-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider", "--benchmark-only"]
        command += [f"--benchmark-max-time={seconds}", f"--benchmark-json={written}"]
        stage = run_process([*command, *(["-k", only] if only else [])])
        if stage.code != 0:
            raise click.ClickException(
                f"pytest ended with {stage.code}: {(stage.output + stage.errors).strip()[-800:]}"
            )
        for measured in json.loads(written.read_text())["benchmarks"]:
            results.add(row_of(measured))


if __name__ == "__main__":
    main()
