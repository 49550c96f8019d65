"""What a killed process leaves is removed by who writes the same target next; what others write is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hemgs_codec import parts
from hemgs_codec.atomic import atomic_directory, atomic_write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
WRITING = """
import sys
from pathlib import Path
from hemgs_codec.atomic import atomic_directory, atomic_write
target = Path(sys.argv[2])
with {"file": atomic_write, "directory": atomic_directory}[sys.argv[1]](target) as part:
    if sys.argv[1] == "directory":
        (part / "inner").mkdir()
        (part / "inner" / "half").write_bytes(b"half")
    sys.stdout.write("ready")
    sys.stdout.flush()
    sys.stdin.read()
"""


@contextmanager
def writer(kind: str, target: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process in the middle of writing."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, kind, str(target)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
        yield process


def write(kind: str, target: Path) -> None:
    """Write a target here, in place of what is there."""
    if kind == "file":
        with atomic_write(target, force=True) as stream:
            stream.write(b"mine")
        return
    with atomic_directory(target, force=True) as part:
        (part / "a").write_bytes(b"mine")


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".part"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_a_killed_process_left_goes_when_its_target_is_written(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "scene"
    with writer(kind, target) as process:
        process.kill()
    assert len(leftovers(tmp_path)) == 1
    write(kind, tmp_path / "another")
    assert len(leftovers(tmp_path)) == 1
    write(kind, target)
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_another_process_is_writing_stays(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "scene"
    with writer(kind, target) as process:
        running = leftovers(tmp_path)
        write(kind, target)
        assert leftovers(tmp_path) == running
        process.communicate(b"")
    assert process.returncode == 1  # the target was made meanwhile
    assert not leftovers(tmp_path)


def test_what_only_looks_alike_stays(tmp_path: Path) -> None:
    target = tmp_path / "scene"
    own = f".scene.{parts._MACHINE}00000000"
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / f"{own}.part").symlink_to(tmp_path / "elsewhere")
    others = [f"{own}.old", f"{own}.part.bak", "scene.part", ".scene.zzzz00000000.part", ".scene2.part"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    write("file", target)
    assert sorted(tmp_path.iterdir()) == sorted([*before, target])


def test_a_part_that_is_taken_for_a_leftover_before_it_is_locked_is_made_anew(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(part: Path) -> None:
        part.touch(exist_ok=False)
        if not made:
            parts.remove_leftovers(tmp_path / "scene")
        made.append(part)

    with parts.held_part(tmp_path / "scene", make) as part:
        assert len(made) == 2
        assert part == made[1]
        parts.remove_leftovers(tmp_path / "scene")
        assert part.exists()


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writer("file", tmp_path / "scene") as process:
        process.kill()
    monkeypatch.setattr(parts, "fcntl", None)
    write("file", tmp_path / "scene")
    assert len(leftovers(tmp_path)) == 1
