"""Draw the curves of `progressive.jsonl` to results/progressive.png: PSNR over bytes received."""

from __future__ import annotations

import click

from benchmarks.provenance import RESULTS
from benchmarks.report import read_rows


@click.command()
def main() -> None:
    """Draw one curve a scene, its newest."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    latest = {row["scene"]: row for row in read_rows(RESULTS / "progressive.jsonl")}
    if not latest:
        raise click.ClickException("there is nothing to draw: run benchmarks.bench_progressive first")
    figure, panel = plt.subplots(figsize=(8, 5.5))
    for scene, row in sorted(latest.items()):
        sizes = [point["bytes"] / row["file_bytes"] for point in row["points"]]
        psnr = [point["psnr"] for point in row["points"]]
        panel.plot(sizes, psnr, ".-", linewidth=1.2, label=f"{scene}, {row['file_bytes']:,} bytes")
    panel.set_xlabel("share of the file's bytes that were received (locations are the first)")
    panel.set_ylabel("PSNR against the original's renders (of anchors: against photos), dB")
    panel.set_xlim(0, 1.02)
    panel.grid(visible=True, alpha=0.3)
    panel.legend(loc="upper left", fontsize=9)
    figure.tight_layout()
    figure.savefig(RESULTS / "progressive.png", dpi=100)


if __name__ == "__main__":
    main()
