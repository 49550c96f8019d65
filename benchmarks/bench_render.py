"""Time the CPU renderer: each stage of a view forward and backward, the loss, a training step, sensitivities.

Milliseconds are given as the least and the median of many rounds, and of processor time over all threads as
the least: the median is what a stage takes beside all else that the machine does, processor time what it
takes of it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, scene_path, side_by_side
from hemgs_codec import GaussianScene, read_ply
from hemgs_codec.cameras import read_cameras
from hemgs_codec.render import Camera, View
from hemgs_codec.render.blend import rasterise
from hemgs_codec.render.blend_back import blend_gradients
from hemgs_codec.render.colour import colour_gradients, colours_from
from hemgs_codec.render.loss import rendering_loss
from hemgs_codec.render.projection import opacities_of, project
from hemgs_codec.render.projection_back import projection_gradients
from hemgs_codec.render.sensitivity import accumulate_sensitivities
from hemgs_codec.render.strokes import LANES, write_strokes
from hemgs_codec.render.tiles import Tiles, bin_tiles
from hemgs_codec.threads import use_threads

REAL = ("chair", "mic")
MADE_OF, MADE_COUNT, MADE_SIZE = ("chair", "mic"), 100_000, 800
NEARNESS = 0.1  # of the row's height: the foremost scene fills the view


def milliseconds(work: Callable[[], object], repeat: int) -> dict[str, float]:
    """Return times of some work, once done before."""
    work()
    times, processor = [], []
    for _ in range(repeat):
        start, start_processor = time.perf_counter(), time.process_time()
        work()
        times.append(1e3 * (time.perf_counter() - start))
        processor.append(1e3 * (time.process_time() - start_processor))
    found = {"least_ms": min(times), "median_ms": statistics.median(times), "cpu_ms": min(processor)}
    return {name: round(value, 2) for name, value in found.items()}


def camera_before(scene: GaussianScene, size: int) -> Camera:
    """Return a view of ``size`` by ``size`` pixels along a row of scenes, one behind the other, close by."""
    low, high = scene.means.min(axis=0).astype(np.float64), scene.means.max(axis=0).astype(np.float64)
    eye = (low + high) / 2
    eye[0] = low[0] - NEARNESS * (high[2] - low[2])
    pose = np.eye(4)
    pose[:3, :3] = [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]
    pose[:3, 3] = -pose[:3, :3] @ eye
    return Camera("made", size, size, float(size), float(size), size / 2, size / 2, pose)


def evaluations(tiles: Tiles) -> int:
    """Return how often a Gaussian is evaluated at a pixel, if no pixel is done early."""
    first, last = tiles.pairs & 0x0F0F, (tiles.pairs >> 4) & 0x0F0F
    pairs = (last & 15).astype(np.int64) - (first & 15) + (last >> 8) - (first >> 8)
    return int(pairs.sum()) * LANES


def measure(scene: GaussianScene, camera: Camera, repeat: int) -> dict[str, Any]:
    """Return the figures of one view."""
    view = View(scene, camera)
    splats, eye, size = view.splats, camera.position, (camera.width, camera.height)
    ellipses, tiles, colours = splats.ellipses, splats.tiles, splats.splats.colours
    light = 1.0 - view.alpha
    target = np.roll(view.image, 3, axis=1)
    _, by_image = rendering_loss(view.image, target)
    given = blend_gradients(ellipses, splats.strokes, tiles, view.image, light, by_image, None)
    by_mean = np.zeros(scene.means.shape)

    def step() -> None:
        seen = View(scene, camera)
        seen.gradients(rendering_loss(seen.image, target)[1])

    stages: dict[str, Callable[[], object]] = {
        "project": lambda: project(scene, opacities_of(scene), camera),
        "colours": lambda: colours_from(scene, eye),
        "tiles": lambda: bin_tiles(ellipses, write_strokes(ellipses, splats.opacities, colours), *size),
        "raster": lambda: rasterise(splats.strokes, tiles, *size, splats.background),
        "loss": lambda: rendering_loss(view.image, target),
        "raster_back": lambda: blend_gradients(
            ellipses, splats.strokes, tiles, view.image, light, by_image, None
        ),
        "project_back": lambda: projection_gradients(scene, camera, ellipses, given),
        "colours_back": lambda: colour_gradients(scene, eye, colours, given[:, 6:], by_mean),
        "view": lambda: View(scene, camera),
        "gradients": lambda: view.gradients(by_image),
        "step": step,
        "sensitivities": lambda: accumulate_sensitivities(scene, [camera]),
    }
    times: dict[str, float] = {}
    for name, work in stages.items():
        times |= {f"{name}_{kind}": value for kind, value in milliseconds(work, repeat).items()}
    return {
        "width": camera.width,
        "height": camera.height,
        "num_gaussians": scene.num_gaussians,
        "drawn": len(tiles.rows),
        "intersections": len(tiles.entries),
        "evaluations": evaluations(tiles),
        "million_evaluations_per_s": round(evaluations(tiles) / 1e3 / times["raster_least_ms"]),
        **times,
        "load": round(os.getloadavg()[0], 1),
    }


@click.command()
@data_option
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--repeat", type=click.IntRange(min=1), default=31, show_default=True)
def main(data: Path | None, threads: int | None, repeat: int) -> None:
    """Time the CPU renderer."""
    results = Results("render", extra=("numba",))
    with use_threads(threads) as used:
        for name in REAL:
            path = scene_path(name, data)
            camera = replace(read_cameras(path.parent)[0], name="first")
            results.add({**identify(name, path), "threads": used, **measure(read_ply(path), camera, repeat)})
        made = side_by_side([read_ply(scene_path(name, data)) for name in MADE_OF], MADE_COUNT, seed=0)
        row = measure(made, camera_before(made, MADE_SIZE), repeat)
        results.add({"scene": f"made{MADE_COUNT}", "threads": used, **row})


if __name__ == "__main__":
    main()
