from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from hemgs_codec.atomic import atomic_directory, atomic_write, check_target


def test_the_file_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with atomic_write(target) as stream:
        stream.write(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_exception_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half() -> None:
        with atomic_write(tmp_path / "a.bin") as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_write(target, force=True):
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_existing_file_is_refused_without_force(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="exists already"), atomic_write(target):
        pytest.fail("the block must not run")
    with atomic_write(target, force=True) as stream:
        stream.write(b"new")
    assert target.read_bytes() == b"new"


def test_a_file_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"

    def write_as_another_does() -> None:
        with atomic_write(target) as stream:
            stream.write(b"mine")
            target.write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        write_as_another_does()
    assert target.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_or_a_missing_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        check_target(tmp_path, force=True)
    with pytest.raises(FileNotFoundError):
        check_target(tmp_path / "none" / "a.bin")


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real.bin", tmp_path / "link.bin"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with atomic_write(link, force=True) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as stream:
        stream.write(b"through")
    reader.join()
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_the_result_has_ordinary_permissions(tmp_path: Path) -> None:
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_bytes(b"")
    with atomic_write(atomic):
        pass
    assert atomic.stat().st_mode == plain.stat().st_mode


def test_a_directory_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "scene"
    with atomic_directory(target) as part:
        (part / "inner").mkdir()
        (part / "inner" / "a.bin").write_bytes(b"whole")
        assert not target.exists()
    assert (target / "inner" / "a.bin").read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_that_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    target = tmp_path / "scene"
    target.mkdir()
    (target / "old").write_bytes(b"")
    with pytest.raises(FileExistsError, match="--force"), atomic_directory(target):
        pass
    with pytest.raises(KeyboardInterrupt), atomic_directory(target, force=True):
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["old"]
    with atomic_directory(target, force=True) as part:
        (part / "new").write_bytes(b"")
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "scene"
    with pytest.raises(FileExistsError), atomic_directory(target):
        target.mkdir()
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_that_cannot_take_its_name_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "scene"
    target.mkdir()
    (target / "old").write_bytes(b"")
    rename = Path.rename

    def fail(self: Path, other: Path) -> Path:
        if self.suffix == ".part":
            raise OSError("no")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no"), atomic_directory(target, force=True):
        pass
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    target = tmp_path / "scene"
    target.write_bytes(b"a file")
    with pytest.raises(NotADirectoryError), atomic_directory(target, force=True):
        pass
    with pytest.raises(FileNotFoundError), atomic_directory(tmp_path / "none" / "scene"):
        pass
    assert target.read_bytes() == b"a file"
