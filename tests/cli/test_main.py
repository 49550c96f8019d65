from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from hemgs_cli import main as command_line
from hemgs_codec.version import __version__
from hemgs_format.errors import HgsError

COMMANDS = ("encode", "decode", "info", "verify", "render")


def run(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as exit_info:
        command_line.main(arguments)
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


@contextmanager
def command_that_raises(error: BaseException) -> Iterator[None]:
    @click.command()
    def fail() -> None:
        raise error

    command_line.cli.add_command(fail)
    try:
        yield
    finally:
        del command_line.cli.commands["fail"]


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"hemgs {__version__}\n"


def test_help_lists_the_commands_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert "  hemgs decode scene.hgs -o copy.ply     writes copy.ply\n" in out
    for name in COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    out = capsys.readouterr().out
    assert f"Examples:\n    hemgs {name} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["encode"],
        ["encode", "missing.ply"],
        ["decode", "--frobnicate", "x.hgs"],
        ["encode", "-", "--lambda", "much"],
        ["encode", "-", "--position-bits", "22"],
        ["encode", "-", "--order", "random"],
        ["encode", "-", "--threads", "0"],
    ],
)
def test_bad_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Error" in captured.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (HgsError("section 3: checksum differs"), 1, "hemgs: section 3: checksum differs\n"),
        (FileExistsError("a.hgs exists already"), 1, "hemgs: a.hgs exists already\n"),
        (OSError(28, "No space left on device", "a.hgs"), 1, "hemgs: a.hgs: no space left on device\n"),
        (MemoryError(), 1, "hemgs: out of memory\n"),
        (RuntimeError("[enforce fail at alloc.cpp] can't allocate memory"), 1, "hemgs: out of memory\n"),
        (ImportError("lib.so: failed to map segment from shared object"), 1, "hemgs: out of memory\n"),
        (KeyboardInterrupt(), 130, "hemgs: interrupted\n"),
    ],
)
def test_errors_end_in_one_line_and_an_exit_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with command_that_raises(error):
        assert run("fail") == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.lstrip("\n") == message


def test_a_bug_keeps_its_traceback() -> None:
    with command_that_raises(ZeroDivisionError()), pytest.raises(ZeroDivisionError):
        command_line.main(["fail"])


def test_a_bad_ply_exits_with_1_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "bad.ply"
    source.write_bytes(b"ply\n")
    assert run("encode", str(source)) == 1
    assert capsys.readouterr().err.startswith("hemgs: the PLY header doesn't end")
    assert list(tmp_path.iterdir()) == [source]


def test_existing_output_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "scene.ply", tmp_path / "scene.hgs"
    source.write_bytes(b"not even a PLY")
    target.write_bytes(b"precious")
    assert run("encode", str(source)) == 1
    assert "scene.hgs exists already; --force" in capsys.readouterr().err
    assert target.read_bytes() == b"precious"


def test_the_input_is_never_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "scene.ply"
    source.write_bytes(b"ply\n")
    assert run("encode", str(source), "-o", str(source), "--force") == 2
    assert "is the input" in capsys.readouterr().err


def test_a_missing_output_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "scene.ply"
    source.write_bytes(b"ply\n")
    assert run("encode", str(source), "-o", str(tmp_path / "none" / "a.hgs")) == 1
    assert "doesn't exist" in capsys.readouterr().err


def test_help_imports_neither_torch_nor_numpy() -> None:
    script = (
        "import sys\n"
        "from hemgs_cli.main import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'numpy', 'rich')))\n"
    )
    paths = [path for path in sys.path if path]
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{script}"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert result.returncode == 0, result.stderr
