"""Faults of the machine: a killed process, a full disk, a folder or input that can't be used, no memory.

The final name is absent, or holds the whole result. Where the process lives on, it says in a line what was
wrong.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hemgs_codec.ply import read_ply, write_ply
from hemgs_codec.scene import GaussianScene
from tests.small import ROOT, crop

VALID = ROOT / "format" / "vectors" / "valid"
HGS = VALID / "sh3-permuted.hgs"  # a PLY of 10 kB
KILLS = 30
LEFTOVER = re.compile(r"\.result\.(ply|hgs)\.[0-9a-f]{12}\.part")
LIMITED = """
import resource, sys
from pathlib import Path
from hemgs_cli.main import main
name, limit, *arguments = sys.argv[1:]
if name == "AS":  # beyond what libraries take: loaded under a limit, some of them loop or abort
    import hemgs_codec
    from hemgs_codec.ply import write_ply
    hemgs_codec.decode(Path(arguments[1]).read_bytes())
    with open("/proc/self/statm") as sizes:
        limit = int(limit) + int(sizes.read().split()[0]) * resource.getpagesize()
if name != "none":
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (int(limit), int(limit)))
main(arguments)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and mounts are Linux's")


@pytest.fixture(scope="module")
def ply(chair: GaussianScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenes") / "scene.ply"
    write_ply(crop(chair, 200), path)
    return path


def command(*arguments: object, limit: tuple[str, int] = ("none", 0)) -> list[str]:
    return [sys.executable, "-c", LIMITED, limit[0], str(limit[1]), *map(str, arguments)]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def run(*arguments: object, limit: tuple[str, int] = ("none", 0)) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments, limit=limit),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def check_failed(done: subprocess.CompletedProcess[str], folder: Path, words: str) -> None:
    """Exit code 1, one line that says why, and an empty folder."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stderr
    assert done.stderr.count("hemgs: ") == 1
    assert list(folder.iterdir()) == []


def encoding(ply: Path, target: Path) -> list[object]:
    return ["encode", ply, "-o", target, "--effort", 0, "--weights", "analytic", "--no-cache"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one page."""
    yield from mounted(tmp_path / "disk", "size=4k")


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if not os.access(folder, os.W_OK):
        yield folder
    else:  # root may write anywhere but to a file system that nobody may write to
        yield from mounted(folder, "ro")


def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@linux
def test_a_full_disk_leaves_no_result(small_disk: Path) -> None:
    done = run("decode", HGS, "-o", small_disk / "result.ply")
    check_failed(done, small_disk, "no space left on device")


@linux
@pytest.mark.parametrize("limit", [0, 4096])
def test_a_file_that_may_not_grow_leaves_no_result(limit: int, tmp_path: Path) -> None:
    check_failed(
        run("decode", HGS, "-o", tmp_path / "result.ply", limit=("FSIZE", limit)), tmp_path, "file too large"
    )


@linux
def test_an_encoded_file_that_may_not_grow_leaves_no_result(ply: Path, tmp_path: Path) -> None:
    done = run(*encoding(ply, tmp_path / "result.hgs"), limit=("FSIZE", 1000))
    check_failed(done, tmp_path, "file too large")


@linux
def test_a_folder_that_cant_be_written_to_is_refused_before_any_work(
    read_only_folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "scene.ply"
    source.write_bytes(b"not even a PLY")
    check_failed(
        run("encode", source, "-o", read_only_folder / "result.hgs"), read_only_folder, "can't be written to"
    )
    check_failed(
        run("decode", HGS, "-o", read_only_folder / "result.ply"), read_only_folder, "can't be written to"
    )


@linux
def test_an_input_that_cant_be_read_is_named(tmp_path: Path) -> None:
    """Reading the memory of a process from its start is an error of input and output for every user."""
    done = run("decode", "/proc/self/mem", "-o", tmp_path / "result.ply")
    check_failed(done, tmp_path, "hemgs: /proc/self/mem: input/output error")


@linux
@pytest.mark.parametrize("kilobytes", [0, 2000, 8000])
def test_without_memory_there_is_no_result_or_the_whole_one(kilobytes: int, tmp_path: Path) -> None:
    target = tmp_path / "result.ply"
    done = run("decode", VALID / "identical-points.hgs", "-o", target, limit=("AS", kilobytes * 1000))
    if done.returncode == 0:
        assert read_ply(target).num_gaussians == 5000
    else:
        check_failed(done, tmp_path, "out of memory")


def kill_at(arguments: list[object], seconds: float) -> None:
    with subprocess.Popen(
        command(*arguments), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def check_killed_at_random(arguments: Callable[[Path], list[object]], target: Path) -> None:
    """Kill a command at random moments: its result is absent or whole, beside hidden leftovers."""
    start = time.perf_counter()
    assert run(*arguments(target)).returncode == 0
    length = time.perf_counter() - start
    whole = target.read_bytes()
    chance = random.Random(7)
    for number in range(KILLS):
        target.unlink(missing_ok=True)
        # half of the moments where the result is about to be written
        kill_at(arguments(target), length * (chance.random() if number % 2 else chance.uniform(0.8, 1.05)))
        assert not target.exists() or target.read_bytes() == whole
        others = [path.name for path in target.parent.iterdir() if path != target]
        assert all(LEFTOVER.fullmatch(name) for name in others), others


@pytest.mark.slow
def test_a_killed_decode_leaves_no_result_or_the_whole_one(tmp_path: Path) -> None:
    check_killed_at_random(lambda target: ["decode", HGS, "-o", target], tmp_path / "result.ply")


@pytest.mark.slow
def test_a_killed_encode_leaves_no_result_or_the_whole_one(ply: Path, tmp_path: Path) -> None:
    check_killed_at_random(lambda target: encoding(ply, target), tmp_path / "result.hgs")


WRITING = """
import sys
from pathlib import Path
from hemgs_codec.atomic import atomic_write
sys.stdout.write("ready"); sys.stdout.flush()
while True:
    with atomic_write(Path(sys.argv[1]), force=True) as stream:
        for part in range(64):
            stream.write(bytes([part]) * 1000)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_no_file_or_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "result.hgs"
    whole = b"".join(bytes([part]) * 1000 for part in range(64))
    chance = random.Random(8)
    for _ in range(KILLS):
        target.unlink(missing_ok=True)
        with subprocess.Popen(
            [sys.executable, "-c", WRITING, str(target)], env=environment(), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.read(5) == b"ready"
            time.sleep(chance.uniform(0, 0.02))
            process.kill()
        assert not target.exists() or target.read_bytes() == whole
        others = [path.name for path in tmp_path.iterdir() if path != target]
        assert all(LEFTOVER.fullmatch(name) for name in others), others
