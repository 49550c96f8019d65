"""Google's Draco by DracoPy: locations alone, and whole scenes, whose other values are generic attributes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.codecs.tools import SETUP, pypi_version, run_module, sh_degree
from benchmarks.stages import Stage

_WORKER = "benchmarks.codecs.draco_worker"
_LOCATION_BITS = (11, 12, 14, 16, 18)
# Bits of locations; of scale, rotation, opacity and colour; of SH beyond colour.
_SCENE_BITS = (
    (11, 5, 3),
    (12, 6, 4),
    (14, 8, 5),
    (14, 8, 6),
    (16, 8, 8),
    (16, 10, 8),
    (16, 10, 10),
    (16, 12, 12),
)
_USUAL_BITS = 16
_USUAL_SCENE_BITS = ((14, 8, 6), (16, 10, 8))


class _DracoPy:
    """What runs it, whatever is coded."""

    def missing(self) -> str | None:
        """Return why it can't run here, None if it can."""
        return None if importlib.util.find_spec("DracoPy") else f"DracoPy isn't installed: {SETUP}"

    def versions(self) -> dict[str, str]:
        """Return DracoPy's version."""
        return {"DracoPy": pypi_version("DracoPy")}


class DracoLocations(_DracoPy):
    """Locations alone, at several bits."""

    name = "draco-locations"
    title = "Draco, locations"
    loses = "all but locations; order; duplicates"
    suffix = ".drc"
    geometry_only = True

    def settings(self, scene: SceneFiles) -> list[Setting]:  # noqa: ARG002  the same for all scenes
        """Return numbers of bits."""
        return [Setting(f"{bits}-bits", {"bits": bits}, bits == _USUAL_BITS) for bits in _LOCATION_BITS]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        return run_module(_WORKER, "encode", scene.ply, coded, "--bits", str(setting.options["bits"]))

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write a .ply of grey balls.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        return run_module(_WORKER, "decode", coded, ply, "--locations")


class Draco(_DracoPy):
    """Whole scenes, at several bits."""

    name = "draco"
    title = "Draco, attributes"
    loses = "every value to a grid; order"
    suffix = ".drcs"
    geometry_only = False

    def settings(self, scene: SceneFiles) -> list[Setting]:
        """Return numbers of bits; those that differ in SH alone count once for scenes without."""
        if sh_degree(scene.ply) > 0:
            chosen = list(_SCENE_BITS)
        else:
            chosen = list({(bits, others): (bits, others, sh) for bits, others, sh in _SCENE_BITS}.values())
        return [
            Setting(
                f"{bits}-{others}-{sh}-bits",
                {"bits": bits, "attribute_bits": others, "sh_bits": sh},
                (bits, others, sh) in _USUAL_SCENE_BITS,
            )
            for bits, others, sh in chosen
        ]

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """Write ``coded``.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        options = [
            word
            for name, value in setting.options.items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        return run_module(_WORKER, "encode", scene.ply, coded, *options)

    def decode(self, coded: Path, ply: Path) -> Stage:
        """Write a .ply.

        Raises
        ------
        click.ClickException
            The worker failed.
        """
        return run_module(_WORKER, "decode", coded, ply)
