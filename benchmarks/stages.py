"""Run the command line in fresh processes and measure them: whole wall time and peak memory, as users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks import SOURCES

_MEASURED = Path(__file__).with_name("measured.py")
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Stage:
    """What one process did.

    Attributes
    ----------
    seconds : float
        From start to exit, the interpreter's own start included.
    peak_rss_mb : float
        Most memory that it held at once, in 10**6 bytes.
    code : int
        Exit code.
    """

    seconds: float
    peak_rss_mb: float
    code: int
    output: str
    errors: str
    cpu_seconds: float = 0.0
    """Of all its threads and of children that it waited for: other jobs blur it less than seconds."""


def run_process(command: list[str], environment: dict[str, str] | None = None) -> Stage:
    """Run a command to its end and measure it."""
    search = os.pathsep.join([*map(str, SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**os.environ, "PYTHONPATH": search, **(environment or {})}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        out, err, figures = folder / "out", folder / "err", folder / "figures"
        # Isolated and without site-packages: small, so that its memory can't blur the command's.
        measuring = [sys.executable, "-I", "-S", str(_MEASURED), str(figures)]
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen([*measuring, *command], stdout=output, stderr=errors, env=variables)
            try:
                process.wait()
            except BaseException:
                process.terminate()  # which kills the command
                raise
        said, complaints = (path.read_text(errors="replace") for path in (out, err))
        if not figures.is_file():
            raise click.ClickException(f"{command[0]} couldn't be measured: {complaints.strip()[-500:]}")
        seconds, code, peak, cpu = json.loads(figures.read_text())
    peak_mb = round(peak * _RSS_UNIT / 1e6, 1)
    return Stage(round(seconds, 3), peak_mb, code, said, complaints, round(cpu, 3))


class Hemgs:
    """The command line with a folder of its own for fits.

    Parameters
    ----------
    cache : Path
        Where fits are kept.
    threads : int or None
        For the commands that take --threads; None: all cores.
    iterations : int or None
        Length of fits; None: by scene size.
    """

    def __init__(self, cache: Path, threads: int | None = None, iterations: int | None = None) -> None:
        self._environment = {"HEMGS_CACHE": str(cache)}
        self._cache = cache
        self._threads = [] if threads is None else ["--threads", str(threads)]
        self._iterations = [] if iterations is None else ["--iterations", str(iterations)]

    def run(self, *arguments: str | Path) -> Stage:
        """Run ``hemgs`` with these arguments."""
        return run_process([sys.executable, "-m", "hemgs_cli", *map(str, arguments)], self._environment)

    def encode(self, ply: Path, hgs: Path, lambda_: float, *options: str) -> Stage:
        """Encode without verifying; the fit comes from the cache if it's there.

        The shipped prior has seen the scenes that benchmarks are about, so it has no part in this.
        """
        fixed = ["-o", str(hgs), "--lambda", f"{lambda_:g}", "--no-verify", "--force", "--json"]
        if ply.is_file():
            fixed.append("--no-prior")
        return checked(self.run("encode", ply, *fixed, *self._threads, *self._iterations, *options))

    def decode(self, hgs: Path, ply: Path) -> Stage:
        """Decode to a .ply."""
        return checked(self.run("decode", hgs, "-o", ply, "--force", "--json", *self._threads))

    def verifies(self, hgs: Path) -> bool:
        """Tell whether ``hemgs verify`` accepts a file."""
        return self.run("verify", hgs).code == 0

    def info(self, hgs: Path) -> dict[str, Any]:
        """Return ``hemgs info --json``."""
        description: dict[str, Any] = json.loads(
            checked(self.run("info", hgs, "--attributes", "--json")).output
        )
        return description

    def num_fits(self) -> int:
        """Return the number of fits that are kept."""
        return len(list(self._cache.glob("*.fit")))

    def warm_up(self, ply: Path, folder: Path) -> None:
        """Encode and decode once: no measured process shall compile code or read a cold disk."""
        hgs = folder / "warm.hgs"
        fixed = ["-o", str(hgs), "--iterations", "2", "--no-cache", "--force"]
        checked(self.run("encode", ply, *fixed, *self._threads))
        hgs.unlink()


def checked(stage: Stage) -> Stage:
    """Return the stage, or stop with its last words if it failed."""
    if stage.code != 0:
        raise click.ClickException(f"hemgs ended with {stage.code}: {stage.errors.strip()[-500:]}")
    return stage


def bits_by_section(info: dict[str, Any]) -> dict[str, float]:
    """Return bits per Gaussian by section, of runs by attribute, from ``hemgs info --attributes --json``.

    What runs take beyond the attributes' tables is ``runs``.
    """
    count, attributes = info["num_gaussians"], info.get("attributes", {})
    of_runs = [section for section in info["sections"] if attributes and section["id"].startswith("RUN")]
    sizes = {section["name"]: section["bytes"] for section in info["sections"] if section not in of_runs}
    if of_runs:
        rest = sum(section["bytes"] for section in of_runs) - sum(attributes.values())
        sizes |= attributes | {"runs": rest}
    return {name: round(8 * size / count, 4) for name, size in sizes.items()}
