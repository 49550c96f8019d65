"""What a fold's prior learns from: nothing of the captures that it will judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pretrain import FOLDS, corpus_of_fold

NAMES = ("chair", "mic", "desk", "bonsai", "kacy")


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """Files that are hashed and not read."""
    found = {name: tmp_path / f"{name}.ply" for name in NAMES}
    for name, path in found.items():
        path.write_text(name)
    return found


@pytest.fixture
def also(tmp_path: Path) -> Path:
    folder = tmp_path / "also"
    (folder / "mic-long").mkdir(parents=True)
    (folder / "mic-long" / "point_cloud.ply").write_text("mic, trained longer")
    (folder / "guitar.ply").write_text("guitar")
    return folder


def test_each_scene_is_unseen_by_one_fold(paths: dict[str, Path]) -> None:
    unseen = [corpus_of_fold(paths, (), fold)[1] for fold in range(FOLDS)]
    assert sorted(name for names in unseen for name in names) == sorted(NAMES)


def test_a_fold_sees_all_but_its_own(paths: dict[str, Path], also: Path) -> None:
    for fold in range(FOLDS):
        seen, unseen = corpus_of_fold(paths, (also,), fold)
        names = {entry.path.stem for entry in seen}
        assert not names & set(unseen)
        assert {"guitar", *NAMES} - set(unseen) <= names


def test_another_training_of_a_capture_is_in_its_fold(paths: dict[str, Path], also: Path) -> None:
    for fold in range(FOLDS):
        seen, unseen = corpus_of_fold(paths, (also,), fold)
        assert ("mic" in unseen) != (also / "mic-long" / "point_cloud.ply" in [e.path for e in seen])


def test_no_fold_sees_all(paths: dict[str, Path], also: Path) -> None:
    seen, unseen = corpus_of_fold(paths, (also,), None)
    assert len(seen) == len(NAMES) + 2
    assert unseen == []
