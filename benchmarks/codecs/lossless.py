"""General compressors on the .ply as it is: what is to be had without knowing what a Gaussian is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.codecs.tools import SETUP, pypi_version, python_version, run_module
from benchmarks.stages import Stage

_WORKER = "benchmarks.codecs.lossless_worker"


class Lossless:
    """A compressor at its strongest usual level.

    Parameters
    ----------
    name : str
        "zstd" or "xz".
    title : str
        For people.
    level : str
        What its only setting is called.
    """

    loses = "nothing"
    geometry_only = False

    def __init__(self, name: str, title: str, level: str) -> None:
        self.name = name
        self.title = title
        self.suffix = f".ply.{name}"
        self._level = level

    def missing(self) -> str | None:
        """Return why it can't run here, None if it can."""
        return None if importlib.util.find_spec("zstandard") else f"zstandard isn't installed: {SETUP}"

    def versions(self) -> dict[str, str]:
        """Return the version of what packs."""
        if self.name == "zstd":
            return {"zstandard": pypi_version("zstandard")}
        return {"python": python_version()}

    def settings(self, scene: SceneFiles) -> list[Setting]:  # noqa: ARG002  the same for all scenes
        """Return the one level."""
        return [Setting(self._level, is_quick=True)]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:  # noqa: ARG002  only one
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        return run_module(_WORKER, self.name, "pack", scene.ply, coded)

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write the .ply again, byte by byte.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        return run_module(_WORKER, self.name, "unpack", coded, ply)


def zstd() -> Lossless:
    """Return Zstandard at level 19."""
    return Lossless("zstd", "zstd -19", "level-19")


def xz() -> Lossless:
    """Return xz at preset 9e."""
    return Lossless("xz", "xz -9e", "preset-9e")
