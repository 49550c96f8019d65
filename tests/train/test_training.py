"""Training: it converges, resumes to the same bytes, branches, and its result is coded at any lambda."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hemgs_codec import AnchorScene, decode, encode_anchors
from hemgs_codec.model.units import LAMBDA_MIN
from hemgs_codec.train.dataset import Dataset, load_dataset
from hemgs_codec.train.loss import loss_against, torch_loss
from hemgs_codec.train.options import LEAST_HASHED, RateOptions, SceneOptions, check_options, has_hash
from hemgs_codec.train.result import read_result
from hemgs_codec.train.run import CHECKPOINT_NAME, LOG_NAME, train
from hemgs_codec.train.schedule import Schedule
from hemgs_codec.train.trainer import Trainer
from hemgs_format.errors import SceneError
from tests.train.sets import write_blender

SCENE = SceneOptions(iterations=300, features=8, slots=4, points=60, max_anchors=200)
RATE = RateOptions(batch=64, context=4, hidden=8, slice_hidden=8)


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("balls")
    write_blender(folder, 12, 3)
    return load_dataset(folder)


@pytest.fixture(scope="module")
def run(balls: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train once, uninterrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train(balls, folder, SCENE, RATE, threads=1) is not None
    return folder


def test_the_torch_loss_is_the_compiled_one() -> None:
    rng = np.random.default_rng(0)
    image, target = rng.random((20, 24, 3), np.float32), rng.random((20, 24, 3), np.float32)
    compiled = torch.from_numpy(image).requires_grad_()
    plain = torch.from_numpy(image).requires_grad_()
    first, second = loss_against(compiled, target), torch_loss(plain, torch.from_numpy(target))
    first.backward()  # type: ignore[no-untyped-call]
    second.backward()  # type: ignore[no-untyped-call]
    assert float(first.detach()) == pytest.approx(float(second.detach()), rel=1e-5)
    torch.testing.assert_close(compiled.grad, plain.grad, rtol=1e-3, atol=1e-7)


def test_phases_follow_each_other_and_anchors_stand_still_in_the_last() -> None:
    schedule = Schedule(10_000)
    phases = [schedule.phase(i) for i in range(10_000)]
    assert phases == sorted(phases, key=["clean", "noise", "rate"].index)
    assert {"clean", "noise", "rate"} == set(phases)
    assert any(schedule.grows(i) for i in range(schedule.rate_from))
    assert not any(schedule.grows(i) or schedule.counts(i) for i in range(schedule.rate_from, 10_000))


def test_training_comes_near_the_photos(balls: Dataset, run: Path) -> None:
    lines = [json.loads(line) for line in (run / LOG_NAME).read_text().splitlines()]
    first = Trainer(balls, SCENE, RATE).test_psnr()
    trainer = Trainer(balls, SCENE, RATE)
    trainer.load(torch.load(run / CHECKPOINT_NAME, weights_only=True))
    assert trainer.test_psnr() > first + 5
    assert lines[-1]["iteration"] == SCENE.iterations
    assert lines[-1]["phase"] == "rate"
    assert lines[-1]["bits"] > 0


def test_a_training_that_was_stopped_goes_on_to_the_same_result(
    balls: Dataset, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    for until in (31, 170, 260):
        assert train(balls, folder, SCENE, RATE, resume=True, until=until, threads=1) is None
    assert train(balls, folder, SCENE, RATE, resume=True, threads=1) is not None
    for name in ("entropy.fit", "cameras.json", "point_cloud/iteration_300/point_cloud.ply"):
        assert (folder / name).read_bytes() == (run / name).read_bytes(), name
    steps = [
        [json.loads(line)["iteration"] for line in (f / LOG_NAME).read_text().splitlines()]
        for f in (folder, run)
    ]
    assert steps[0] == sorted(set(steps[0]))
    assert set(steps[1]) <= set(steps[0])


def test_a_result_is_coded_at_any_lambda_and_larger_ones_are_smaller(run: Path) -> None:
    finished = read_result(run)
    assert finished is not None
    sizes = []
    for lambda_ in (5e-4, 2e-3, 8e-3):
        data = encode_anchors(
            finished.scene, lambda_=lambda_, fitted=finished.fitted, importance=finished.importance
        )
        back = decode(data)
        assert isinstance(back, AnchorScene)
        assert back.num_anchors == finished.scene.num_anchors
        assert {tuple(a) for a in back.anchors.tolist()} == {
            tuple(a) for a in finished.scene.anchors.tolist()
        }
        assert back.masks.sum() == finished.scene.masks.sum()
        sizes.append(len(data))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


@pytest.mark.parametrize(
    "rate",
    [
        replace(
            RATE,
            use_context=False,
            use_earlier=False,
            use_importance=False,
            tie_steps=True,
            masks="learned",
            grid_bits=8.0,
            lambda_range=(2e-3, 2e-3),
        ),
        replace(RATE, order="tiers", context=1, use_hash=False),
        replace(RATE, use_hash=True, grid_bits=8.0),
        replace(RATE, lambda_samples=2, masks="none", order="raster", window=5),
    ],
    ids=["hac", "contextgs", "hash grid", "mean loss, raster, small window, no masks"],
)
def test_other_entropy_models_branch_from_the_same_scene(
    balls: Dataset, run: Path, rate: RateOptions, tmp_path: Path
) -> None:
    finished = train(balls, tmp_path / "branch", SCENE, rate, branch_from=run, threads=1)
    assert finished is not None
    data = encode_anchors(finished.scene, fitted=finished.fitted, importance=finished.importance)
    back = decode(data)
    assert isinstance(back, AnchorScene)
    assert back.num_anchors == finished.scene.num_anchors
    assert bool(finished.fitted.model.spec.levels) == has_hash(rate, back.num_anchors)
    if rate.masks == "none":
        assert back.masks.all()


def test_a_folder_with_another_training_is_refused(balls: Dataset, run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="--resume"):
        train(balls, run, SCENE, RATE)
    with pytest.raises(SceneError, match="slots is 4, not 5"):
        train(balls, run, replace(SCENE, slots=5), RATE, resume=True)
    with pytest.raises(SceneError, match="expected"):
        train(balls, tmp_path / "other", replace(SCENE, features=16), RATE, branch_from=run)


def test_a_damaged_checkpoint_is_refused(balls: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(balls, folder, SCENE, RATE, until=1, threads=1)
    checkpoint = folder / CHECKPOINT_NAME
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(SceneError, match=r"checkpoint\.pt is damaged"):
        train(balls, folder, SCENE, RATE, resume=True)


def test_a_fit_of_another_scene_is_refused(run: Path, tmp_path: Path) -> None:
    finished = read_result(run)
    assert finished is not None
    import shutil

    from hemgs_codec.anchors.write import write_anchor_scene

    shutil.copytree(run, tmp_path / "run")
    moved = replace(finished.scene, features=finished.scene.features + np.float32(1))
    write_anchor_scene(tmp_path / "run", moved, iteration=300, force=True)
    with pytest.raises(SceneError, match="another scene"):
        read_result(tmp_path / "run")


@pytest.mark.parametrize(
    ("scene", "rate", "message"),
    [
        (SCENE, replace(RATE, lambda_range=(LAMBDA_MIN / 2, 1e-3)), "lambda range"),
        (SCENE, replace(RATE, lambda_range=(4e-3, 1e-3)), "lambda range"),
        (replace(SCENE, voxel_size=-1.0), RATE, "voxel size"),
        (replace(SCENE, growth_gradient=0.0), RATE, "growth gradient"),
    ],
)
def test_impossible_options_are_refused(scene: SceneOptions, rate: RateOptions, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        check_options(scene, rate)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_a_gpu_trains_as_well_as_the_cpu(balls: Dataset, run: Path, tmp_path: Path) -> None:
    assert train(balls, tmp_path / "gpu", SCENE, RATE, device="cuda") is not None
    lines = [(folder / LOG_NAME).read_text().splitlines()[-1] for folder in (tmp_path / "gpu", run)]
    gpu, cpu = (json.loads(line)["loss"] for line in lines)
    assert gpu == pytest.approx(cpu, rel=0.2)


@pytest.mark.parametrize(
    ("rate", "anchors", "expected"),
    [
        (RATE, LEAST_HASHED - 1, False),
        (RATE, LEAST_HASHED, True),
        (replace(RATE, use_context=False), 1, True),
        (replace(RATE, use_hash=True), 1, True),
        (replace(RATE, use_hash=False), LEAST_HASHED, False),
    ],
)
def test_a_hash_grid_is_where_it_may_pay(rate: RateOptions, anchors: int, expected: bool) -> None:
    assert has_hash(rate, anchors) == expected
