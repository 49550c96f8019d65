"""Does a file decode to the same bits on every machine? All valid conformance files, two decoders, in a grid.

    python -m benchmarks.bench_machines --folder DIR

The grid: processors with fewer instructions, one thread and two, NumPy and torch, the package's decoder and
that written from SPEC.md, the oldest releases of NumPy and numba that the package takes and the newest, the
same of torch, and 64-bit ARM under emulation, where the package decodes the worked example alone: that takes
half an hour. The folder keeps what is downloaded for the last four, some 400 MB and ten gigabytes of torch. A
row that can't be had is left out, and the reason shown. Rows of machines elsewhere come in as what
`machines/decode_all.py` printed there. At the end the table in format/README.md is written anew, and one
hash must be all that there is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import click

from benchmarks import ROOT
from benchmarks.machines.setups import (
    NEWEST,
    OLDEST,
    Interpreter,
    UnavailableError,
    emulated_arm,
    environment,
)
from benchmarks.machines.torches import newest_torch, oldest_torch
from benchmarks.provenance import RESULTS, Results

FILES = ROOT / "format" / "vectors" / "valid"
README = ROOT / "format" / "README.md"
CHILD = ROOT / "benchmarks" / "machines" / "decode_all.py"
BEGIN, END = "<!-- machines: written by benchmarks/bench_machines.py -->\n", "<!-- end of machines -->\n"
_SSE = ("SSE", "SSE2", "SSE3", "SSSE3", "SSE41", "POPCNT", "SSE42", "X86_V2")
_AVX2 = ("AVX", "F16C", "FMA3", "AVX2", "LAHF", "X86_V3")
_SECONDS = 3600


Run = tuple[str, str, int]
"""Decoder, device, threads."""


@dataclass(frozen=True)
class Machine:
    """A processor, an interpreter on it, and what is run there."""

    name: str
    interpreter: Interpreter
    runs: tuple[Run, ...]
    files: str = "*"  # which are decoded there
    cap: tuple[str, ...] | None = None  # NumPy's names of the instruction sets that it may use
    variables: dict[str, str] = field(default_factory=dict)


TWO: tuple[Run, ...] = (("product", "cpu", 2), ("reference", "cpu", 1))
ALL: tuple[Run, ...] = (*TWO, ("product", "cpu", 1), ("product", "torch:cpu", 1), ("product", "torch:cpu", 2))
TORCH: tuple[Run, ...] = (("product", "cpu", 2), ("product", "torch:cpu", 2))
EXAMPLE = "worked-example"
CAPS: tuple[tuple[str, tuple[str, ...] | None, dict[str, str]], ...] = (
    ("x86-64", None, {}),
    (
        "x86-64, AVX2 at most",
        (*_SSE, *_AVX2),
        {
            "OPENBLAS_CORETYPE": "Haswell",
            "ATEN_CPU_CAPABILITY": "avx2",
            "MKL_ENABLE_INSTRUCTIONS": "AVX2",
            "NUMBA_CPU_NAME": "haswell",
            "NUMBA_CPU_FEATURES": "+avx2",
        },
    ),
    (
        "x86-64, SSE4.2 at most",
        _SSE,
        {
            "OPENBLAS_CORETYPE": "Nehalem",
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "NUMBA_CPU_NAME": "generic",
        },
    ),
)


def machines(folder: Path, newer_python: str) -> Iterator[Machine]:
    """Yield the grid, as far as it is to be had."""
    here = Interpreter((sys.executable,))
    for name, cap, variables in CAPS:
        yield Machine(name, here, ALL, cap=cap, variables=variables)
    yield Machine(CAPS[0][0], here, TWO[:1], EXAMPLE)
    makers: tuple[tuple[str, Callable[[], Interpreter], tuple[Run, ...], str], ...] = (
        ("x86-64, oldest releases", lambda: environment(folder / "oldest", "python3.11", OLDEST), TWO, "*"),
        ("x86-64, newest releases", lambda: environment(folder / "newest", newer_python, NEWEST), TWO, "*"),
        ("x86-64, oldest torch", lambda: oldest_torch(folder), TORCH, "*"),
        ("x86-64, newest torch", lambda: newest_torch(folder), TORCH, "*"),
        (
            "aarch64, emulated, Debian's NumPy",
            lambda: emulated_arm(folder / "arm", has_wheels=False),
            TWO[1:],
            "*",
        ),
        ("aarch64, emulated", lambda: emulated_arm(folder / "arm", has_wheels=True), TWO[1:], "*"),
        ("aarch64, emulated", lambda: emulated_arm(folder / "arm", has_wheels=True), TWO[:1], EXAMPLE),
    )
    for name, make, runs, files in makers:
        try:
            yield Machine(name, make(), runs, files)
        except UnavailableError as error:
            click.echo(f"{name}: left out: {error}", err=True)


def disabled_features(machine: Machine) -> str:
    """Return the names of the instruction sets that NumPy would use and mustn't."""
    if machine.cap is None:
        return ""
    code = (
        "import numpy._core._multiarray_umath as m; "
        "print(*(f for f in m.__cpu_dispatch__ if m.__cpu_features__.get(f)))"
    )
    command = [*machine.interpreter.command, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return " ".join(name for name in done.stdout.split() if name not in machine.cap)


def decode_all(machine: Machine, run: Run, cache: Path, name: str) -> dict[str, Any]:
    """Decode all files on a machine; return what it found there."""
    decoder, device, threads = run
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NUMBA_"))},
        **dict.fromkeys(limits, str(threads)),
        **machine.variables,
        "NUMBA_CACHE_DIR": str(cache),
    }
    if disabled := disabled_features(machine):
        variables["NPY_DISABLE_CPU_FEATURES"] = disabled
    options = {"--device": device, "--threads": str(threads), "--kind": machine.name}
    arguments = [part for option in options.items() for part in option]
    files = map(str, sorted(FILES.glob(f"{name}.hgs")))
    done = subprocess.run(
        [*machine.interpreter.command, str(CHILD), decoder, *arguments, *files],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise click.ClickException(f"{machine.name}, {decoder}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row_of(found: dict[str, Any]) -> dict[str, Any]:
    """Return a row, its hashes cut to what a person compares."""
    return {**found, **{name: found[name][:16] for name in ("decoded", "control")}}


def latest_rows() -> list[dict[str, Any]]:
    """Return the last row of each run of each machine, in the order in which they came."""
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    for line in (RESULTS / "machines.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        key = tuple(row[name] for name in ("kind", "decoder", "arithmetic", "threads", "files"))
        rows.pop(key, None)
        rows[key] = row
    return list(rows.values())


def agree(rows: list[dict[str, Any]]) -> bool:
    """Whether the same files came out the same everywhere; a slow machine may have decoded but one."""
    return len({row["files"] for row in rows}) == len({(row["files"], row["decoded"]) for row in rows})


def table(rows: list[dict[str, Any]]) -> str:
    """Return the grid in Markdown."""
    lines = [
        "| machine | decoder | by, threads | Python, NumPy, numba, torch | files | decoded | floats |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        releases = ", ".join(row.get(name, "-") for name in ("python", "numpy", "numba", "torch"))
        lines.append(
            f"| {row['kind']} | {row['decoder']} | {row['arithmetic']}, {row['threads']} | {releases} "
            f"| {row['files']} | `{row['decoded'][:8]}` | `{row['control'][:8]}` |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Keeps downloads.")
@click.option("--only", multiple=True, help="Machines whose names begin so.")
@click.option("--file", "name", help="One file instead of all, for machines that are slow.")
@click.option("--newer-python", default="python3.13", show_default=True, help="Of the newest releases.")
@click.option("--elsewhere", type=click.File(), help="Rows of other machines, as JSON lines: nothing is run.")
@click.option("--fresh", is_flag=True, help="Forget earlier rows.")
def main(
    folder: Path,
    only: tuple[str, ...],
    name: str | None,
    newer_python: str,
    elsewhere: TextIO | None,
    fresh: bool,
) -> None:
    """Decode the conformance files on all machines that can be had, and keep what came out."""
    results = Results("machines")
    if fresh:
        (RESULTS / "machines.jsonl").unlink(missing_ok=True)
    if elsewhere is not None:
        for line in elsewhere:
            results.add(row_of(json.loads(line)))
    else:
        for machine in machines(folder, newer_python):
            if only and not machine.name.startswith(only):
                continue
            cache = folder / "compiled" / machine.name.replace(", ", "-").replace(" ", "-")
            for run in machine.runs:
                results.add(row_of(decode_all(machine, run, cache, name or machine.files)))
    rows = latest_rows()
    head, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    written = f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.partition(END)[2]}"
    README.write_text(written, encoding="utf-8")
    if not agree(rows):
        raise click.ClickException("machines disagree about what files hold")


if __name__ == "__main__":
    main()
