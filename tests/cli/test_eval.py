"""`hemgs eval`: figures of a file beside its original and the photos, and what it says of what is amiss."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemgs_cli import main as command_line
from hemgs_codec import write_ply
from hemgs_codec.cameras import views_of
from hemgs_codec.evaluate import PAIRS
from hemgs_codec.metrics import flip, psnr, ssim
from hemgs_codec.photos import read_photo
from hemgs_codec.render import Camera, render
from hemgs_codec.render.eight_bit import UInt8Array, eight_bit
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.views import cloud, look_at

WIDTH, HEIGHT, VIEWS = 60, 44, 9


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as exit_info:
        command_line.main([str(a) for a in arguments])
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


def cameras() -> list[Camera]:
    return [look_at((2.0, 1.0 - 0.2 * n, 0.5)) for n in range(VIEWS)]


def worse(scene: GaussianScene) -> GaussianScene:
    return GaussianScene(
        scene.means,
        scene.log_scales,
        scene.quats,
        scene.opacity_logits,
        np.round(scene.sh0 * 4) / np.float32(4),
        scene.shN,
    )


def photo(number: int) -> UInt8Array:
    noise = np.random.default_rng(number).normal(0, 0.05, (HEIGHT, WIDTH, 3)).astype(np.float32)
    return eight_bit(render(cloud(60, 1), cameras()[number], (1.0, 1.0, 1.0))[0] + noise)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Original, decoded, cameras v0 .. v8 and the photos of those held out, v0 and v8."""
    write_ply(cloud(60, 1), tmp_path / "scene.ply")
    write_ply(worse(cloud(60, 1)), tmp_path / "decoded.ply")
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
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    (tmp_path / "images").mkdir()
    for number in (0, 8):
        Image.fromarray(photo(number)).save(tmp_path / "images" / f"v{number}.png")
    return tmp_path


def evaluate(folder: Path, *more: str | Path) -> tuple[str | Path, ...]:
    names = ("decoded.ply", "--reference", "scene.ply", "--cameras", "cameras.json")
    paths = (folder / name if "." in name else name for name in names)
    return ("eval", *paths, "--background", "white", *more)


def opened(file: Path) -> UInt8Array:
    with Image.open(file) as image:
        return np.asarray(image)


def result(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    parsed = json.loads(capsys.readouterr().out)
    assert isinstance(parsed, dict)
    return parsed


def test_figures_are_the_metrics_of_renders_and_photos(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*evaluate(folder, "--images", folder, "--json")) == 0
    found = result(capsys)
    assert [view["name"] for view in found["views"]] == ["v0", "v8"]
    for number, view in zip((0, 8), found["views"], strict=True):
        before, after = (
            eight_bit(render(scene, cameras()[number], (1.0, 1.0, 1.0))[0])
            for scene in (cloud(60, 1), worse(cloud(60, 1)))
        )
        pairs = ((before, after), (photo(number), before), (photo(number), after))
        for pair, images in zip(PAIRS, pairs, strict=True):
            for metric in (psnr, ssim, flip):
                assert view[f"{metric.__name__}_{pair}"] == pytest.approx(metric(*images), abs=0.01)
    for key in found["views"][0].keys() - {"name"}:
        assert found[key] == pytest.approx(np.mean([view[key] for view in found["views"]]))
    size = (folder / "decoded.ply").stat().st_size
    assert (found["file_bytes"], found["num_views"], found["ratio"]) == (size, 2, 1.0)
    assert found["bits_per_gaussian"] == 8 * size / 60


def test_a_compressed_file_is_judged_on_views_made_up_where_none_are_given(
    tmp_path: Path, tiny_scene: GaussianScene, tiny_file: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ply(tiny_scene, tmp_path / "scene.ply")
    (tmp_path / "scene.hgs").write_bytes(tiny_file)
    arguments = ("eval", tmp_path / "scene.hgs", "--reference", tmp_path / "scene.ply", "-m", "psnr")
    assert run(*arguments) == 0
    text = capsys.readouterr().out
    assert "32 views made up from the scene itself" in text
    assert "SSIM" not in text
    assert f"{len(tiny_file):,} bytes" in text


def test_equal_scenes_have_no_psnr_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = folder / "scene.ply"
    assert run("eval", scene, "--reference", scene, "--cameras", folder, "-m", "psnr", "--json") == 0
    found = result(capsys)
    assert found["psnr_vs_original"] is None
    assert "psnr_photo_original" not in found
    assert run("eval", scene, "--reference", scene, "--cameras", folder, "-m", "psnr") == 0
    assert "equal" in capsys.readouterr().out


def test_a_sheet_shows_photo_original_decoded_and_error(folder: Path) -> None:
    sheet = folder / "sheet.png"
    assert run(*evaluate(folder, "--images", folder, "--sheet", sheet, "-m", "psnr")) == 0
    pixels = opened(sheet).astype(int)
    assert pixels.shape == (2 * (14 + HEIGHT + 4), 4 * (WIDTH + 4) - 4, 3)
    cells = [pixels[14 : 14 + HEIGHT, left : left + WIDTH] for left in range(0, pixels.shape[1], WIDTH + 4)]
    assert any((cells[0] == photo(number)).all() for number in (0, 8))
    assert (cells[3] == np.minimum(10 * np.abs(cells[1] - cells[2]), 255)).all()
    assert run(*evaluate(folder, "--sheet", sheet, "-m", "psnr")) == 1
    assert run(*evaluate(folder, "--sheet", sheet, "-m", "psnr", "--force")) == 0
    assert opened(sheet).shape[1] == 3 * (WIDTH + 4) - 4


def test_missing_photos_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*evaluate(folder, "--images", folder, "--split", "all")) == 1
    assert "lacks 7 of 9 photos: v1, v2, v3, v4, v5 and 2 more" in capsys.readouterr().err


def test_photos_of_another_size_are_refused_with_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (120, 88)).save(folder / "images" / "v8.png")
    assert run(*evaluate(folder, "--images", folder)) == 1
    assert "v8.png has 120 by 88 pixels, its camera 60 by 44" in capsys.readouterr().err


def test_damaged_photos_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "images" / "v8.png"
    file.write_bytes(file.read_bytes()[:200])
    assert run(*evaluate(folder, "--images", folder)) == 1
    assert capsys.readouterr().err.startswith("hemgs: ")
    file.write_bytes(b"no image")
    assert run(*evaluate(folder, "--images", folder)) == 1
    assert "v8.png" in capsys.readouterr().err


def test_images_without_cameras_are_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = folder / "scene.ply"
    assert run("eval", scene, "--reference", scene, "--images", folder) == 2
    assert "--images needs --cameras" in capsys.readouterr().err


def test_a_missing_package_is_told_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    (folder / "decoded.ply").write_bytes(b"not even a scene")
    assert run(*evaluate(folder)) == 1
    error = capsys.readouterr().err
    assert "hemgs-codec[eval]" in error
    assert error.count("\n") == 1


def test_transparent_photos_are_laid_on_the_background(tmp_path: Path) -> None:
    pixels = np.zeros((2, 1, 4), np.uint8)
    pixels[:, 0] = [[200, 100, 0, 255], [200, 100, 0, 51]]
    Image.fromarray(pixels).save(tmp_path / "r_0.png")
    white = read_photo(tmp_path / "r_0.png", (1.0, 1.0, 1.0))
    black = read_photo(tmp_path / "r_0.png")
    assert white[:, 0].tolist() == [[200, 100, 0], [244, 224, 204]]
    assert black[:, 0].tolist() == [[200, 100, 0], [40, 20, 0]]


def test_training_views_alone_leave_none_to_judge_by() -> None:
    train = [Camera(f"{n}", 4, 4, 5.0, 5.0, 2.0, 2.0, np.eye(4), "train") for n in range(9)]
    assert len(views_of(train, "all")) == 9
    with pytest.raises(SceneError, match="all 9 are marked train"):
        views_of(train, "test")
