"""Ours, at some efforts and many lambdas."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.codecs.codec import SceneFiles, Setting
from benchmarks.stages import Stage, bits_by_section, checked, run_process
from hemgs_codec.version import __version__

LAMBDAS = tuple(3.125e-5 * 2**k for k in (-8, -7, -5, -3, -1, *range(10)))
QUICK = (5e-4, 2e-3, 8e-3)


class Hemgs:
    """See `Codec`.

    Parameters
    ----------
    prior : Path or None
        File of the prior to use; None: no prior.
    efforts : tuple of int
    cache : Path
        Where fits are kept: there is one for all lambdas.
    threads : int or None
        None: all cores.
    """

    name = "hemgs"
    title = "hemgs (this codec)"
    loses = "what λ says is worth less than its bits"
    suffix = ".hgs"
    geometry_only = False

    def __init__(
        self, prior: Path | None, efforts: tuple[int, ...], cache: Path, threads: int | None
    ) -> None:
        self.prior, self.efforts = prior, efforts
        self._cache = cache
        self._threads = [] if threads is None else ["--threads", str(threads)]

    def missing(self) -> str | None:
        """See `Codec`."""
        return None

    def versions(self) -> dict[str, str]:
        """See `Codec`."""
        return {"hemgs_codec": __version__}

    def settings(self, scene: SceneFiles) -> list[Setting]:  # noqa: ARG002  the same for all
        """See `Codec`; the default lambda first, so that its seconds are those of a whole encode."""
        order = sorted(LAMBDAS, key=lambda value: (value != 2e-3, -value))
        return [
            Setting(
                f"effort {effort}, lambda {lambda_:g}",
                {
                    "effort": effort,
                    "lambda": lambda_,
                    "prior": None if self.prior is None else self.prior.stem,
                },
                lambda_ in QUICK and effort in (0, 4),
            )
            for effort in self.efforts
            for lambda_ in order
        ]

    def _run(self, *arguments: str | Path) -> Stage:
        module = ["hemgs_cli"] if self.prior is None else ["benchmarks.codecs.with_prior", str(self.prior)]
        command = [sys.executable, "-m", *module, *map(str, arguments)]
        return checked(run_process(command, {"HEMGS_CACHE": str(self._cache)}))

    def encode(self, scene: SceneFiles, coded: Path, setting: Setting) -> Stage:
        """See `Codec`; weights are measured in renders, and the result is verified, as users have it."""
        options = ["--effort", str(setting.options["effort"]), "--lambda", f"{setting.options['lambda']:g}"]
        options += [] if self.prior else ["--no-prior"]
        fixed = ["-o", str(coded), "--force", "--json", *scene.view_options, *self._threads]
        return self._run("encode", scene.ply, *options, *fixed)

    def decode(self, coded: Path, ply: Path) -> Stage:
        """See `Codec`."""
        return self._run("decode", coded, "-o", ply, "--force", "--json", *self._threads)

    def facts(self, coded: Path) -> dict[str, Any]:
        """Return what a row says beyond others' rows: bits by section."""
        info = json.loads(self._run("info", coded, "--attributes", "--json").output)
        return {"num_coded": info["num_coded"], "section_bits_per_gaussian": bits_by_section(info)}
