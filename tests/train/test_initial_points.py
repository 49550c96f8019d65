"""First points: those of structure from motion as they are, random ones where the photos show the object."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData, PlyElement

from hemgs_codec.train.dataset import load_dataset
from hemgs_codec.train.initial_points import initial_points, scene_extent
from hemgs_codec.train.photo import read_alpha
from hemgs_codec.train.sfm_points import read_colmap_points, read_ply_points
from hemgs_format.errors import SceneError
from tests.small import ROOT
from tests.train.sets import (
    BALL,
    RADIUS,
    Array,
    points_binary,
    points_text,
    write_blender,
    write_colmap,
    write_nerfstudio,
)


def cloud(count: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(count, 3))


def write_ply(file: Path, points: Array, *, text: bool = False) -> None:
    rows = np.zeros(len(points), [("red", "u1"), ("x", "f8"), ("y", "f8"), ("z", "f8")])
    for axis, column in zip("xyz", points.T, strict=True):
        rows[axis] = column
    PlyData([PlyElement.describe(rows, "vertex")], text=text).write(file)


def test_points_read_the_same_from_binary_text_and_ply(tmp_path: Path) -> None:
    points = cloud(50)
    assert read_colmap_points(tmp_path) is None
    (tmp_path / "points3D.txt").write_text(points_text(points))
    text = read_colmap_points(tmp_path)
    assert text is not None
    np.testing.assert_array_equal(text, points)
    (tmp_path / "points3D.bin").write_bytes(points_binary(points + 1))
    binary = read_colmap_points(tmp_path)
    assert binary is not None
    np.testing.assert_array_equal(binary, points + 1)
    for text_ply in (False, True):
        write_ply(tmp_path / "points.ply", points, text=text_ply)
        np.testing.assert_allclose(read_ply_points(tmp_path / "points.ply"), points, rtol=1e-15)


def test_a_binary_point_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = points_binary(cloud(4))
    for length in range(len(whole)):
        (tmp_path / "points3D.bin").write_bytes(whole[:length])
        with pytest.raises(SceneError, match=r"points3D\.bin is damaged"):
            read_colmap_points(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        points_binary(cloud(3)) + b"\0",
        struct.pack("<Q", 1 << 60) + points_binary(cloud(3))[8:],
        points_binary(cloud(1), 0)[:-8] + struct.pack("<Q", (1 << 64) - 1),
        points_binary(np.array([[0.0, np.nan, 0.0]])),
    ],
)
def test_damaged_binary_points_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "points3D.bin").write_bytes(data)
    with pytest.raises(SceneError, match=r"points3D\.bin"):
        read_colmap_points(tmp_path)


@pytest.mark.parametrize("text", ["1 2 3\n", "1 a 2 3 4\n", "1 0 0 inf 1 2 3 0.5\n", "\xff"])
def test_damaged_text_points_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "points3D.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(SceneError, match=r"points3D\.txt"):
        read_colmap_points(tmp_path)


def ply(names: str, element: str = "vertex") -> bytes:
    stream = io.BytesIO()
    rows = np.zeros(3, [(name, "f4") for name in names])
    PlyData([PlyElement.describe(rows, element)]).write(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ply\n",
        ply("xyz")[:-1],
        ply("xy"),
        ply("xyz", "face"),
        b"no ply" * 9,
        ply("xyz").replace(b"3", b"x"),
    ],
)
def test_damaged_ply_points_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "points.ply").write_bytes(data)
    with pytest.raises(SceneError, match=r"points\.ply"):
        read_ply_points(tmp_path / "points.ply")


def test_training_starts_from_points_of_structure_from_motion(tmp_path: Path) -> None:
    points = cloud(3000)
    write_colmap(tmp_path / "colmap", points=points_binary(points))
    np.testing.assert_array_equal(initial_points(load_dataset(tmp_path / "colmap"), 3000, 0), points)
    (tmp_path / "studio").mkdir()
    write_ply(tmp_path / "studio" / "points.ply", points)
    write_nerfstudio(tmp_path / "studio", {"ply_file_path": "points.ply"})
    np.testing.assert_array_equal(initial_points(load_dataset(tmp_path / "studio"), 9000, 0), points)


def test_more_points_than_wanted_are_thinned_by_the_seed(tmp_path: Path) -> None:
    write_colmap(tmp_path, points=points_binary(cloud(500)))
    dataset = load_dataset(tmp_path)
    some = initial_points(dataset, 100, 4)
    assert len(some) == 100
    assert {tuple(row) for row in some} <= {tuple(row) for row in cloud(500)}
    np.testing.assert_array_equal(some, initial_points(dataset, 100, 4))
    assert (some != initial_points(dataset, 100, 5)).any()


def test_far_outliers_are_left_out_and_backgrounds_are_not(tmp_path: Path) -> None:
    near, behind = cloud(2000), 8 * cloud(100, 2)
    wrong = np.array([[1e5, 0, 0], [0, -1e6, 1e6]])
    write_colmap(tmp_path, points=points_binary(np.concatenate([near, wrong, behind])))
    found = initial_points(load_dataset(tmp_path), 10_000, 0)
    np.testing.assert_array_equal(found, np.concatenate([near, behind]))


def test_random_points_fill_the_hull_of_a_ball(tmp_path: Path) -> None:
    write_blender(tmp_path, 24, size=100)
    dataset = load_dataset(tmp_path)
    points = initial_points(dataset, 5000, 3)
    assert points.shape == (5000, 3)
    assert points.dtype == np.float64
    for photo in dataset.train:
        alpha, camera = read_alpha(photo), photo.camera
        assert alpha is not None
        local = points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
        x = (camera.fx * local[:, 0] / local[:, 2] + camera.cx).astype(int)
        y = (camera.fy * local[:, 1] / local[:, 2] + camera.cy).astype(int)
        assert (alpha[y, x] == 255).all()
    distances = np.linalg.norm(points, axis=1)
    assert distances.max() < 1.35 * BALL  # silhouettes from two heights leave little more than the ball
    assert (distances < BALL / 2).mean() == pytest.approx(1 / 8, abs=0.03)  # as a ball's volume has it
    np.testing.assert_array_equal(points, initial_points(dataset, 5000, 3))


def test_an_object_that_photos_cut_off_keeps_what_they_do_not_show(tmp_path: Path) -> None:
    write_blender(tmp_path, 24, size=100)
    dataset = load_dataset(tmp_path)
    file = dataset.train[5].path
    whole = initial_points(dataset, 2000, 0)
    alpha = np.array(Image.open(file))
    half = Image.fromarray(np.ascontiguousarray(alpha[:50]))
    half.save(file)
    camera = replace(dataset.train[5].camera, height=50)
    dataset.train[5] = replace(dataset.train[5], camera=camera)
    more = initial_points(dataset, 4000, 0)
    assert {tuple(row) for row in whole} < {tuple(row) for row in more}


def test_an_empty_hull_and_opaque_photos_give_points_in_the_cameras_sphere(tmp_path: Path) -> None:
    write_colmap(tmp_path / "opaque")
    write_blender(tmp_path / "empty")
    for file in (tmp_path / "empty" / "train").iterdir():
        Image.new("RGBA", (40, 40)).save(file)
    for name in ("opaque", "empty"):
        dataset = load_dataset(tmp_path / name)
        cameras = [photo.camera for photo in dataset.train]
        points = initial_points(dataset, 4000, 0)
        assert points.shape == (4000, 3)
        middle = np.mean([camera.position for camera in cameras], axis=0)
        distances = np.linalg.norm(points - middle, axis=1) / scene_extent(cameras)
        assert distances.max() <= 1
        assert (distances < 0.5).mean() == pytest.approx(1 / 8, abs=0.03)


def test_extent_is_the_cameras_radius_and_a_tenth(tmp_path: Path) -> None:
    write_blender(tmp_path)
    cameras = [photo.camera for photo in load_dataset(tmp_path).train]
    assert scene_extent(cameras) == pytest.approx(1.1 * RADIUS)
    with pytest.raises(SceneError, match="all 2 training cameras have one place"):
        scene_extent([cameras[0]] * 2)


SHARED = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scenes that can't be in the repository aren't here")
@pytest.mark.parametrize("name", ["chair", "mic"])
def test_real_objects_get_points_where_trained_gaussians_are(name: str) -> None:
    points = initial_points(load_dataset(SHARED / "nerf_synthetic" / name), 20_000, 0)
    assert points.shape == (20_000, 3)
    vertices = PlyData.read(SHARED / "splats" / "raw" / name / "point_cloud.ply")["vertex"]
    trained = np.stack([vertices[axis] for axis in "xyz"], axis=1)
    low, high = np.quantile(trained, [0.01, 0.99], axis=0)
    margin = 0.15 * (high - low)
    assert (points.min(axis=0) > low - margin).all()
    assert (points.max(axis=0) < high + margin).all()
    assert (np.ptp(points, axis=0) > 0.8 * (high - low)).all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scenes that can't be in the repository aren't here")
@pytest.mark.parametrize("name", ["desk", "bonsai"])
def test_real_scenes_keep_nearly_all_their_points(name: str) -> None:
    dataset = load_dataset(SHARED / "colmap" / name)
    assert dataset.points is not None
    assert len(initial_points(dataset, 1_000_000, 0)) >= 0.999 * len(dataset.points)
