"""`hemgs decode`, `render` and `eval` of anchor scenes: folders, baking, and what is said of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemgs_codec.anchors.neural import tensors_of
from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_codec.anchors.render import render_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.bake import STEPS
from hemgs_codec.decoder import decode
from hemgs_codec.ply import read_ply
from hemgs_codec.render import Camera
from hemgs_codec.render.eight_bit import eight_bit
from tests.anchors.small import random_anchors, random_file
from tests.cli.test_main import run
from tests.small import ROOT
from tests.views import look_at

WHITE = (1.0, 1.0, 1.0)
GAUSSIANS = (ROOT / "format" / "vectors" / "valid" / "one-gaussian.hgs").read_bytes()


def cameras() -> list[Camera]:
    return [look_at((2.0, 1.0 - 0.3 * n, 0.5)) for n in range(9)]


@pytest.fixture(scope="module")
def coded() -> tuple[AnchorScene, bytes]:
    data = random_file(random_anchors(40, spread=50))
    scene = decode(data)
    assert isinstance(scene, AnchorScene)
    return scene, data


@pytest.fixture
def folder(coded: tuple[AnchorScene, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """scene.hgs, its cameras, and the photos of those held out, which are what it looks like."""
    scene, data = coded
    monkeypatch.chdir(tmp_path)
    Path("scene.hgs").write_bytes(data)
    entries = [
        {
            "img_name": f"v{number}",
            "width": camera.width,
            "height": camera.height,
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
            "position": camera.position.tolist(),
            "rotation": camera.world_to_camera[:3, :3].T.tolist(),
        }
        for number, camera in enumerate(cameras())
    ]
    Path("cameras.json").write_text(json.dumps(entries))
    Path("images").mkdir()
    for number in (0, 8):
        pixels = eight_bit(render_anchors(tensors_of(scene), cameras()[number], WHITE))
        pixels[0] = 255 - pixels[0]
        Image.fromarray(pixels).save(f"images/v{number}.png")
    return tmp_path


def output(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_anchors_are_decoded_to_a_folder_that_reads_back(
    coded: tuple[AnchorScene, bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, data = coded
    assert run("decode", "scene.hgs", "--json") == 0
    found = output(capsys)
    back = read_anchor_scene(folder / "scene")
    for name in ("anchors", "features", "log_scales", "masks"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scene, name))
    written = [path for path in (folder / "scene").rglob("*") if path.is_file()]
    assert found["output"] == "scene"
    assert found["num_anchors"] == scene.num_anchors
    assert found["file_bytes"] == len(data)
    assert found["output_bytes"] == sum(path.stat().st_size for path in written)
    assert run("decode", "scene.hgs", "-o", "again", "--as", "scaffold") == 0
    assert f"again: {scene.num_anchors} anchors" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_replaced_only_by_force(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "scene").mkdir()
    (folder / "empty").mkdir()
    (folder / "scene" / "cfg_args").write_text("kept")
    assert run("decode", "scene.hgs") == 1
    assert "--force" in capsys.readouterr().err
    assert files(folder / "scene") == ["cfg_args"]
    assert run("decode", "scene.hgs", "--force") == 0
    assert run("decode", "scene.hgs", "--force") == 0
    assert (folder / "scene" / "cfg_args").read_text() == "kept"
    assert run("decode", "scene.hgs", "-o", "empty") == 0
    assert read_anchor_scene(folder / "empty").num_anchors == 40
    assert not list(folder.glob(".*"))


def test_baking_writes_a_plain_ply_and_says_how_near_it_comes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bake = ("decode", "scene.hgs", "--as", "3dgs", "--cameras", "cameras.json", "--background", "white")
    assert run(*bake, "--bake-steps", "5", "--json") == 0
    found = output(capsys)
    scene = read_ply(folder / "scene.ply")
    assert scene.sh_degree == 3
    assert found["num_gaussians"] == scene.num_gaussians
    assert found["output_bytes"] == (folder / "scene.ply").stat().st_size
    assert found["cameras"] == "cameras.json"
    assert found["num_views"] == 2
    assert 25 < found["psnr_averaged"] < found["psnr_vs_anchors"] + 1
    assert run(*bake, "--bake-steps", "0", "-o", "quick.ply") == 0
    err = capsys.readouterr().err
    assert f"quick.ply: {scene.num_gaussians} Gaussians" in err
    assert f"baked: {found['psnr_averaged']:.2f} dB to the anchor scene's renders" in err
    assert "2 held-out views of cameras.json" in err

    eval_baked = ("eval", "scene.ply", "--reference", "scene.hgs", "--cameras", "cameras.json", "-m", "psnr")
    assert run(*eval_baked, "--background", "white", "--json") == 0
    assert output(capsys)["psnr_vs_original"] == pytest.approx(found["psnr_vs_anchors"], abs=1e-9)


def test_baking_works_in_pipes_and_without_cameras(
    coded: tuple[AnchorScene, bytes],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(coded[1])))
    assert run("decode", "-", "--as", "3dgs", "--bake-steps", "0") == 0
    captured = capfdbinary.readouterr()
    assert captured.out.startswith(b"ply\nformat binary_little_endian")
    assert b"held-out views made up" in captured.err


def test_help_has_the_librarys_number_of_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", "--help") == 0
    assert f"[default: {STEPS}]" in " ".join(capsys.readouterr().out.split())


def test_files_of_gaussians_are_decoded_as_ever(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.hgs").write_bytes(GAUSSIANS)
    assert run("decode", "plain.hgs") == 0
    assert run("decode", "plain.hgs", "-o", "again.ply", "--as", "3dgs") == 0
    assert "baked" not in capsys.readouterr().err
    assert Path("plain.ply").read_bytes() == Path("again.ply").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plain.hgs", "--as", "scaffold"), "holds plain Gaussians"),
        (("scene.hgs", "-o", "-"), "can't go to standard output"),
        (("scene.hgs", "-o", "scene.hgs"), "is the input"),
        (("scene.hgs", "--cameras", "cameras.json"), "--cameras is for baking"),
        (("scene.hgs", "--as", "scaffold", "--bake-steps", "4"), "--bake-steps is for baking"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(
    arguments: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plain.hgs").write_bytes(GAUSSIANS)
    before = files(folder)
    assert run("decode", *arguments) == 2
    assert message in capsys.readouterr().err
    assert files(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "images/v0.png"), "is a file"),
        (("-o", "nowhere/scene"), "doesn't exist"),
        (("--as", "3dgs", "-o", "images"), "is a directory"),
        (("--as", "3dgs", "--cameras", "images"), "holds no cameras"),
    ],
)
def test_what_cannot_be_written_or_read_is_told_in_one_line(
    arguments: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(folder)
    assert run("decode", "scene.hgs", *arguments) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(folder) == before


def test_files_and_folders_of_anchors_are_rendered_alike(
    coded: tuple[AnchorScene, bytes], folder: Path
) -> None:
    assert run("decode", "scene.hgs", "-o", "run") == 0
    for source in ("scene.hgs", "run"):
        views = ("--cameras", "cameras.json", "--background", "white", "-o", f"{source}-views")
        assert run("render", source, *views) == 0
    expected = eight_bit(render_anchors(tensors_of(coded[0]), cameras()[8], WHITE))
    for source in ("scene.hgs", "run"):
        with Image.open(f"{source}-views/v8.png") as found:
            assert np.abs(np.asarray(found).astype(int) - expected).max() <= 1


def test_anchors_are_rendered_from_all_around(folder: Path) -> None:
    assert run("render", "scene.hgs", "--orbit", "2", "--size", "40", "30", "-o", "turn") == 0
    for number in range(2):
        with Image.open(f"turn/orbit_000{number}.png") as picture:
            assert np.asarray(picture).max() > 20


def test_anchors_are_judged_by_photos_without_an_original(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = ("--cameras", "cameras.json", "--images", "images", "--background", "white")
    assert run("eval", "scene.hgs", *photos, "--sheet", "sheet.png", "--json") == 0
    found = output(capsys)
    assert found["num_anchors"] == 40
    assert found["reference"] is None
    assert found["ratio"] is None
    assert 5 < found["psnr_photo_decoded"] < 40
    assert 0 < found["ssim_photo_decoded"] < 1
    assert "psnr_vs_original" not in found
    with Image.open("sheet.png") as sheet:
        assert sheet.size == (3 * (60 + 4) - 4, 2 * (14 + 44 + 4))
    assert run("eval", "scene.hgs", *photos, "-m", "psnr") == 0
    out = capsys.readouterr().out
    assert "decoded vs photos" in out
    assert "bits per anchor\n" in out


def test_anchors_are_judged_by_the_folder_that_they_came_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("decode", "scene.hgs", "-o", "run") == 0
    capsys.readouterr()
    size = sum(path.stat().st_size for path in (folder / "run").rglob("*") if path.is_file())
    arguments = ("eval", "scene.hgs", "--reference", "run", "-m", "psnr")
    assert run(*arguments, "--cameras", "cameras.json", "--json") == 0
    found = output(capsys)
    assert found["psnr_vs_original"] is None or found["psnr_vs_original"] > 70
    assert found["reference_bytes"] == size
    assert run(*arguments) == 0
    assert "32 views made up" in capsys.readouterr().out


def test_a_scene_alone_has_nothing_to_be_judged_by(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("eval", "scene.hgs", "--cameras", "cameras.json") == 2
    assert "--reference" in capsys.readouterr().err
