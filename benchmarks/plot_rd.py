"""Draw the rate-distortion curves of `compare.jsonl`, ours beside others', to results/rd.png."""

from __future__ import annotations

import click

from benchmarks.plot_anchor import rising
from benchmarks.provenance import RESULTS
from benchmarks.report_html.rows import OURS, Curve, compare_rows, curves_of, scenes_of

_COLUMNS = 4
_MARKS = {
    "spz": "^",
    "sog": "v",
    "compressed-ply": "D",
    "ksplat": "s",
    "draco": "x",
}
"""Rivals that are drawn, and how; lossless ones have no place on such a plot."""


def curves_to_draw(scene_curves: list[Curve]) -> list[Curve]:
    """Return our curves of at least two points, and those of rivals that have any PSNR."""
    return [
        curve
        for curve in scene_curves
        if curve.points() and (len(curve.points()) > 1 if curve.codec == OURS else curve.codec in _MARKS)
    ]


@click.command()
def main() -> None:
    """Draw PSNR against the original's renders over bits per Gaussian, a panel a scene."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = compare_rows(RESULTS / "compare.jsonl")
    scenes = scenes_of(rows)
    if not scenes:
        raise click.ClickException("there is nothing to draw: run benchmarks.compare first")
    lines = -(-len(scenes) // _COLUMNS)
    figure, grid = plt.subplots(lines, _COLUMNS, figsize=(4.2 * _COLUMNS, 3.8 * lines), squeeze=False)
    panels, handles = grid.ravel(), {}
    colours = {name: f"C{number}" for number, name in enumerate((OURS, *_MARKS))}
    for panel, scene in zip(panels, scenes, strict=False):
        count = next(row["num_gaussians"] for row in rows if row["scene"] == scene)
        for curve in curves_to_draw(curves_of(rows, scene)):
            points = [(8 * size / count, psnr) for size, psnr in rising(curve.points())]
            own = curve.codec == OURS
            style = {"marker": "o" if own else _MARKS[curve.codec], "color": colours[curve.codec]}
            dashes = "--" if "effort 0" in curve.name else ":" if "effort 9" in curve.name else "-"
            (handles[curve.name],) = panel.plot(
                *zip(*points, strict=True), dashes, markersize=4, **style, label=curve.name
            )
        panel.set_xscale("log", base=2)
        panel.set_title(f"{scene} ({count:,} Gaussians)")
        panel.set_xlabel("bits per Gaussian")
        panel.set_ylabel("PSNR against the original's renders, dB")
        panel.grid(visible=True, alpha=0.3)
    for panel in panels[len(scenes) :]:
        panel.axis("off")
    figure.tight_layout()
    free = {"loc": "center", "bbox_to_anchor": panels[-1].get_position()} if len(panels) > len(scenes) else {}
    figure.legend(handles=list(handles.values()), **free)
    figure.savefig(RESULTS / "rd.png", dpi=80)


if __name__ == "__main__":
    main()
