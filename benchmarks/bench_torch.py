"""Do files decode alike with every release of torch, whichever encoded them? Two others beside this one.

    python -m benchmarks.bench_torch --folder DIR

The oldest release that the package takes, this environment's and the newest each fit a
model to a part of the bundled scene, encode it, and decode what all of them wrote, in NumPy and in torch.
Fits are floats, so files may differ; what comes out of one mustn't. The folder keeps the environments, ten
gigabytes. At the end the table in format/README.md is written anew.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks import ROOT
from benchmarks.machines.setups import Interpreter, UnavailableError
from benchmarks.machines.torches import newest_torch, oldest_torch
from benchmarks.provenance import RESULTS, Results, content_hash
from benchmarks.report import read_rows
from hemgs_codec.ply import read_ply, write_ply

README = ROOT / "format" / "README.md"
BEGIN, END = "<!-- torches: written by benchmarks/bench_torch.py -->\n", "<!-- end of torches -->\n"
DEVICES = {"cpu": "NumPy", "torch:cpu": "torch"}
_GAUSSIANS = 2000
_SECONDS = 3600
_ENCODING = ("--effort", "1", "--weights", "analytic", "--no-verify", "--no-cache")


def run(interpreter: Interpreter, *arguments: object) -> bytes:
    """Run something of this checkout with another environment's libraries; return what it printed."""
    path = os.pathsep.join(str(ROOT / name) for name in (".", "format", "cli"))
    compiled = Path(interpreter.command[0]).parents[1] / "compiled"  # releases of numba don't share
    done = subprocess.run(
        [*interpreter.command, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(compiled)},
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise click.ClickException(done.stderr.decode().strip().splitlines()[-1])
    return done.stdout


def version_of(interpreter: Interpreter) -> str:
    """Return an environment's release of torch."""
    return run(interpreter, "-c", "import torch; print(torch.__version__)").decode().strip()


def environments(folder: Path) -> dict[str, Interpreter]:
    """Return environments by their release of torch, as far as they are to be had; this one is second."""
    found = []
    for make in (oldest_torch, lambda _: Interpreter((sys.executable,)), newest_torch):
        try:
            found.append(make(folder))
        except UnavailableError as error:
            click.echo(f"left out: {error}", err=True)
    return {version_of(each): each for each in found}


def table(rows: list[dict[str, Any]]) -> str:
    """Return what came out in Markdown: a row for each file, a column for each reader."""
    readers = list(dict.fromkeys((row["decoded_by"], row["arithmetic"]) for row in rows))
    lines = [
        f"| encoded by | file | {' | '.join(f'torch {torch}, by {by}' for torch, by in readers)} |",
        f"| --- | --- {'| --- ' * len(readers)}|",
    ]
    for encoder in dict.fromkeys(row["encoded_by"] for row in rows):
        own = {(row["decoded_by"], row["arithmetic"]): row for row in rows if row["encoded_by"] == encoder}
        first = next(iter(own.values()))
        hashes = " | ".join(f"`{own[reader]['decoded'][:8]}`" for reader in readers)
        lines.append(f"| torch {encoder} | {first['file_bytes']:,} bytes, `{first['file'][:8]}` | {hashes} |")
    return "\n".join(lines) + "\n"


def agree(rows: list[dict[str, Any]]) -> bool:
    """Whether one scene came out of each file."""
    files = {row["file"] for row in rows}
    return len(files) == len({(row["file"], row["decoded"]) for row in rows})


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Keeps downloads and files.")
@click.option("--gaussians", default=_GAUSSIANS, show_default=True, help="Of the bundled scene.")
def main(folder: Path, gaussians: int) -> None:
    """Encode with each release of torch, decode with each, and keep what came out."""
    (RESULTS / "torch.jsonl").unlink(missing_ok=True)
    results = Results("torch")
    ply = folder / "part.ply"
    write_ply(read_ply(ROOT / "examples" / "chair.ply").take(np.arange(gaussians)), ply)
    found = environments(folder)
    for encoder, interpreter in found.items():
        file = folder / f"{encoder}.hgs"
        run(interpreter, "-m", "hemgs_cli", "encode", ply, "-o", file, "--force", *_ENCODING)
        for decoder, other in found.items():
            for device, arithmetic in DEVICES.items():
                scene = run(other, "-m", "hemgs_cli", "decode", file, "-o", "-", "--device", device)
                results.add(
                    {
                        "encoded_by": encoder,
                        "decoded_by": decoder,
                        "arithmetic": arithmetic,
                        "num_gaussians": gaussians,
                        "file_bytes": file.stat().st_size,
                        "file": content_hash(file),
                        "decoded": hashlib.sha256(scene).hexdigest()[:16],
                    }
                )
    rows = read_rows(RESULTS / "torch.jsonl")
    head, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    if not agree(rows):
        raise click.ClickException("releases of torch disagree about what files hold")


if __name__ == "__main__":
    main()
