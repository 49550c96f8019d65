"""What a codec under comparison is: a name, settings to sweep, and two commands in processes of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.stages import Stage


@dataclass(frozen=True)
class Setting:
    """One point on a codec's curve.

    Attributes
    ----------
    name : str
        What tables call it; unique within the codec.
    options : dict
        What the codec makes of it.
    is_quick : bool
        Whether the quick comparison includes it.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    is_quick: bool = False


@dataclass(frozen=True)
class SceneFiles:
    """What a codec may look at.

    Attributes
    ----------
    name : str
        See `benchmarks.scenes`.
    ply : Path
        The vanilla 3DGS scene.
    view_options : tuple of str
        What `hemgs encode` is told of the scene's views; empty without cameras.
    """

    name: str
    ply: Path
    view_options: tuple[str, ...] = ()


class Codec(Protocol):
    """A codec under comparison.

    Attributes
    ----------
    name : str
        In rows and tables; lower case.
    title : str
        For people.
    loses : str
        What the format can't hold, for the report's table.
    suffix : str
        Of its files.
    geometry_only : bool
        It codes locations alone, so renders can't be compared.
    """

    name: str
    title: str
    loses: str
    suffix: str
    geometry_only: bool

    def missing(self) -> str | None:
        """Return why the codec can't run here, None if it can."""

    def versions(self) -> dict[str, str]:
        """Return the versions of the tools that it runs."""

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return the settings to sweep, from few bytes to many."""

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded`` in a fresh process.

        Raises
        ------
        click.ClickException
            The process failed.
        """

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write a .ply that 3DGS viewers read, in a fresh process."""
