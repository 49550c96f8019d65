"""Cameras made up for a scene: where they stand, what they see, and that no scene upsets them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec.cameras import held_out, read_cameras, synthesise_cameras
from hemgs_codec.cameras.layout import layout_of
from hemgs_codec.ply import read_ply
from hemgs_codec.render import Camera, render
from hemgs_codec.render.visibility import visibility
from hemgs_codec.scene import GaussianScene
from tests.small import CHAIR, ROOT
from tests.views import cloud, look_at

SHARED = ROOT.parent / "shared" / "data" / "splats" / "raw"


def scene_of(means: npt.NDArray[np.floating], log_scale: float | npt.NDArray[np.floating]) -> GaussianScene:
    count = len(means)
    return GaussianScene(
        np.ascontiguousarray(means, dtype=np.float32),
        np.ascontiguousarray(np.broadcast_to(np.reshape(log_scale, (-1, 1)), (count, 3)), dtype=np.float32),
        np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        np.full(count, 2.0, np.float32),
        np.ones((count, 3), np.float32),
        np.zeros((count, 0, 3), np.float32),
    )


def ball(count: int, radius: float, seed: int = 0) -> npt.NDArray[np.float64]:
    ways = np.random.default_rng(seed).standard_normal((count, 3))
    return np.asarray(radius * ways / np.linalg.norm(ways, axis=1, keepdims=True))


def room() -> GaussianScene:
    """Small Gaussians in the middle, more and larger ones on the walls."""
    means = np.concatenate([ball(300, 0.5), ball(900, 10.0, 1)])
    return scene_of(means, np.repeat([-3.5, -0.5], [300, 900]))


def whole(camera: Camera, scene: GaussianScene) -> bool:
    seen = scene.means @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    x, y = (camera.fx * seen[:, 0] / seen[:, 2], camera.fy * seen[:, 1] / seen[:, 2])
    return bool(
        (seen[:, 2] > 0).all()
        and (np.abs(x) < camera.width / 2).all()
        and (np.abs(y) < camera.height / 2).all()
    )


def test_visibility_sums_up_to_alpha() -> None:
    scene, camera = cloud(60, 3), look_at((2.0, 1.0, 0.5))
    _, alpha = render(scene, camera)
    seen = visibility(scene, camera)
    assert seen.min() >= 0
    assert seen.sum() == pytest.approx(alpha.sum(), rel=1e-4)


def test_an_object_is_looked_at_from_outside_and_all_around() -> None:
    scene = scene_of(ball(400, 1.0) + np.array([5, 0, -3]), -3.0)
    layout = layout_of(scene)
    assert not layout.inside
    np.testing.assert_allclose(layout.focus, [5, 0, -3], atol=0.25)
    cameras = synthesise_cameras(scene, count=16, width=40, height=30)
    assert len(cameras) == 16
    away = np.array([camera.position for camera in cameras]) - [5, 0, -3]
    assert np.linalg.norm(away, axis=1).min() > 1.5
    assert np.linalg.norm(away.mean(axis=0)) < 1.0
    assert any(whole(camera, scene) for camera in cameras)


def test_a_room_is_looked_at_from_inside() -> None:
    layout = layout_of(room())
    assert layout.inside
    cameras = synthesise_cameras(room(), count=16, width=40, height=40)
    assert len(cameras) == 16
    away = np.linalg.norm([camera.position - layout.focus for camera in cameras], axis=1)
    assert away.max() < 5
    outward = [camera.position @ camera.world_to_camera[2, :3] > 0 for camera in cameras]
    assert sum(outward) == 4


def test_few_gaussians_far_away_change_nothing_much() -> None:
    means = ball(400, 1.0)
    means[:8] *= 1e6
    layout = layout_of(scene_of(means, -3.0))
    assert not layout.inside
    assert layout.extent < 1.5


def test_the_same_scene_gets_the_same_cameras() -> None:
    first, second = (synthesise_cameras(cloud(60, 1), count=5, width=20, height=20) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.name == b.name
        assert (a.world_to_camera == b.world_to_camera).all()


@pytest.mark.parametrize(
    "scene",
    [
        scene_of(np.array([[3.0, 4.0, 5.0]]), -2.0),
        scene_of(np.full((9, 3), 7.0), -60.0),
        scene_of(np.full((9, 3), -1e5), 80.0),
        scene_of(ball(50, 1.0) * [1, 1, 0], -4.0),
        scene_of(ball(50, 1.0) * [1, 0, 0], -4.0),
        scene_of(ball(50, 1e-6), -20.0),
        scene_of(ball(50, 1e30), 3.0),
    ],
    ids=["one", "a point", "huge", "a plane", "a line", "tiny", "far"],
)
@pytest.mark.parametrize("count", [1, 6])
def test_odd_scenes_get_cameras_too(scene: GaussianScene, count: int) -> None:
    cameras = synthesise_cameras(scene, count=count, width=24, height=16)
    assert len({camera.name for camera in cameras}) == count
    for camera in cameras:
        assert np.isfinite(render(scene, camera)[0]).all()


def test_one_gaussian_is_seen() -> None:
    scene = scene_of(np.array([[3.0, 4.0, 5.0]]), -2.0)
    for camera in synthesise_cameras(scene, count=4, width=40, height=40):
        assert render(scene, camera)[1].max() > 0.5


def test_every_view_of_the_bundled_chair_shows_it() -> None:
    scene = read_ply(CHAIR)
    for camera in synthesise_cameras(scene, count=6, width=64, height=64):
        assert render(scene, camera)[1].mean() > 0.1


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    _, place, counts = np.unique(np.round(values, 2), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - counts / 2)[place], dtype=np.float64)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scenes that can't be in the repository aren't here")
@pytest.mark.parametrize(("name", "inside", "least"), [("chair", False, 0.7), ("bonsai", True, 0.7)])
def test_what_made_up_views_see_is_what_held_out_views_see(name: str, inside: bool, least: float) -> None:
    scene = read_ply(SHARED / name / "point_cloud.ply")
    assert layout_of(scene).inside == inside
    real = held_out(read_cameras(SHARED / name))
    made_up = synthesise_cameras(scene, count=24, width=300, height=300)
    seen = [ranks(np.sum([visibility(scene, c) for c in cameras], axis=0)) for cameras in (real, made_up)]
    assert float(np.asarray(np.corrcoef(seen))[0, 1]) > least
