"""How many Gaussians does a scene need: PSNR on held-out views after compaction, beside plainer ways.

Compaction looks through training views only. Every row is judged on the held-out ones, against the photos and
against the original's renders. One walk goes through the targets in turn: each starts where the last ended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path

if TYPE_CHECKING:
    from hemgs_codec.render import Camera
    from hemgs_codec.scene import GaussianScene

Images = list[npt.NDArray[np.float32]]
Method = Literal["both", "prune", "merge", "both, colours as they were", "opacity", "random"]

RATIOS = (1.25, 1.5, 2.0, 3.0, 4.0)
LAMBDAS = (5e-4, 2e-3, 8e-3)


class Judge:
    """The held-out views of a scene: photos, where there are any, and the original's renders."""

    def __init__(self, scene: GaussianScene, folder: Path, most: int) -> None:
        from hemgs_codec.cameras import held_out, read_cameras
        from hemgs_codec.compact import training_views

        known = json.loads((folder / "metrics.json").read_text())
        self.background: tuple[float, float, float] = tuple(known.get("background") or (0.0, 0.0, 0.0))
        cameras = read_cameras(folder)
        self.training: list[Camera] = training_views(cameras)
        held = held_out(cameras)
        count = min(most, len(held))
        self.cameras = [held[k * len(held) // count] for k in range(count)]
        self.photos = [self._photo(folder / "images", camera) for camera in self.cameras]
        self.originals = self._render(scene)

    def _photo(self, folder: Path, camera: Camera) -> npt.NDArray[np.float32]:
        stem = Path(camera.name).stem
        (file,) = (file for file in folder.iterdir() if file.stem in (stem, f"test_{stem}"))
        with Image.open(file) as opened:
            pixels = np.asarray(opened.convert("RGBA"), dtype=np.float32) / 255
        alpha = pixels[..., 3:]
        behind = np.asarray(self.background, dtype=np.float32)
        return np.asarray(pixels[..., :3] * alpha + behind * (1 - alpha), dtype=np.float32)

    def _render(self, scene: GaussianScene) -> Images:
        from hemgs_codec.render import render

        return [np.clip(render(scene, camera, self.background)[0], 0, 1) for camera in self.cameras]

    def figures(self, scene: GaussianScene) -> dict[str, float]:
        """Return mean PSNRs in dB over the views."""
        images = self._render(scene)
        of_photos, before = psnr(images, self.photos), psnr(self.originals, self.photos)
        return {
            "psnr_vs_photos": round(of_photos, 3),
            "psnr_change": round(of_photos - before, 3),
            "psnr_vs_original": round(psnr(images, self.originals), 2),
        }


def psnr(images: Images, references: Images) -> float:
    """Return the mean PSNR in dB of images (H, W, 3)."""
    pairs = zip(images, references, strict=True)
    errors = [float(np.square(a - b, dtype=np.float64).mean()) for a, b in pairs]
    return float(np.mean([-10 * np.log10(max(error, 1e-12)) for error in errors]))


def best_rows(scene: GaussianScene, method: str, count: int) -> npt.NDArray[np.int64]:
    """Return the rows that a plain rule keeps: the most opaque, or some at random."""
    if method == "random":
        return np.sort(np.random.default_rng(0).permutation(scene.num_gaussians)[:count])
    return np.sort(np.argsort(-scene.opacity_logits, kind="stable")[:count])


def walk(
    scene: GaussianScene,
    judge: Judge,
    method: Method,
    views: int,
    targets: list[tuple[str, float]],
    add: Callable[[dict[str, Any]], None],
) -> None:
    """Compact to one target after the other: ("ratio", r) or ("lambda", λ), each growing."""
    from hemgs_codec.compact.compaction import BITS_PER_GAUSSIAN, SWEEPS, begin, num_values
    from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR

    total = scene.num_gaussians
    start = time.perf_counter()
    plain = method in ("opacity", "random")
    operations = method.split(",")[0]
    correct = method in ("both", "prune", "merge")
    rounds = None
    if not plain:
        rounds = begin(
            scene,
            judge.training,
            judge.background,
            views=views,
            operations=operations,  # type: ignore[arg-type]  # the method's first word
            correct=correct,
        )
    for kind, number in targets:
        row: dict[str, Any] = {"method": method, "target": f"{kind} {number:g}"}
        left = scene
        if rounds is None:
            left = scene.take(best_rows(scene, method, round(total / number)))
        elif kind == "ratio":
            rounds.until(round(total / number))
        else:
            price = number * BITS_PER_GAUSSIAN / (total * num_values(scene))
            rounds.while_worth_it(price / (LOSS_PER_SQUARED_ERROR / rounds.num_samples))
        if rounds is not None:
            rounds.settle(SWEEPS if correct else 0)
            left = rounds.scene
            row |= {
                "views": len(rounds.cameras),
                "unseen": rounds.num_unseen,
                "pruned": rounds.num_pruned,
                "merged": rounds.num_merged,
                "training_psnr_vs_original": round(-10 * np.log10(rounds.mse), 2) if rounds.mse > 0 else None,
                "compact_s": round(time.perf_counter() - start, 1),
            }
        judged = time.perf_counter()
        row |= {
            "gaussians_left": left.num_gaussians,
            "ratio": round(total / left.num_gaussians, 3),
            "held_out": len(judge.cameras),
            **judge.figures(left),
        }
        start += time.perf_counter() - judged
        add(row)


@click.command()
@data_option
@scene_option
@click.option("--method", "methods", multiple=True, default=get_args(Method), show_default=True)
@click.option("--ratio", "ratios", type=float, multiple=True, default=RATIOS, show_default=True)
@click.option("--lambda", "lambdas", type=float, multiple=True, default=LAMBDAS, show_default=True)
@click.option("--views", type=click.IntRange(min=1), default=64, show_default=True, help="Seen by rounds.")
@click.option("--held-out", type=click.IntRange(min=1), default=1000, help="Most views to judge by.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    methods: tuple[Method, ...],
    ratios: tuple[float, ...],
    lambdas: tuple[float, ...],
    views: int,
    held_out: int,
) -> None:
    """Compact scenes to a ladder of ratios, and to what λ says is worth it ("both" alone)."""
    from hemgs_codec import read_ply

    results = Results("compact")
    for name in names or known_scenes(data):
        ply = scene_path(name, data)
        if not (ply.parent / "cameras.json").is_file():
            continue
        scene = read_ply(ply)
        judge = Judge(scene, ply.parent, held_out)
        same = {**identify(name, ply), "num_gaussians": scene.num_gaussians}

        def add(row: dict[str, Any], same: dict[str, Any] = same) -> None:
            results.add({**same, **row})

        for method in methods:
            if ratios:
                walk(scene, judge, method, views, [("ratio", ratio) for ratio in sorted(ratios)], add)
            if lambdas and method == "both":
                walk(scene, judge, method, views, [("lambda", number) for number in sorted(lambdas)], add)


if __name__ == "__main__":
    main()
