"""`hemgs render`: pictures of the scene and of its file, from cameras of the usual kinds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hemgs_cli import main as command_line
from hemgs_codec import write_ply
from hemgs_codec.render import Camera, render
from hemgs_codec.scene import GaussianScene
from tests.views import cloud, look_at


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as exit_info:
        command_line.main([str(a) for a in arguments])
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


def write_cameras(path: Path, cameras: list[Camera]) -> None:
    entries = [
        {
            "img_name": camera.name,
            "width": camera.width,
            "height": camera.height,
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
            "position": camera.position.tolist(),
            "rotation": camera.world_to_camera[:3, :3].T.tolist(),
        }
        for camera in cameras
    ]
    path.write_text(json.dumps(entries))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_ply(cloud(60, 1), tmp_path / "scene.ply")
    write_cameras(tmp_path / "cameras.json", [look_at((2.0, 1.0 - n, 0.5)) for n in range(3)])
    return tmp_path


def test_a_view_is_what_the_library_renders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "views"
    code = run(
        "render", folder / "scene.ply", "--cameras", folder, "-o", out, "--background", "white", "--json"
    )
    assert code == 0
    assert json.loads(capsys.readouterr().out)["views"] == ["view.png"]
    image, _ = render(cloud(60, 1), look_at((2.0, 1.0, 0.5)), (1.0, 1.0, 1.0))
    found = np.asarray(Image.open(out / "view.png")).astype(int)
    assert np.abs(found - np.clip(image, 0, 1) * 255).max() < 0.51


def test_all_views_have_a_picture_each(folder: Path) -> None:
    out = folder / "views"
    assert run("render", folder / "scene.ply", "--cameras", folder, "-o", out, "--split", "all") == 0
    assert sorted(p.name for p in out.iterdir()) == ["00000_view.png", "00001_view.png", "00002_view.png"]


def test_a_compressed_scene_renders_like_its_original(
    tmp_path: Path, tiny_scene: GaussianScene, tiny_file: bytes
) -> None:
    (tmp_path / "scene.hgs").write_bytes(tiny_file)
    middle = tiny_scene.means.mean(axis=0)
    write_cameras(tmp_path / "cameras.json", [look_at((0.6, 0.2, 0.3), focal=120.0)])
    write_ply(tiny_scene, tmp_path / "scene.ply")
    entries = json.loads((tmp_path / "cameras.json").read_text())
    entries[0]["position"] = (np.array(entries[0]["position"]) + middle).tolist()
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    pictures = []
    for name in ("scene.hgs", "scene.ply"):
        assert (
            run("render", tmp_path / name, "--cameras", tmp_path / "cameras.json", "-o", tmp_path / name[6:])
            == 0
        )
        pictures.append(np.asarray(Image.open(tmp_path / name[6:] / "view.png")).astype(float))
    assert pictures[1].std() > 10
    assert ((pictures[0] - pictures[1]) ** 2).mean() < 0.1 * pictures[1].var()


def test_pictures_are_replaced_only_by_force(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("render", folder / "scene.ply", "--cameras", folder, "-o", folder / "views")
    assert run(*arguments) == 0
    assert run(*arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert run(*arguments, "--force") == 0


def test_a_file_of_cameras_that_is_none_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cameras.json").write_text("{}")
    assert run("render", folder / "scene.ply", "--cameras", folder, "-o", folder / "views") == 1
    assert "expected a list of cameras" in capsys.readouterr().err


def test_an_orbit_is_rendered_from_all_around(folder: Path) -> None:
    out = folder / "views"
    code = run("render", folder / "scene.ply", "--orbit", "3", "--size", "40", "30", "--up", "-y", "-o", out)
    assert code == 0
    assert sorted(p.name for p in out.iterdir()) == ["orbit_0000.png", "orbit_0001.png", "orbit_0002.png"]
    for file in out.iterdir():
        with Image.open(file) as picture:
            assert picture.size == (40, 30)
            assert np.asarray(picture).max() > 50


def test_a_video_needs_ffmpeg(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    video = folder / "turn.mp4"
    assert run("render", folder / "scene.ply", "--orbit", "2", "--video", video) == 1
    assert "needs ffmpeg" in capsys.readouterr().err
    assert not video.exists()
    assert run("render", folder / "scene.ply", "--orbit", "2", "--video", folder / "turn.gif") == 1
    assert "ends in .mp4, .mkv, .mov" in capsys.readouterr().err


def test_a_video_of_views_of_several_sizes_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ffmpeg").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    write_cameras(folder / "cameras.json", [look_at((2, 1, 1)), look_at((2, 1, 1), width=50)])
    arguments = ("render", folder / "scene.ply", "--cameras", folder, "--split", "all")
    assert run(*arguments, "--video", folder / "turn.mp4") == 1
    assert "50 by 44, 60 by 44" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "views"], "--cameras or --orbit"),
        (["--orbit", "2", "--cameras", ".", "-o", "views"], "--cameras or --orbit"),
        (["--orbit", "2"], "give -o"),
        (["--cameras", ".", "--size", "4", "4", "-o", "views"], "--size and --up"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("render", folder / "scene.ply", *arguments) == 2
    assert message in capsys.readouterr().err
