"""Data sets in each layout: which photos, which split, whose camera, which pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hemgs_codec.train.dataset import Dataset, load_dataset
from hemgs_codec.train.photo import Photo
from hemgs_format.errors import SceneError
from tests.small import ROOT
from tests.train.sets import (
    FOCAL,
    HEIGHT,
    WIDTH,
    points_binary,
    ring,
    write_blender,
    write_colmap,
    write_nerfstudio,
)


def numbers(photos: list[Photo]) -> list[int]:
    return [int(photo.path.stem.split("_")[-1]) for photo in photos]


EIGHTHS = [0, 8, 16]
OTHERS = [number for number in range(20) if number not in EIGHTHS]


def assert_poses(photos: list[Photo], count: int) -> None:
    poses = ring(count)
    for photo, number in zip(photos, numbers(photos), strict=True):
        expected = np.linalg.inv(poses[number])
        np.testing.assert_allclose(photo.camera.world_to_camera, expected, atol=1e-9)


def test_blender_sets_tell_their_split_and_names_may_repeat(tmp_path: Path) -> None:
    write_blender(tmp_path / "ball")
    dataset = load_dataset(tmp_path / "ball")
    assert dataset.name == "ball"
    assert dataset.points is None
    assert (numbers(dataset.train), numbers(dataset.test)) == (list(range(16)), [0, 1, 2])
    assert {photo.path.parent.name for photo in dataset.train} == {"train"}
    assert {photo.path.parent.name for photo in dataset.test} == {"test"}
    assert_poses(dataset.train, 16)
    assert_poses(dataset.test, 3)
    assert dataset.train[0].camera.fx == pytest.approx(50)


def test_transparent_photos_lie_on_white_unless_told(tmp_path: Path) -> None:
    write_blender(tmp_path)
    for background, corner in ((None, [255, 255, 255]), ((0.0, 0.0, 1.0), [0, 0, 255])):
        dataset = load_dataset(tmp_path, background=background)
        assert dataset.background == (background or (1.0, 1.0, 1.0))
        pixels = dataset.pixels(dataset.train[0])
        assert pixels.shape == (40, 40, 3)
        assert pixels.dtype == np.uint8
        assert pixels[0, 0].tolist() == corner
        assert pixels[20, 20].tolist() == [0, 255, 0]


@pytest.mark.parametrize("write", [write_colmap, write_nerfstudio])
def test_every_eighth_photo_by_name_is_held_out(write: object, tmp_path: Path) -> None:
    assert callable(write)
    write(tmp_path)
    dataset = load_dataset(tmp_path)
    assert (numbers(dataset.train), numbers(dataset.test)) == (OTHERS, EIGHTHS)
    assert_poses(dataset.train, 20)
    assert dataset.background == (0.0, 0.0, 0.0)
    assert dataset.points is None
    assert dataset.pixels(dataset.test[1])[0, 0].tolist() == [18, 100, 200]


def test_a_model_may_lie_in_sparse_itself(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    for file in (tmp_path / "sparse" / "0").iterdir():
        file.rename(tmp_path / "sparse" / file.name)
    assert len(load_dataset(tmp_path).train) == 17


def test_cameras_follow_the_photos_that_are_chosen(tmp_path: Path) -> None:
    # 40 by 30 halved; and, as eighths of odd sides are, a pixel off in one direction
    write_colmap(tmp_path, sizes={"images": (WIDTH, HEIGHT), "images_2": (20, 15), "images_odd": (40, 29)})
    for images, x, y in ((None, 1, 1), ("images_2", 0.5, 0.5), ("images_odd", 1, 29 / 30)):
        camera = load_dataset(tmp_path, images=images).train[0].camera
        assert (camera.width, camera.height) == (round(40 * x), round(30 * y))
        found = (camera.fx, camera.fy, camera.cx, camera.cy)
        expected = (FOCAL * x, (FOCAL + 1) * y, (WIDTH / 2 + 1) * x, (HEIGHT / 2 - 1) * y)
        assert found == pytest.approx(expected)


def test_wide_photos_are_scaled_down_with_their_cameras(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    stripes = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "images" / "p_01.png")
    dataset = load_dataset(tmp_path, max_width=16)
    photo = dataset.train[0]
    assert (photo.camera.width, photo.camera.height) == (16, 12)
    assert photo.camera.fx == pytest.approx(FOCAL * 0.4)
    assert photo.camera.cy == pytest.approx((HEIGHT / 2 - 1) * 0.4)
    pixels = dataset.pixels(photo)
    assert pixels.shape == (12, 16, 3)
    assert np.ptp(pixels[:, 2:-2].astype(int)) < 40  # fine stripes turn grey, not into coarse ones
    assert abs(pixels.mean() - 100) < 3


def test_photos_are_found_in_the_model_s_folders_or_in_one(tmp_path: Path) -> None:
    names = [f"{side}/p_{place}.png" for side in ("left", "right") for place in range(4)]
    write_colmap(tmp_path / "two", names=names)
    dataset = load_dataset(tmp_path / "two")
    found = sorted(photo.path.parent.name for photo in [*dataset.train, *dataset.test])
    assert found == ["left"] * 4 + ["right"] * 4
    write_colmap(tmp_path / "one", names=names[:4])
    for file in (tmp_path / "one" / "images" / "left").iterdir():
        file.rename(tmp_path / "one" / "images" / file.name)
    assert len(load_dataset(tmp_path / "one").train) == 3


def test_photos_of_one_name_are_not_taken_for_each_other(tmp_path: Path) -> None:
    write_colmap(tmp_path, names=["left/p.png", "right/p.png"])
    (tmp_path / "images" / "left" / "p.png").rename(tmp_path / "images" / "p.png")
    with pytest.raises(SceneError, match=r"lacks 1 of 2 photos: left/p\.png"):
        load_dataset(tmp_path)


def test_nerfstudio_s_lists_of_names_split_it(tmp_path: Path) -> None:
    def split(case: str, **lists: list[int]) -> tuple[list[int], list[int]]:
        named = {
            f"{key}_filenames": [f"images/f_{number:02d}.png" for number in value]
            for key, value in lists.items()
        }
        write_nerfstudio(tmp_path / case, named)
        dataset = load_dataset(tmp_path / case)
        return numbers(dataset.train), numbers(dataset.test)

    assert split("all", train=[3, 1], val=[2], test=[5]) == ([1, 3], [5])
    assert split("no test", train=[3, 1], val=[2]) == ([1, 3], [2])
    assert split("test alone", test=list(range(1, 20))) == ([0], list(range(1, 20)))
    with pytest.raises(SceneError, match=r"f_01\.png are for training and held out"):
        split("both", train=[1, 2], test=[1])
    with pytest.raises(SceneError, match=r"test_filenames has images/f_70\.png: expected names of frames"):
        split("unknown", test=[70])


def test_nerfstudio_s_copies_of_another_size_can_be_chosen(tmp_path: Path) -> None:
    write_nerfstudio(tmp_path)
    (tmp_path / "images_2").mkdir()
    for file in (tmp_path / "images").iterdir():
        Image.open(file).resize((20, 15)).save(tmp_path / "images_2" / file.name)
    camera = load_dataset(tmp_path, images="images_2").train[0].camera
    assert (camera.width, camera.height, camera.fx) == (20, 15, FOCAL / 2)


def test_pixels_beyond_the_budget_are_read_again(tmp_path: Path) -> None:
    write_colmap(tmp_path)
    dataset = load_dataset(tmp_path, budget=2 * WIDTH * HEIGHT * 3)
    first = [dataset.pixels(photo) for photo in dataset.train[:4]]
    again = [dataset.pixels(photo) for photo in dataset.train[:4]]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False, False]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    torch.from_numpy(first[0])  # warns of arrays that can't be written to


def test_colmap_comes_before_json(tmp_path: Path) -> None:
    write_nerfstudio(tmp_path)
    write_colmap(tmp_path, points=points_binary(np.ones((3, 3))))
    points = load_dataset(tmp_path).points
    assert points is not None
    np.testing.assert_array_equal(points, np.ones((3, 3)))


def broken(kind: str, folder: Path) -> Dataset:
    if kind == "empty":
        return load_dataset(folder)
    if kind.startswith("blender"):
        write_blender(folder)
        if kind == "blender images":
            return load_dataset(folder, images="images_2")
        (folder / "train" / "r_3.png").unlink()
        if kind == "blender no frames":
            (folder / "transforms_train.json").write_text('{"frames": []}')
        return load_dataset(folder)
    if kind.startswith("nerfstudio"):
        extra: dict[str, dict[str, object]] = {
            "nerfstudio lens": {"k1": 0.1},
            "nerfstudio list": {"test_filenames": [3]},
            "nerfstudio ply": {"ply_file_path": "gone.ply"},
            "nerfstudio ply name": {"ply_file_path": 3},
        }
        write_nerfstudio(folder, extra[kind])
        return load_dataset(folder)
    write_colmap(folder, 1 if kind == "one photo" else 20)
    first = folder / "images" / "p_00.png"
    if kind == "missing":
        for number in range(7):
            (folder / "images" / f"p_{number:02d}.png").unlink()
    elif kind == "no folder":
        (folder / "images").rename(folder / "images_4")
    elif kind == "no image":
        first.write_bytes(b"text")
    elif kind == "other shape":
        Image.new("RGB", (HEIGHT, WIDTH)).save(first)
    elif kind == "lens":
        file = folder / "sparse" / "0" / "cameras.bin"
        file.write_bytes(file.read_bytes()[:12] + b"\4" + file.read_bytes()[13:])
    return load_dataset(folder)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "holds no data set: expected a COLMAP model in sparse/0 beside photos"),
        ("blender images", "no images_2 to choose"),
        ("blender photo", r"frame 3: the image's size is neither in the file nor found in .*r_3\.png"),
        ("blender no frames", r"transforms_train\.json: expected an object with a list of frames"),
        ("nerfstudio lens", r"distorts \(k1\): undistort"),
        ("nerfstudio list", "test_filenames isn't a list of names"),
        ("nerfstudio ply", r"gone\.ply can't be read"),
        ("nerfstudio ply name", "ply_file_path is 3, expected a file's name"),
        ("missing", r"images lacks 7 of 20 photos: p_00\.png, .* and 2 more"),
        ("no folder", "photos are in images_4"),
        ("no image", r"p_00\.png isn't an image"),
        ("other shape", "has 30 by 40 pixels, its camera 40 by 30: expected a photo of the same shape"),
        ("lens", "OPENCV isn't a plain pinhole: undistort"),
        ("one photo", "no photo is for training, 1 held out: expected more"),
    ],
)
def test_what_is_no_data_set_is_refused(kind: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=message) as caught:
        broken(kind, tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("cut", [60, 80, 100])
def test_a_photo_cut_short_is_refused_when_it_is_read(cut: int, tmp_path: Path) -> None:
    write_blender(tmp_path)
    dataset = load_dataset(tmp_path)
    file = dataset.train[2].path
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(SceneError, match=r"r_2\.png"):
        dataset.pixels(dataset.train[2])


SHARED = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the scenes that can't be in the repository aren't here")
@pytest.mark.parametrize(
    ("folder", "train", "tests", "size", "points"),
    [
        ("nerf_synthetic/chair", 100, 25, (400, 400), None),
        ("nerf_synthetic/mic", 100, 25, (400, 400), None),
        ("colmap/desk", 25, 4, (560, 314), 7562),
        ("colmap/bonsai", 255, 37, (560, 373), 91042),
    ],
)
def test_real_data_sets(
    folder: str, train: int, tests: int, size: tuple[int, int], points: int | None
) -> None:
    dataset = load_dataset(SHARED / folder)
    assert (len(dataset.train), len(dataset.test)) == (train, tests)
    assert dataset.background == ((1.0,) * 3 if points is None else (0.0,) * 3)
    assert (None if dataset.points is None else len(dataset.points)) == points
    assert dataset.pixels(dataset.test[-1]).shape == (size[1], size[0], 3)
    trained = SHARED / "splats" / "raw" / Path(folder).name / "cameras.json"
    held_out = {entry["img_name"] for entry in json.loads(trained.read_text()) if entry["split"] == "test"}
    names = {Path(name).stem.removeprefix("test_") for name in held_out}
    assert {photo.path.stem for photo in dataset.test} == names
