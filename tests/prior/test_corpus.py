"""Scenes by their hash, their folds, and their weights on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from hemgs_codec import write_ply
from hemgs_codec.cameras import synthesise_cameras
from hemgs_codec.cameras.inria import pack_cameras_json
from hemgs_codec.prior import corpus
from hemgs_codec.prior.augment import Augmentation
from hemgs_codec.prior.corpus import folds, list_corpus, load_member, scene_hash
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.small import CHAIR, crop

HASHES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(11)]


@pytest.fixture(scope="module")
def part(chair: GaussianScene) -> GaussianScene:
    return crop(chair, 200)


@pytest.fixture
def folder(part: GaussianScene, tmp_path: Path) -> Path:
    folder = tmp_path / "stool"
    folder.mkdir()
    write_ply(part, folder / "point_cloud.ply")
    cameras = synthesise_cameras(part, count=4, width=48, height=48)
    (folder / "cameras.json").write_bytes(
        pack_cameras_json([(camera, "test" if k == 0 else "train") for k, camera in enumerate(cameras)])
    )
    (folder / "metrics.json").write_text(json.dumps({"background": [1.0, 1.0, 1.0]}))
    return folder


def test_a_scene_is_known_by_its_files_bytes() -> None:
    assert scene_hash(CHAIR) == hashlib.sha256(CHAIR.read_bytes()).hexdigest()


def test_a_corpus_is_the_same_in_any_order_and_holds_no_scene_twice(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.ply" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]))
    entries = list_corpus(paths)
    assert entries == list_corpus(reversed(paths))
    assert [entry.hash for entry in entries] == sorted(HASHES[:5])
    assert all(scene_hash(entry.path) == entry.hash for entry in entries)
    paths[4].write_bytes(bytes([0]))
    with pytest.raises(SceneError, match="same file"):
        list_corpus(paths)


@pytest.mark.parametrize("number", [1, 2, 4, 11])
def test_every_scene_is_in_one_fold_and_folds_are_even(number: int) -> None:
    dealt = folds(HASHES, number)
    assert sorted(dealt) == sorted(HASHES)
    sizes = np.bincount(list(dealt.values()), minlength=number)
    assert len(sizes) == number
    assert np.ptp(sizes) <= 1
    assert folds(HASHES[::-1] + HASHES, number) == dealt


def test_what_comes_from_one_capture_is_never_split() -> None:
    # 1 from 0, 2 from 1; 3 and 4 from photos that are no scene; 5 from a scene outside the corpus
    sources = {HASHES[1]: HASHES[0], HASHES[2]: HASHES[1], HASHES[3]: "kitchen", HASHES[4]: "kitchen"}
    sources[HASHES[5]] = "f" * 64
    dealt = folds(HASHES, 8, sources)
    assert len({dealt[key] for key in HASHES[:3]}) == 1
    assert dealt[HASHES[3]] == dealt[HASHES[4]]
    assert len(set(dealt.values())) == 8
    assert folds(HASHES[::-1], 8, dict(reversed(sources.items()))) == dealt
    # the scene that others were made from needn't be there
    assert len({folds(HASHES[1:], 8, sources)[key] for key in HASHES[1:3]}) == 1


def test_folds_that_cannot_be_are_refused() -> None:
    for number in (0, 12):
        with pytest.raises(SceneError, match="folds"):
            folds(HASHES, number)
    with pytest.raises(SceneError, match="from itself"):
        folds(HASHES, 2, {HASHES[0]: HASHES[1], HASHES[1]: HASHES[0]})


def test_a_member_comes_with_weights_that_are_measured_once(
    folder: Path, part: GaussianScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = load_member(folder / "point_cloud.ply", tmp_path / "weights")
    assert member.name == "stool"
    assert member.hash == scene_hash(folder / "point_cloud.ply")
    np.testing.assert_array_equal(member.scene.means, part.means)
    assert len(list((tmp_path / "weights").iterdir())) == 1

    def measures(*args: object, **options: object) -> None:
        raise AssertionError("measured again")

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "measured_weights", measures)
        again = load_member(folder / "point_cloud.ply", tmp_path / "weights")
        np.testing.assert_array_equal(again.weights.values, member.weights.values)
        with pytest.raises(AssertionError, match="again"):
            load_member(folder / "point_cloud.ply", tmp_path / "weights", seed=1)
    (folder / "metrics.json").unlink()
    black = load_member(folder / "point_cloud.ply", tmp_path / "weights")
    assert (black.weights.values != member.weights.values).any()


def test_weights_are_measured_from_the_training_views(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def measures(
        scene: object, attributes: object, cameras: list[object], *args: object, **_: object
    ) -> None:
        seen.extend([len(cameras), args])
        raise LookupError

    monkeypatch.setattr(corpus, "measured_weights", measures)
    with pytest.raises(LookupError):
        load_member(folder / "point_cloud.ply", tmp_path)
    (folder / "cameras.json").unlink()
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(LookupError):
        load_member(folder / "point_cloud.ply", tmp_path)
    assert seen == [3, ((1.0, 1.0, 1.0),), 48, ((0.0, 0.0, 0.0),)]


def test_a_background_that_is_none_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "metrics.json").write_text(json.dumps({"background": "white"}))
    with pytest.raises(SceneError, match="background"):
        load_member(folder / "point_cloud.ply", tmp_path)


def test_a_variation_keeps_the_hash_of_its_scene(folder: Path, tmp_path: Path) -> None:
    member = load_member(folder / "point_cloud.ply", tmp_path)
    variation = member.varied(np.random.default_rng(0), Augmentation(count=50))
    assert variation.hash == member.hash
    assert variation.scene.num_gaussians == len(variation.weights.values) == 50
