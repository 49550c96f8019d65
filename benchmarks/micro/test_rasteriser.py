"""The CPU rasteriser, forward and backward: blending alone, not projection nor binning."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_render import camera_before
from benchmarks.micro.measure import measure
from hemgs_codec import GaussianScene
from hemgs_codec.render import View
from hemgs_codec.render.blend import rasterise
from hemgs_codec.render.blend_back import blend_gradients

SIZE = 400  # pixels of a side


@pytest.fixture(scope="module")
def view(scene: GaussianScene) -> View:
    """Return the scene seen from close by."""
    return View(scene, camera_before(scene, SIZE))


def test_rasterise(benchmark: BenchmarkFixture, view: View) -> None:
    """Blend all tiles."""
    drawn = view.splats
    measure(
        benchmark,
        lambda: rasterise(drawn.strokes, drawn.tiles, SIZE, SIZE, drawn.background),
        SIZE * SIZE,
        "pixels",
    )


def test_rasterise_back(benchmark: BenchmarkFixture, view: View) -> None:
    """Compute gradients of ellipses and colours from an image's."""
    drawn, light = view.splats, 1.0 - view.alpha
    by_image = np.random.default_rng(0).standard_normal(view.image.shape).astype(np.float32)
    measure(
        benchmark,
        lambda: blend_gradients(
            drawn.ellipses, drawn.strokes, drawn.tiles, view.image, light, by_image, None
        ),
        SIZE * SIZE,
        "pixels",
    )
