"""PlayCanvas's splat-transform: .spz, .sog and .compressed.ply, written and read back.

All three are swept over what makes files smaller: fewer Gaussians (--decimate), fewer SH bands
(--filter-harmonics), and what each format has of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.codecs.tools import NodePackages, in_turn, sh_degree
from benchmarks.stages import Stage

_PACKAGE = "@playcanvas/splat-transform"
_SPZ = "@adobe/spz"
_SPZ_SCRIPT = Path(__file__).with_name("spz_pack.mjs")
_SHARES = (25, 50, 75)  # percent of the Gaussians that decimation keeps
_SPZ_BITS = ((3, 2), (4, 3), (6, 5), (8, 8))  # of SH degree 1 and of the higher ones; 5 and 4 usually
_SOG_ITERATIONS = 30  # of k-means over SH; 10 usually


class SplatTransform:
    """One of splat-transform's formats.

    Parameters
    ----------
    peers : Path
        What `benchmarks.setup_peers` installed into.
    gpu : str
        Number of the GPU that SOG's palettes are made on, or "cpu".
    """

    name: str
    title: str
    loses: str
    suffix: str
    geometry_only: bool = False
    fixed: tuple[str, ...] = ()
    """Options of every encode."""

    def __init__(self, peers: Path, gpu: str = "cpu") -> None:
        self._packages, self._gpu = NodePackages(peers), gpu

    def missing(self) -> str | None:
        """Return why it can't run here, None if it can."""
        return self._packages.missing(_PACKAGE)

    def versions(self) -> dict[str, str]:
        """Return splat-transform's version."""
        where = {} if self._gpu == "cpu" else {"palettes": "on a GPU"}
        return {"splat-transform": self._packages.version(_PACKAGE), **where}

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return thinned scenes, scenes with fewer SH bands, and the usual file."""
        return [*thinned(), *fewer_bands(scene), Setting("usual", is_quick=True)]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            splat-transform failed.
        """
        if "decimate" in setting.options:
            # Decimation writes nothing but .ply, so another process makes the file.
            ply = coded.with_name(f"{coded.name}.thinned.ply")
            first = self._convert(scene.ply, ply, after=("--decimate", setting.options["decimate"]))
            try:
                return in_turn(first, self._convert(ply, coded, before=self.fixed))
            finally:
                ply.unlink(missing_ok=True)
        bands = setting.options.get("bands")
        after = () if bands is None else ("--filter-harmonics", str(bands))
        return self._convert(scene.ply, coded, (*self.fixed, *setting.options.get("global", ())), after)

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write a .ply.

        Raises
        ------
        click.ClickException
            splat-transform failed.
        """
        return self._convert(coded, ply)

    def _convert(
        self, source: Path, target: Path, before: tuple[str, ...] = (), after: tuple[str, ...] = ()
    ) -> Stage:
        cli = self._packages.path(_PACKAGE, "bin", "cli.mjs")
        return self._packages.run(cli, "-w", "-q", "-g", self._gpu, *before, source, *after, target)


class Spz(SplatTransform):
    """Niantic's SPZ, version 4; SH bits through the library that splat-transform itself writes .spz with."""

    name = "spz"
    title = "SPZ v4"
    loses = "xyz to 24-bit fixed point; colour, opacity, log-scale to 8 bits; rotation; SH to 5 and 4 bits"
    suffix = ".spz"
    fixed = ("--spz-version", "4")

    def missing(self) -> str | None:
        """Return why it can't run here, None if it can."""
        return self._packages.missing(_PACKAGE, _SPZ)

    def versions(self) -> dict[str, str]:
        """Return the versions of splat-transform and of the library."""
        return {**super().versions(), "spz": self._packages.version(_SPZ)}

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return the usual settings, with SH of fewer and more bits around the usual file."""
        *smaller, usual = super().settings(scene)
        if sh_degree(scene.ply) == 0:
            return [*smaller, usual]
        bits = [Setting(f"sh-bits-{one}-{rest}", {"sh_bits": (one, rest)}) for one, rest in _SPZ_BITS]
        return [*smaller, *bits[:2], usual, *bits[2:]]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            The writer failed.
        """
        if "sh_bits" not in setting.options:
            return super().encode(scene, coded, setting)
        one, rest = setting.options["sh_bits"]
        library = self._packages.path(_SPZ, "dist", "spz.js")
        return self._packages.run(_SPZ_SCRIPT, library, scene.ply, coded, str(one), str(rest))


class Sog(SplatTransform):
    """PlayCanvas's SOG: images in a .zip."""

    name = "sog"
    title = "SOG"
    loses = "xyz to 16 bits, rotation to 8; scale and colour to 256 values; SH to a palette; order"
    suffix = ".sog"

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return the usual settings, with one of more work for palettes if there are any.

        None is quick: without a GPU palettes take half an hour of a scene that a quick comparison is about.
        """
        usual = [replace(setting, is_quick=False) for setting in super().settings(scene)]
        if sh_degree(scene.ply) == 0:
            return usual
        options = {"global": ("--sh-iterations", str(_SOG_ITERATIONS), "--webp-effort", "9")}
        return [*usual, Setting("thorough", options)]


class CompressedPly(SplatTransform):
    """PlayCanvas's compressed .ply: chunks of 256 with bounds of their own."""

    name = "compressed-ply"
    title = "compressed.ply"
    loses = "xyz and scale to 11-10-11 bits a chunk, rotation to 2-10-10-10, colour and SH to 8; order"
    suffix = ".compressed.ply"


def thinned() -> list[Setting]:
    """Return settings that keep a share of the Gaussians."""
    return [Setting(f"decimate-{share}", {"decimate": f"{share}%"}) for share in _SHARES]


def fewer_bands(scene: SceneFiles) -> list[Setting]:
    """Return settings that drop SH bands of the scene, the strongest first."""
    return [Setting(f"bands-{count}", {"bands": count}) for count in range(sh_degree(scene.ply))]
