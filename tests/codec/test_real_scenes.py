"""Scenes of other trainers and tools, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemgs_codec import encode, read_ply
from hemgs_codec.decoder import decode_gaussians
from hemgs_codec.scene import GaussianScene
from tests.small import ROOT

SPLATS = ROOT.parent / "shared" / "data" / "splats"


def scene_at(path: Path, count: int) -> GaussianScene:
    """Return evenly spread Gaussians of a scene, or skip the test."""
    if not path.exists():
        pytest.skip(f"{path.name} isn't at hand")
    scene = read_ply(path)
    return scene.take(
        np.linspace(0, scene.num_gaussians - 1, min(count, scene.num_gaussians)).astype(np.int64)
    )


@pytest.mark.parametrize(
    "name",
    [
        "raw/train1000.ply",  # another order of properties
        "raw/gsplat_new.ply",  # many equal SH vectors
        "raw/kacy.ply",  # outliers far away
        "quantised/guitar.ply",  # infinite opacity logits, no SH
        "quantised/playbot_lod3.ply",  # SH degree 2
    ],
)
def test_scenes_of_every_origin_come_back(name: str) -> None:
    scene = scene_at(SPLATS / name, 400)
    data = encode(scene, iterations=20, threads=1, cache=False)
    decoded = decode_gaussians(data, threads=1)
    assert decoded.num_gaussians == scene.num_gaussians
    assert decoded.sh_degree == scene.sh_degree
    assert len(data) < scene.num_gaussians * 4 * (11 + 3 * (scene.sh_degree + 1) ** 2) / 2
    extent = float((scene.means.max(axis=0) - scene.means.min(axis=0)).max())
    ends = np.abs(np.sort(decoded.means, axis=0) - np.sort(scene.means, axis=0)).max()
    assert ends < 0.01 * extent


@pytest.mark.slow
def test_a_whole_scene_comes_back_smaller_by_far(chair: GaussianScene) -> None:
    data = encode(chair, iterations=300, cache=False)
    assert decode_gaussians(data).num_gaussians == chair.num_gaussians
    assert 8 * len(data) / chair.num_gaussians < 120
