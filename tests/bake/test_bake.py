"""Baking: exact where views don't matter, nearer by refinement, and the same every time."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from hemgs_codec.anchors.networks import RenderingNetworks
from hemgs_codec.anchors.neural import tensors_of
from hemgs_codec.anchors.render import render_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.bake import bake
from hemgs_codec.bake.average import average
from hemgs_codec.bake.exposure import view_exposures
from hemgs_codec.bake.refine import refine
from hemgs_codec.bake.rough import rough_gaussians
from hemgs_codec.bake.views import split_views
from hemgs_codec.render import Camera, render
from hemgs_codec.render.colour import colours_from, harmonics_along
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.anchors.small import BANK, SHAPE, random_anchors
from tests.views import cloud, look_at

WHITE = (1.0, 1.0, 1.0)


def around(count: int = 12) -> list[Camera]:
    turns = 2 * np.pi * np.arange(count) / count
    eyes = [(2 * float(np.cos(t)), 2 * float(np.sin(t)), 0.8 * float(np.sin(2.3 * t))) for t in turns]
    return [replace(look_at(eye), name=f"v{number:02d}") for number, eye in enumerate(eyes)]


def seen_from_anywhere_alike(scene: AnchorScene) -> AnchorScene:
    """Return a scene whose networks don't look at the view."""
    networks = scene.networks
    weights = {name: weight.copy() for name, weight in networks.weights.items()}
    for name, weight in weights.items():
        if name.endswith(".hidden"):
            weight[networks.shape.features :] = 0
    return replace(scene, networks=RenderingNetworks(networks.shape, weights, networks.biases))


def assert_same(first: GaussianScene, second: GaussianScene) -> None:
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


@pytest.fixture(scope="module")
def scene() -> AnchorScene:
    return random_anchors(50, spread=50)


def test_what_does_not_depend_on_the_view_is_baked_exactly() -> None:
    scene = seen_from_anywhere_alike(random_anchors(50, spread=50))
    baked = bake(scene, around(), WHITE, refine=0)
    assert baked.psnr > 80
    assert baked.averaged_psnr == baked.psnr
    assert np.abs(baked.scene.shN).max() < 1e-5
    for camera in around(5):
        image, _ = render(baked.scene, camera, WHITE, backend="cpu")
        np.testing.assert_allclose(image, render_anchors(tensors_of(scene), camera, WHITE), atol=2e-5)


def test_a_slot_that_is_never_seen_is_left_out(scene: AnchorScene) -> None:
    away = random_anchors(50, spread=50)
    away.anchors[7] = (0.0, 0.0, 400.0)
    away = replace(away, voxel_size=None)
    count, without = bake(away, around(), refine=0).scene.num_gaussians, away.masks.copy()
    without[7] = False
    assert bake(replace(away, masks=without), around(), refine=0).scene.num_gaussians == count


def test_exposures_are_of_every_slot_in_use(scene: AnchorScene) -> None:
    exposures = view_exposures(tensors_of(scene), around(4))
    assert exposures.shape == (4, scene.masks.sum())
    assert np.isfinite(exposures).all()
    assert exposures.max() > 1
    assert exposures.min() >= 0


def test_harmonics_are_those_that_scenes_are_coloured_with() -> None:
    plain = cloud(40, 3)
    eye = np.array([0.4, -3.0, 1.0])
    ways = plain.means - eye
    basis = harmonics_along(ways / np.linalg.norm(ways, axis=1, keepdims=True), 3)
    harmonics = np.concatenate([plain.sh0[:, None], plain.shN], axis=1)
    expected = np.maximum(0.5 + np.einsum("mk,mkc->mc", basis, harmonics), 0)
    np.testing.assert_allclose(colours_from(plain, eye), expected, atol=1e-5)


def test_colours_of_few_views_do_not_explode_in_others(scene: AnchorScene) -> None:
    tensors = tensors_of(scene)
    cameras = around(40)[:3]
    baked = average(tensors, [c.position for c in cameras], view_exposures(tensors, cameras), 3)
    for camera in around(7):
        assert colours_from(baked, camera.position).max() < 2


def test_refinement_brings_fitted_and_held_out_views_nearer(scene: AnchorScene) -> None:
    views = split_views(tensors_of(scene), around(24), WHITE)
    tensors, eyes = tensors_of(scene), [camera.position for camera in views.fitted]
    before = average(tensors, eyes, view_exposures(tensors, views.fitted), 3)
    after = refine(before, views, steps=60)
    assert views.psnr(after, views.fitted) > views.psnr(before, views.fitted)
    assert_same(refine(before, views, steps=0), before)


def test_steps_that_do_harm_are_taken_back(scene: AnchorScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def harm(start: GaussianScene, *_: object, **__: object) -> GaussianScene:
        return replace(start, sh0=start.sh0 + np.float32(1))

    plain = bake(scene, around(), refine=0)
    monkeypatch.setattr("hemgs_codec.bake.baking.refined", harm)
    kept = bake(scene, around(), refine=3)
    assert_same(kept.scene, plain.scene)
    assert kept.psnr == plain.psnr == kept.averaged_psnr


def test_the_same_arguments_give_the_same_gaussians(scene: AnchorScene) -> None:
    first, second = (bake(scene, around(), refine=9, seed=4) for _ in range(2))
    assert_same(first.scene, second.scene)
    assert first.psnr == second.psnr
    other = bake(scene, around(), refine=9, seed=5)
    assert (other.scene.sh0 != first.scene.sh0).any()


@pytest.mark.parametrize("degree", [0, 2])
def test_the_degree_is_the_one_asked_for(scene: AnchorScene, degree: int) -> None:
    assert bake(scene, around(), sh_degree=degree, refine=2).scene.sh_degree == degree


def test_views_marked_as_tests_judge_and_are_not_fitted(scene: AnchorScene) -> None:
    cameras = around(10)
    marked = [replace(c, split="test" if n in (2, 5) else "train") for n, c in enumerate(cameras)]
    views = split_views(tensors_of(scene), marked, WHITE)
    assert [camera.name for camera in views.judged] == ["v02", "v05"]
    assert len(views.fitted) == 8
    single = split_views(tensors_of(scene), cameras[:1], WHITE)
    assert single.fitted == single.judged == (cameras[0],)


def test_a_scene_with_distances_and_a_bank_is_baked_from_made_up_cameras() -> None:
    stages: list[str] = []

    def progress(stage: str, done: int, total: int) -> None:
        assert 0 < done <= total
        stages.append(stage)

    baked = bake(random_anchors(20, BANK, spread=40), refine=2, progress=progress)
    baked.scene.validate()
    assert baked.num_views == 8
    assert list(dict.fromkeys(stages)) == ["place cameras", "look at slots", "refine"]


def test_rough_gaussians_have_one_colour_each() -> None:
    rough = rough_gaussians(random_anchors(30, SHAPE))
    rough.validate()
    assert rough.sh_degree == 0


def test_what_cannot_be_baked_is_refused(scene: AnchorScene) -> None:
    with pytest.raises(SceneError, match=r"expected 0 \.\. 3"):
        bake(scene, around(), sh_degree=4)
    with pytest.raises(SceneError, match="no cameras"):
        bake(scene, [])
    with pytest.raises(SceneError, match="no Gaussian of the scene is seen"):
        bake(replace(scene, masks=np.zeros_like(scene.masks)), around())
    behind = [look_at((300.0, 0.0, 0.0), focal=0.5), look_at((0.0, 300.0, 0.0), focal=0.5)]
    far = replace(scene, anchors=scene.anchors + np.float32(900), voxel_size=None)
    with pytest.raises(SceneError, match="no Gaussian of the scene is seen"):
        bake(far, [replace(camera, width=4, height=4, cx=2, cy=2) for camera in behind])
