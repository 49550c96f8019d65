from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from hemgs_codec.compact import compact, training_views
from hemgs_codec.render import Camera, render
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.views import cloud, look_at

WHITE = (1.0, 1.0, 1.0)
EYES = [(2.0, 1.0, 0.7), (-1.5, 1.5, 1.0), (0.5, -2.2, 0.4)]
VIEWS = [look_at(eye) for eye in EYES]


def joined(*scenes: GaussianScene) -> GaussianScene:
    return GaussianScene(
        *(np.concatenate([getattr(s, f.name) for s in scenes]) for f in fields(GaussianScene))
    )


def worst(one: GaussianScene, two: GaussianScene, views: list[Camera] = VIEWS) -> float:
    pairs = [(render(one, view, WHITE)[0], render(two, view, WHITE)[0]) for view in views]
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def test_the_ratio_is_kept() -> None:
    scene = cloud(120, 1)
    for ratio, left in ((1.0, 120), (1.5, 80), (4.0, 30)):
        result = compact(scene, VIEWS, WHITE, target=ratio)
        assert result.scene.num_gaussians == left
        gone = result.num_unseen + result.num_pruned + result.num_merged
        assert gone == result.num_input - left == 120 - left
        result.scene.validate()


def test_at_least_one_gaussian_is_left() -> None:
    scene = cloud(12, 2)
    assert compact(scene, VIEWS, WHITE, target=1e9).scene.num_gaussians == 1
    everything_goes = compact(scene, VIEWS, WHITE, target="auto", lambda_=1e12)
    assert everything_goes.scene.num_gaussians >= 1


def test_a_target_of_one_changes_nothing() -> None:
    scene = cloud(30, 3)
    result = compact(scene, VIEWS, WHITE, target=1)
    assert all(np.array_equal(getattr(scene, f.name), getattr(result.scene, f.name)) for f in fields(scene))


def test_what_no_view_sees_goes_first_and_at_no_cost() -> None:
    scene = cloud(60, 4)
    faint = replace(cloud(25, 5), opacity_logits=np.full(25, -8.0, np.float32))
    behind = replace(cloud(5, 6), means=np.full((5, 3), 50.0, np.float32))
    mixed = joined(faint, scene, behind)
    result = compact(mixed, VIEWS, WHITE, target=90 / 60, correct=False)
    assert (result.num_unseen, result.num_pruned, result.num_merged) == (30, 0, 0)
    assert worst(result.scene, mixed) == 0.0
    assert result.mse == 0.0


def test_copies_of_a_gaussian_become_one_that_looks_the_same() -> None:
    apart = np.stack(np.meshgrid([-0.6, 0.0, 0.6], [-0.6, 0.0, 0.6], [-0.4, 0.4]), axis=-1).reshape(-1, 3)
    scene = replace(
        cloud(18, 7, sh_degree=1),
        means=apart.astype(np.float32),
        log_scales=np.full((18, 3), -2.0, np.float32),
        opacity_logits=np.full(18, -2.0, np.float32),
    )
    result = compact(joined(scene, scene), VIEWS, WHITE, target=2, operations="merge", correct=False)
    assert result.num_merged == 18
    assert result.psnr > 50
    assert worst(result.scene, joined(scene, scene)) < 0.03


def test_auto_stops_where_bits_are_worth_less_than_the_error() -> None:
    scene = cloud(150, 8)
    results = [compact(scene, VIEWS, WHITE, lambda_=lambda_) for lambda_ in (1e-4, 1e-2, 1.0)]
    counts = [result.scene.num_gaussians for result in results]
    assert 150 >= counts[0] > counts[1] > counts[2]
    assert all(result.cost <= result.cost_before for result in results)
    assert results[0].mse < results[1].mse < results[2].mse


def test_compaction_is_deterministic_on_any_number_of_threads() -> None:
    scene = cloud(100, 9)
    one, two = (compact(scene, VIEWS, WHITE, target=2.5, threads=threads).scene for threads in (1, 2))
    assert all(getattr(one, f.name).tobytes() == getattr(two, f.name).tobytes() for f in fields(scene))


def test_colours_that_are_corrected_come_nearer() -> None:
    scene = cloud(150, 10, sh_degree=1)
    with_, without = (compact(scene, VIEWS, WHITE, target=2, correct=correct) for correct in (True, False))
    assert with_.mse < without.mse
    at_the_end = compact(scene, VIEWS, WHITE, target=2, sweeps=8)
    assert at_the_end.mse < compact(scene, VIEWS, WHITE, target=2, sweeps=0).mse


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    compact(cloud(40, 11), VIEWS, WHITE, target=2, progress=lambda *report: told.append(report))
    assert told[-1] == ("compact", 20, 20)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.parametrize("target", [0.5, 0.0, -2.0, float("nan"), float("inf")])
def test_a_senseless_target_is_refused(target: float) -> None:
    with pytest.raises(SceneError, match="target"):
        compact(cloud(5, 0), VIEWS, WHITE, target=target)


def test_no_camera_is_refused() -> None:
    with pytest.raises(SceneError, match="camera"):
        compact(cloud(5, 0), [], WHITE)


def test_held_out_views_are_not_used() -> None:
    pose = VIEWS[0].world_to_camera
    cameras = [
        Camera(f"{k}", 10, 10, 9.0, 9.0, 5.0, 5.0, pose, "test" if k % 4 == 0 else "train") for k in range(40)
    ]
    chosen = training_views(cameras, 10)
    assert len(chosen) == 10
    assert all(camera.split == "train" for camera in chosen)
    assert len(training_views(cameras, 100)) == 30


def test_what_only_cameras_between_the_rounds_views_see_is_kept() -> None:
    # One view in two looks at the second cluster: rounds that look through the others must not drop it.
    left, right = cloud(40, 12), cloud(40, 13)
    far = replace(right, means=right.means + np.array([0.0, 40.0, 0.0], np.float32))
    pose = np.eye(4)
    pose[:3, 3] = VIEWS[0].world_to_camera[:3, :3] @ np.array([0.0, -40.0, 0.0])
    pose[:3, :3] = VIEWS[0].world_to_camera[:3, :3]
    pose[:3, 3] += VIEWS[0].world_to_camera[:3, 3]
    aside = Camera("aside", 60, 44, 50.0, 45.0, 31.5, 21.5, pose)
    result = compact(joined(left, far), [VIEWS[0], aside], WHITE, target=1.5, views=1)
    assert (result.scene.means[:, 1] > 20).sum() >= 20
