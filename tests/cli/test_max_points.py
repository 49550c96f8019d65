"""`--max-points`: what a service gives its limit with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_main import run
from tests.small import ROOT

SCENE = ROOT / "format" / "vectors" / "valid" / "sh3-permuted.hgs"
COUNT = 40


@pytest.mark.parametrize(
    "command", [("verify",), ("info", "--attributes"), ("decode", "-o"), ("decode", "--bands", "0", "-o")]
)
def test_a_file_of_more_points_is_refused(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "scene.ply"
    arguments = [*command, *([str(output)] if command[-1] == "-o" else []), str(SCENE), "--max-points"]
    assert run(*arguments, str(COUNT - 1)) == 1
    assert f"is {COUNT}, expected at most {COUNT - 1}" in capsys.readouterr().err
    assert not output.exists()
    assert run(*arguments, str(COUNT)) == 0


def test_info_alone_tells_of_any_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(SCENE), "--max-points", "1", "--json") == 0
    assert f'"num_coded": {COUNT}' in capsys.readouterr().out


def test_a_limit_of_none_is_bad_usage() -> None:
    assert run("verify", str(SCENE), "--max-points", "0") == 2
