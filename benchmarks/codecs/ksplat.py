""".ksplat of npm's gaussian-splats-3d; splat-transform reads it back."""

from __future__ import annotations

from pathlib import Path

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.codecs.tools import NodePackages, sh_degree
from benchmarks.stages import Stage

_PACKAGE = "@mkkellogg/gaussian-splats-3d"
_READER = "@playcanvas/splat-transform"
_SCRIPT = Path(__file__).with_name("ksplat_pack.mjs")
_MOST_BANDS = 2  # that the format holds
_LEVELS = (2, 1, 0)  # from few bytes to many: SH of 8 bits, all of 16, all of 32
_ALPHA_THRESHOLD = 1  # of 255, the tool's own: Gaussians below it go


class Ksplat:
    """The three compression levels with each SH degree.

    Parameters
    ----------
    peers : Path
        What `benchmarks.setup_peers` installed into.
    """

    name = "ksplat"
    title = ".ksplat"
    loses = "SH degree 3; colour beyond 0..1, opacity and colour to 8 bits; faint Gaussians; order"
    suffix = ".ksplat"
    geometry_only = False

    def __init__(self, peers: Path) -> None:
        self._packages = NodePackages(peers)

    def missing(self) -> str | None:
        """Return why it can't run here, None if it can."""
        return self._packages.missing(_PACKAGE, "three", _READER)

    def versions(self) -> dict[str, str]:
        """Return the versions of writer and reader."""
        return {
            "gaussian-splats-3d": self._packages.version(_PACKAGE),
            "splat-transform": self._packages.version(_READER),
        }

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return every level with every SH degree that scene and format have."""
        most = min(sh_degree(scene.ply), _MOST_BANDS)
        return [
            Setting(
                f"level-{level}-bands-{bands}",
                {"level": level, "bands": bands},
                is_quick=(level, bands) == (1, most),
            )
            for bands in range(most + 1)
            for level in _LEVELS
            # Level 2 differs from level 1 in SH alone.
            if not (level == 2 and bands == 0)
        ]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            The writer failed.
        """
        library = self._packages.path(_PACKAGE, "build", "gaussian-splats-3d.module.js")
        numbers = (setting.options["level"], setting.options["bands"], _ALPHA_THRESHOLD)
        return self._packages.run(_SCRIPT, library, scene.ply, coded, *map(str, numbers))

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write a .ply.

        Raises
        ------
        click.ClickException
            splat-transform failed.
        """
        cli = self._packages.path(_READER, "bin", "cli.mjs")
        return self._packages.run(cli, "-w", "-q", "-g", "cpu", coded, ply)
