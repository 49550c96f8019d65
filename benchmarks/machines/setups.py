"""Other machines in a folder: older and newer releases of NumPy, and 64-bit ARM under emulation.

What is downloaded stays in the folder that the caller names, and is used again: nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

OLDEST = ("numpy==1.26.*", "numba==0.60.*", "llvmlite==0.43.*", "msgpack<1.0.6")
"""The lower bounds of pyproject.toml, or the next release that there is a wheel of."""
NEWEST = ("numpy", "numba", "msgpack")
_ARM_PACKAGES = ("python3", "python3-numpy", "python3-msgpack", "libstdc++6")
_ARM_WHEELS = ("numpy", "numba", "llvmlite", "msgpack")
_ARM_PYTHON = "3.11"  # Debian's
_ARM_TAGS = (
    "manylinux2014_aarch64",
    "manylinux_2_17_aarch64",
    "manylinux_2_27_aarch64",
    "manylinux_2_28_aarch64",
)
_ARM_LIBRARIES = "usr/lib/aarch64-linux-gnu"
_MISSING = "there is no {}"


class UnavailableError(Exception):
    """Something that a setup needs isn't to be had here."""


@dataclass(frozen=True)
class Interpreter:
    """How a Python of another machine is started."""

    command: tuple[str, ...]


def _run(*command: str | Path, folder: Path | None = None) -> None:
    """Run a command quietly."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise UnavailableError(f"{Path(str(command[0])).name}: {' '.join(last)}")


def environment(folder: Path, python: str, packages: tuple[str, ...]) -> Interpreter:
    """Make a virtual environment with these packages, for decoding without torch."""
    found = shutil.which(python)
    if found is None:
        raise UnavailableError(_MISSING.format(python))
    own = folder / "bin" / "python"
    if not (folder / "ready").exists():
        click.echo(f"making an environment with {' '.join(packages)}", err=True)
        _run(found, "-m", "venv", folder)
        _run(own, "-m", "pip", "install", "--quiet", "--only-binary=:all:", *packages)
        (folder / "ready").touch()
    return Interpreter((str(own),))


def emulated_arm(folder: Path, *, has_wheels: bool) -> Interpreter:
    """Unpack an emulator, and a Python for 64-bit ARM with NumPy: Debian's, or the wheels that users get."""
    emulator = _emulator(folder)
    root = folder / "root"
    if not (root / "ready").exists():
        click.echo("unpacking a Python for aarch64", err=True)
        for archive in _debian_archives(folder / "packages"):
            _run("dpkg", "-x", archive, root)
        (root / "ready").touch()
    libraries = root / _ARM_LIBRARIES
    variables = {"LD_LIBRARY_PATH": os.pathsep.join(str(libraries / name) for name in ("blas", "lapack"))}
    if has_wheels:
        variables["PYTHONPATH"] = str(_wheels(folder / "wheels"))
    options = [part for name, value in variables.items() for part in ("-E", f"{name}={value}")]
    return Interpreter((str(emulator), "-L", str(root), *options, str(root / "usr/bin/python3")))


def _apt(folder: Path, *arguments: str) -> list[str]:
    """Return an apt-get command of a machine of its own that has no packages yet."""
    settings = {
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
    }
    return ["apt-get", *(f"-o{name}={value}" for name, value in settings.items()), *arguments]


def _debian_archives(folder: Path) -> list[Path]:
    """Download Debian's packages for arm64, with all that they need."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    _run(*_apt(folder, "update"))
    _run(
        *_apt(folder, "install", "--yes", "--no-install-recommends", "--download-only", *_ARM_PACKAGES),
    )
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def _emulator(folder: Path) -> Path:
    """Return QEMU's user-mode emulator: the machine's, or Debian's package unpacked."""
    found = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if found:
        return Path(found)
    if shutil.which("apt-get") is None:
        raise UnavailableError(_MISSING.format("apt-get"))
    unpacked = folder / "emulator"
    if not unpacked.exists():
        click.echo("downloading an emulator", err=True)
        downloads = folder / "emulator.download"
        downloads.mkdir(parents=True, exist_ok=True)
        _run("apt-get", "-oAPT::Sandbox::User=root", "download", "qemu-user-static", folder=downloads)
        _run("dpkg", "-x", next(downloads.glob("*.deb")), unpacked)
    return unpacked / "usr" / "bin" / "qemu-aarch64-static"


def _wheels(folder: Path) -> Path:
    """Download and unpack wheels for ARM; pip alone won't install them on this machine."""
    unpacked = folder / "unpacked"
    if not (unpacked / "ready").exists():
        click.echo("downloading wheels for aarch64", err=True)
        tags = [part for tag in _ARM_TAGS for part in ("--platform", tag)]
        options = ("--quiet", "--no-deps", "--only-binary=:all:", "--python-version", _ARM_PYTHON)
        _run(sys.executable, "-m", "pip", "download", *options, *tags, "-d", folder, *_ARM_WHEELS)
        unpacked.mkdir(exist_ok=True)
        for wheel in folder.glob("*.whl"):
            shutil.unpack_archive(wheel, unpacked, "zip")
        (unpacked / "ready").touch()
    return unpacked
