"""Draw the rate-distortion curves of `rd.jsonl`, with the peers of `peers.jsonl`, to results/rd.png."""

from __future__ import annotations

import json
from typing import Any

import click

from benchmarks.provenance import RESULTS

STYLES = {"rendered": "o-", "analytic": "s--"}
MARKS = {"spz": "^", "sog": "v"}


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one file of results; none where it doesn't exist."""
    path = RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


@click.command()
def main() -> None:
    """Draw PSNR over bits per Gaussian, a panel a scene: against the original's renders and the photos."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    plain = [r for r in rows("rd") if r.get("compact") is None and r.get("refine") is None]
    latest = {(r["scene"], r["weights"], r["lambda"]): r for r in plain}
    peers = {(r["scene"], r["peer"]): r for r in rows("peers")}
    scenes = list(dict.fromkeys(scene for scene, _, _ in latest))
    if not scenes:
        raise click.ClickException("there is nothing to draw: run benchmarks.bench_rd first")
    figure, panels = plt.subplots(2, len(scenes), figsize=(4.2 * len(scenes), 7.5), squeeze=False)
    for column, scene in enumerate(scenes):
        for row, key in enumerate(("psnr_vs_original", "psnr_photo_decoded")):
            panel = panels[row][column]
            for rule, style in STYLES.items():
                points = sorted(
                    (r["bits_per_gaussian"], r[key])
                    for (name, kind, _), r in latest.items()
                    if (name, kind) == (scene, rule)
                )
                if points:
                    panel.plot(*zip(*points, strict=True), style, label=f"hemgs, {rule} weights")
            for peer, mark in MARKS.items():
                other = peers.get((scene, peer))
                if other is not None:
                    bits = 8 * other["peer_bytes"] / other["num_gaussians"]
                    panel.plot([bits], [other[f"peer_{key}"]], mark, label=peer.upper())
            panel.set_xscale("log", base=2)
            panel.set_title(scene)
            panel.set_xlabel("bits per Gaussian")
            against = "the original's renders" if row == 0 else "photos"
            panel.set_ylabel(f"PSNR against {against}, dB")
            panel.grid(visible=True, alpha=0.3)
    panels[0][0].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "rd.png", dpi=80)


if __name__ == "__main__":
    main()
