"""Cameras from each kind of file: one view, written in every convention, reads the same."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hemgs_codec.cameras import held_out, read_cameras
from hemgs_codec.render import Camera
from hemgs_format.errors import SceneError
from tests.small import ROOT

ANGLE = 0.7
WIDTH, HEIGHT, FOCAL = 40, 30, 55.0


def camera_to_world() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(ANGLE), 0, np.sin(ANGLE)], [0, 1, 0], [-np.sin(ANGLE), 0, np.cos(ANGLE)]]
    pose[:3, 3] = [1.0, -2.0, 3.0]
    return pose


def write_inria(folder: Path) -> None:
    pose = camera_to_world()
    entry = {
        "id": 0,
        "img_name": "b.png",
        "width": WIDTH,
        "height": HEIGHT,
        "position": pose[:3, 3].tolist(),
        "rotation": pose[:3, :3].tolist(),
        "fx": FOCAL,
        "fy": FOCAL,
    }
    (folder / "cameras.json").write_text(json.dumps([entry]))


def transform_matrix() -> list[list[float]]:
    matrix: list[list[float]] = (camera_to_world() @ np.diag([1, -1, -1, 1])).tolist()
    return matrix


def write_blender(folder: Path) -> None:
    content = {
        "camera_angle_x": 2 * np.arctan(WIDTH / 2 / FOCAL),
        "frames": [{"file_path": "./train/b", "transform_matrix": transform_matrix()}],
    }
    (folder / "transforms_train.json").write_text(json.dumps(content))
    (folder / "train").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "train" / "b.png")


def write_nerfstudio(folder: Path) -> None:
    content = {
        "camera_model": "OPENCV",
        "k1": 0.0,
        "w": WIDTH,
        "h": HEIGHT,
        "fl_x": FOCAL,
        "fl_y": FOCAL,
        "cx": WIDTH / 2,
        "cy": HEIGHT / 2,
        "frames": [{"file_path": "images/b.png", "transform_matrix": transform_matrix()}],
    }
    (folder / "transforms.json").write_text(json.dumps(content))


def colmap_pose() -> tuple[list[float], list[float]]:
    inverse = np.linalg.inv(camera_to_world())
    return [np.cos(ANGLE / 2), 0.0, -np.sin(ANGLE / 2), 0.0], inverse[:3, 3].tolist()


def write_colmap_text(folder: Path, model: str = "SIMPLE_PINHOLE", extra: str = "") -> None:
    folder = folder / "sparse" / "0"
    folder.mkdir(parents=True)
    quat, translation = colmap_pose()
    lens = f"# cameras\n7 {model} {WIDTH} {HEIGHT} {FOCAL} {WIDTH / 2} {HEIGHT / 2}{extra}\n"
    (folder / "cameras.txt").write_text(lens)
    numbers = " ".join(str(float(value)) for value in [*quat, *translation])
    (folder / "images.txt").write_text(f"# images\n1 {numbers} 7 sub/b.png\n1.0 2.0 -1\n")


def write_colmap_binary(folder: Path) -> None:
    folder = folder / "sparse" / "0"
    folder.mkdir(parents=True)
    quat, translation = colmap_pose()
    lens = struct.pack("<QiiQQ4d", 1, 7, 1, WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)
    (folder / "cameras.bin").write_bytes(lens)
    image = struct.pack("<Qi7di", 1, 1, *quat, *translation, 7) + b"sub/b.png\0"
    (folder / "images.bin").write_bytes(image + struct.pack("<Q2dq", 1, 1.0, 2.0, -1))


WRITERS = {
    "3DGS": write_inria,
    "Blender": write_blender,
    "nerfstudio": write_nerfstudio,
    "COLMAP text": write_colmap_text,
    "COLMAP binary": write_colmap_binary,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_one_view_reads_the_same_from_every_kind_of_file(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path)
    (camera,) = read_cameras(tmp_path)
    assert Path(camera.name).stem == "b"
    assert (camera.width, camera.height) == (WIDTH, HEIGHT)
    found = (camera.fx, camera.fy, camera.cx, camera.cy)
    assert found == pytest.approx((FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2))
    np.testing.assert_allclose(camera.world_to_camera, np.linalg.inv(camera_to_world()), atol=1e-9)
    np.testing.assert_allclose(camera.position, [1.0, -2.0, 3.0], atol=1e-9)
    assert camera.split == ("train" if kind == "Blender" else None)


def test_other_colmap_lenses_are_refused_by_name(tmp_path: Path) -> None:
    write_colmap_text(tmp_path, "OPENCV", " 0 0 0 0 0")
    with pytest.raises(SceneError, match="OPENCV isn't a plain pinhole: undistort"):
        read_cameras(tmp_path)


def test_nerfstudio_lenses_that_distort_are_refused(tmp_path: Path) -> None:
    write_nerfstudio(tmp_path)
    file = tmp_path / "transforms.json"
    file.write_text(file.read_text().replace('"k1": 0.0', '"k1": 0.1'))
    with pytest.raises(SceneError, match=r"distorts \(k1\): undistort"):
        read_cameras(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1]", '[{"width": 4}]', "[" * 100_000, '[{"width": NaN, "height": 3}]', '"x"', "null"],
)
@pytest.mark.parametrize("name", ["cameras.json", "transforms_test.json"])
def test_damaged_json_is_refused(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SceneError, match=name):
        read_cameras(tmp_path / name)


@pytest.mark.parametrize("kind", ["COLMAP binary", "COLMAP text"])
def test_a_colmap_model_cut_anywhere_is_refused_or_whole(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path)
    for file in (tmp_path / "sparse" / "0").iterdir():
        whole = file.read_bytes()
        for length in range(0, len(whole) - 30, 7):
            file.write_bytes(whole[:length])
            with pytest.raises(SceneError):
                read_cameras(tmp_path)
        file.write_bytes(whole)


def test_a_folder_without_cameras_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="expected cameras"):
        read_cameras(tmp_path)


def test_views_held_out_are_those_marked_or_every_eighth() -> None:
    def view(number: int, split: str | None) -> Camera:
        return Camera(f"{number:02d}", 4, 4, 5.0, 5.0, 2.0, 2.0, np.eye(4), split)

    plain = [view(n, None) for n in reversed(range(20))]
    assert [camera.name for camera in held_out(plain)] == ["00", "08", "16"]
    marked = [view(0, "train"), view(1, "test"), view(2, "test")]
    assert [camera.name for camera in held_out(marked)] == ["01", "02"]


SHARED = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scenes that can't be in the repository aren't here")
@pytest.mark.parametrize(
    ("folder", "count", "tests"),
    [
        ("nerf_synthetic/chair", 125, 25),
        ("colmap/desk", 29, 4),
        ("colmap/bonsai", 292, 37),
        ("splats/raw/desk", 29, 4),
    ],
)
def test_cameras_of_real_scenes(folder: str, count: int, tests: int) -> None:
    cameras = read_cameras(SHARED / folder)
    assert len(cameras) == count
    assert len(held_out(cameras)) == tests
