"""hemgs train, and hemgs encode of what it leaves and of others' folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_codec.anchors.write import write_anchor_scene
from hemgs_codec.model.units import LAMBDA_MIN
from tests.cli.test_main import run
from tests.train.sets import write_blender

OPTIONS = (
    *("--iterations", "120", "--points", "40", "--features", "8", "--slots", "3", "--context", "4"),
    *("--threads", "1", "--json"),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "ball"
    write_blender(folder, 8, 2)
    return folder


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert run("train", str(photos), "-o", str(folder), *OPTIONS) == 0
    return folder


def test_a_trained_folder_is_encoded_decoded_and_judged(
    photos: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, back = tmp_path / "ball.hgs", tmp_path / "back"
    capsys.readouterr()
    assert run("encode", str(trained), "--lambda", "4e-3", "-o", str(file), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file_bytes"] == file.stat().st_size
    scene = read_anchor_scene(trained)
    assert told["num_anchors"] == scene.num_anchors
    assert run("decode", str(file), "-o", str(back)) == 0
    assert read_anchor_scene(back).num_anchors == scene.num_anchors
    capsys.readouterr()
    cameras, images = str(trained / "cameras.json"), str(photos / "test")
    judged = ("--cameras", cameras, "--images", images, "--background", "white", "--json")
    assert run("eval", str(file), *judged, "--metric", "psnr") == 0
    assert json.loads(capsys.readouterr().out)["psnr_photo_decoded"] > 5


def test_training_again_into_the_same_folder_needs_resume(
    photos: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", str(photos), "-o", str(trained), *OPTIONS) == 1
    assert "--resume" in capsys.readouterr().err
    assert run("train", str(photos), "-o", str(trained), *OPTIONS, "--resume") == 0


def test_a_folder_of_others_gets_a_fit(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = read_anchor_scene(trained)
    folder, file = tmp_path / "scaffold", tmp_path / "scaffold.hgs"
    write_anchor_scene(folder, scene)
    options = ("--iterations", "5", "--no-cache", "--json", "-o", str(file))
    capsys.readouterr()
    assert run("encode", str(folder), *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert any("no cameras" in note for note in told["notes"])
    assert run("encode", str(folder), *options, "--force", "--cameras", str(trained / "cameras.json")) == 0
    assert run("decode", str(file), "-o", str(tmp_path / "back")) == 0
    back = read_anchor_scene(tmp_path / "back")
    assert sorted(back.anchors.tolist()) == sorted(scene.anchors.tolist())
    assert back.voxel_size == np.float32(scene.voxel_size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--compact", "auto"), "--compact is for plain 3DGS scenes"),
        (("--iterations", "5"), "brings its own entropy model"),
    ],
)
def test_options_that_make_no_sense_for_a_folder_are_refused(
    trained: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encode", str(trained), "-o", "never.hgs", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_range_of_lambda_beyond_the_format_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert run("train", str(photos), "-o", out, "--lambda-range", str(LAMBDA_MIN / 2), "1e-3") == 1
    assert "lambda range" in capsys.readouterr().err
    assert not Path(out).exists()


def test_a_folder_without_photos_is_no_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", str(tmp_path), "-o", str(tmp_path / "out")) == 1
    assert str(tmp_path) in capsys.readouterr().err
