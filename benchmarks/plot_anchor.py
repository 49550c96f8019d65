"""Draw the curves of `anchor.jsonl` to results/anchor.png, and tell BD-rates against the `hac` configuration.

A run's name says what it is: SCENE, SCENE-NAME, or SCENE-NAME-NUMBER where several trainings make one curve.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from typing import Any

import click

from benchmarks.provenance import RESULTS
from benchmarks.report import latest
from benchmarks.result_tables import TABLES

BASELINE = "hac"
FULL = "hash"
"""The model with all parts, with which those without one compare; `hemgs` is the default."""
STORAGE_LAMBDA = 2e-3
Points = list[tuple[float, float]]


def curve_name(run: str, scene: str) -> str:
    """Return the curve that a run is part of."""
    rest = run.removeprefix(scene).strip("-")
    return re.sub(r"-?[\d.]+$", "", rest) or "hemgs"


def curves(rows: list[dict[str, Any]], size: str) -> dict[str, dict[str, Points]]:
    """Return (bytes, PSNR) points by scene and curve, the latest row of each run and lambda."""
    found: dict[str, dict[str, Points]] = defaultdict(lambda: defaultdict(list))
    for row in latest(rows, TABLES["anchor"].keys):
        found[row["scene"]][curve_name(row["run"], row["scene"])].append((row[size], row["psnr"]))
    return {scene: {name: sorted(points) for name, points in part.items()} for scene, part in found.items()}


def vanilla(scene: str) -> Points:
    """Return what the gaussian profile makes of the vanilla scene of the same photos."""
    path = RESULTS / "rd.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    newest = {
        row["lambda"]: (row["file_bytes"], row["psnr_photo_decoded"])
        for row in rows
        if row["scene"] == scene
        and row["weights"] == "rendered"
        and row.get("compact") is None
        and row.get("refine") is None
    }
    return sorted(newest.values())


def rising(points: Points) -> Points:
    """Return the points that no smaller file of the curve beats: few held-out views make PSNRs unsteady."""
    kept: Points = []
    for size, quality in sorted(points):
        if not kept or quality > kept[-1][1]:
            kept.append((size, quality))
    return kept


def saved(reference: Points | None, points: Points) -> str:
    """Return by how much a curve's bytes differ from a reference's at equal PSNR (BD-rate)."""
    from hemgs_codec.metrics.bjontegaard import bd_rate
    from hemgs_codec.metrics.required import MetricError

    ours, theirs = rising(points), rising(reference or [])
    if min(len(ours), len(theirs)) < 2:
        return ""
    try:
        return f"{bd_rate(theirs, ours):+.1f} %"
    except MetricError:
        return "no overlap"


def show_rates(rows: list[dict[str, Any]]) -> None:
    """Print a table: each curve's ends, BD-rates against baselines, and how large contexts are."""
    files, accounted = curves(rows, "file_bytes"), curves(rows, "accounted_bytes")
    contexts = {(row["scene"], curve_name(row["run"], row["scene"])): row for row in rows}
    click.echo("| scene | curve | bytes | dB | vs hac | vs hac, its accounting | vs hash | contexts |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for scene, part in files.items():
        for name, points in {**part, "vanilla": vanilla(scene)}.items():
            if not points:
                continue
            (least, low), (most, high) = points[0], points[-1]
            context = contexts.get((scene, name), {})
            mean, largest = context.get("mean_context", ""), context.get("max_context", "")
            is_reference = name == BASELINE
            theirs = accounted[scene]
            cells = (
                scene,
                name,
                f"{least:,.0f} .. {most:,.0f}",
                f"{low:.2f} .. {high:.2f}",
                "" if is_reference else saved(part.get(BASELINE), points),
                "" if is_reference else saved(theirs.get(BASELINE), theirs.get(name, [])),
                "" if name == FULL else saved(part.get(FULL), points),
                f"{mean} (at most {largest})" if largest != "" else "",
            )
            click.echo(f"| {' | '.join(cells)} |")


def show_storage(rows: list[dict[str, Any]]) -> None:
    """Print what is stored in which section, at each run's lambda nearest to 2e-3 (the paper's Table 5)."""
    nearest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in latest(rows, TABLES["anchor"].keys):
        key = (row["scene"], row["run"])
        if key not in nearest or _octaves(row) < _octaves(nearest[key]):
            nearest[key] = row
    names = list(next(iter(nearest.values()))["section_bytes"])
    click.echo(f"\n| run | anchors | training, s | {' | '.join(names)} | file |")
    click.echo("| --- " * (len(names) + 4) + "|")
    for (_, run), row in nearest.items():
        sizes = [f"{row['section_bytes'][name]:,}" for name in names]
        cells = (run, f"{row['num_coded']:,}", f"{row['train_s']:.0f}", *sizes, f"{row['file_bytes']:,}")
        click.echo(f"| {' | '.join(cells)} |")


def _octaves(row: dict[str, Any]) -> float:
    return abs(math.log2(row["lambda"] / STORAGE_LAMBDA))


@click.command()
def main() -> None:
    """Draw PSNR over bytes, a panel a scene; print BD-rates, and what is stored where."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    path = RESULTS / "anchor.jsonl"
    if not path.is_file():
        raise click.ClickException("there is nothing to draw: run benchmarks.bench_anchor first")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    show_rates(rows)
    show_storage(rows)
    found = curves(rows, "file_bytes")
    figure, panels = plt.subplots(1, len(found), figsize=(5.5 * len(found), 4.5), squeeze=False)
    for panel, (scene, part) in zip(panels[0], found.items(), strict=True):
        for name, points in part.items():
            style = "o-" if len(points) > 1 else "x"
            panel.plot([x / 1e3 for x, _ in points], [y for _, y in points], style, ms=4, label=name)
        plain = vanilla(scene)
        panel.plot([x / 1e3 for x, _ in plain], [y for _, y in plain], "s--", ms=4, label="vanilla, gaussian")
        panel.set_xscale("log", base=2)
        panel.set_title(scene)
        panel.set_xlabel("kB")
        panel.set_ylabel("PSNR against held-out photos, dB")
        panel.grid(visible=True, alpha=0.3)
        panel.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(RESULTS / "anchor.png", dpi=80)


if __name__ == "__main__":
    main()
