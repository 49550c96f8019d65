"""How time and memory grow with a scene: encode and decode as users have them, 10k to a million Gaussians.

Each stage is a fresh process with the shipped prior. It has seen the scenes that these are made of, so bytes
say nothing here. Weights are analytic and nothing is checked, so that seconds are those of coding alone.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any, NamedTuple

import click

from benchmarks.bench_effort import PLAIN
from benchmarks.bench_scale import make_in_other_process
from benchmarks.provenance import RESULTS, Results, git_commit
from benchmarks.scenes import data_option, identify
from benchmarks.stages import Hemgs, checked

NAME = "scaling"
FIGURES = (
    *("encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s"),
    *("encode_peak_rss_mb", "decode_peak_rss_mb"),
)
_POWERS = [thousandths / 1000 for thousandths in range(200, 3001)]  # that are tried
_WARMING = 2000  # Gaussians of a scene that nobody measures


class Growth(NamedTuple):
    """How a figure grows with the number of Gaussians n.

    Attributes
    ----------
    slope : float
        p of ``b n**p``, by least squares between logarithms.
    constant, factor, power : float
        a, b and p of ``a + b n**p``, by least squares of relative errors with a at least 0: without what a
        process takes for any scene. NaN where fewer than three sizes are known.
    """

    slope: float
    constant: float
    factor: float
    power: float


def growth(counts: Sequence[float], figures: Sequence[float]) -> Growth:
    """Fit how figures grow with counts.

    Parameters
    ----------
    counts, figures : sequence of float
        Of as many scenes, all above 0; two different counts at least.

    Examples
    --------
    >>> growth([1, 10, 100], [3.0, 12.0, 102.0]).power
    1.0
    """
    slope = linear_regression([math.log(n) for n in counts], [math.log(t) for t in figures]).slope
    if len(set(counts)) < 3:
        return Growth(slope, math.nan, math.nan, math.nan)
    _, constant, factor, power = min(
        (*_weighted_line([n**power for n in counts], figures), power) for power in _POWERS
    )
    return Growth(slope, constant, factor, power)


def _weighted_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Return (error, a, b) of ``a + b x`` with the least sum of squared errors relative to y, a >= 0."""
    u = [1 / value for value in y]  # it's to be a u + b v = 1
    v = [value / figure for value, figure in zip(x, y, strict=True)]
    uu, uv, vv = _dot(u, u), _dot(u, v), _dot(v, v)
    determinant = uu * vv - uv * uv
    a = (sum(u) * vv - sum(v) * uv) / determinant if determinant > 0 else 0.0
    a = max(a, 0.0)
    b = (sum(v) - a * uv) / vv
    return sum((a * p + b * q - 1) ** 2 for p, q in zip(u, v, strict=True)), a, b


def _dot(a: Iterable[float], b: Iterable[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def rows_of(commit: str, path: Path) -> dict[tuple[int, int], dict[str, Any]]:
    """Return what is kept of a commit, by number of Gaussians and effort: the latest row of each."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(row["num_gaussians"], row["effort"]): row for row in rows if row["commit"] == commit}


def measure(
    hemgs: Hemgs, folder: Path, ply: Path, effort: int, lambda_: float, limit: Sequence[str]
) -> dict[str, Any]:
    """Encode and decode a scene, each in a fresh process, and return the figures."""
    hgs, decoded = folder / "scene.hgs", folder / "decoded.ply"
    fixed = ["--lambda", f"{lambda_:g}", "--effort", str(effort), "--no-cache", "--force", "--json"]
    encode = checked(hemgs.run("encode", ply, *fixed, *limit, *PLAIN, "-o", hgs))
    decode = hemgs.decode(hgs, decoded)
    return {
        "encode_s": encode.seconds,
        "encode_cpu_s": encode.cpu_seconds,
        "encode_peak_rss_mb": encode.peak_rss_mb,
        "decode_s": decode.seconds,
        "decode_cpu_s": decode.cpu_seconds,
        "decode_peak_rss_mb": decode.peak_rss_mb,
        "file_bytes": hgs.stat().st_size,
    }


def show_growth(rows: Iterable[dict[str, Any]]) -> None:
    """Print exponents by effort and figure, and how many Gaussians a second decoding takes."""
    known = sorted(rows, key=lambda row: row["num_gaussians"])
    for effort in sorted({row["effort"] for row in known}):
        part = [row for row in known if row["effort"] == effort]
        counts = [row["num_gaussians"] for row in part]
        if len(counts) < 2:
            continue
        click.echo(f"effort {effort}, {counts[0]} to {counts[-1]} Gaussians:")
        for figure in FIGURES:
            if not all(figure in row for row in part):
                continue
            fit = growth(counts, [row[figure] for row in part])
            parted = f"; {fit.constant:.3g} + {fit.factor:.3g} n^{fit.power:.2f}"
            click.echo(f"  {figure}: n^{fit.slope:.2f} in all{'' if math.isnan(fit.power) else parted}")
        rates = ", ".join(f"{row['decode_gaussians_per_s']} at {row['num_gaussians']}" for row in part)
        click.echo(f"  decoded Gaussians a second: {rates}")


@click.command()
@data_option
@click.option(
    "--count",
    "counts",
    type=click.IntRange(min=1),
    multiple=True,
    default=(10_000, 30_000, 100_000, 300_000, 1_000_000),
    show_default=True,
    help="Gaussians, may be repeated.",
)
@click.option(
    "--effort",
    "efforts",
    type=click.IntRange(0, 9),
    multiple=True,
    default=(0, 4),
    show_default=True,
    help="May be repeated.",
)
@click.option("--again", is_flag=True, help="Measure what is kept of this commit, too.")
@click.option("--lambda", "lambda_", type=float, default=2e-3, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the copies' jitter.")
def main(
    data: Path | None,
    counts: tuple[int, ...],
    efforts: tuple[int, ...],
    again: bool,
    lambda_: float,
    threads: int | None,
    seed: int,
) -> None:
    """Measure how time and memory grow with a scene; what this commit has rows of is left out."""
    results, commit, path = Results(NAME), git_commit(), RESULTS / f"{NAME}.jsonl"
    kept = {} if again else rows_of(commit, path)
    missing = {count: [e for e in efforts if (count, e) not in kept] for count in sorted(set(counts))}
    missing = {count: wanted for count, wanted in missing.items() if wanted}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs, ply = Hemgs(folder / "fits", threads), folder / "scene.ply"
        limit = [] if threads is None else ["--threads", str(threads)]
        if missing:  # no measured process shall compile code or read a cold disk
            make_in_other_process(_WARMING, data, ply, seed)
            for effort in sorted({effort for wanted in missing.values() for effort in wanted}):
                measure(hemgs, folder, ply, effort, lambda_, limit)
        for count, wanted in missing.items():
            make_in_other_process(count, data, ply, seed)
            for effort in wanted:
                figures = measure(hemgs, folder, ply, effort, lambda_, limit)
                results.add(
                    {
                        **identify(f"made{count}", ply),
                        "num_gaussians": count,
                        "lambda": lambda_,
                        "effort": effort,
                        "prior": "shipped",
                        **figures,
                        "decode_gaussians_per_s": round(count / figures["decode_s"]),
                    }
                )
    show_growth(rows_of(commit, path).values())


if __name__ == "__main__":
    main()
