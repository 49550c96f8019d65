"""Parts of files on the command line: refused, unless asked for; then it's said what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemgs_codec import read_ply
from hemgs_format.container import layout
from tests.cli.test_main import run
from tests.small import ROOT

VALID = ROOT / "format" / "vectors" / "valid"
GAUSSIANS, ANCHORS = VALID / "sh3-permuted.hgs", VALID / "anchors.hgs"


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    path = tmp_path / "cut.hgs"
    path.write_bytes(GAUSSIANS.read_bytes()[:-100])
    return path


def test_a_truncated_file_is_refused(cut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", str(cut)) == 1
    assert "truncated" in capsys.readouterr().err
    assert not cut.with_suffix(".ply").exists()


def test_where_it_is_allowed_all_points_come_out_and_what_is_missing_is_said(
    cut: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("decode", str(cut), "--allow-truncated") == 0
    assert read_ply(cut.with_suffix(".ply")).num_gaussians == 40
    said = capsys.readouterr().err
    for words in ("can't be checked", "missing sections: RUN", "decoded of 40: base of", "guessed"):
        assert words in said


def test_machines_are_told_what_was_verified(cut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", str(cut), "--allow-truncated", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    whole = GAUSSIANS.read_bytes()
    assert report["file_bytes"] == report["whole_bytes"] - 100 == len(whole) - 100
    assert report["verified_bytes"] in {extent.offset for extent in layout(whole)}
    assert report["is_verified"] is False
    assert report["missing_sections"][-1] == "RUN3"
    assert list(report["decoded"]) == ["base", "sh1", "sh2", "sh3"]


def test_a_whole_file_is_verified_though_it_needn_t_be_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "a.ply")
    assert run("decode", str(GAUSSIANS), "-o", output, "--allow-truncated", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["is_verified"] is True
    assert report["missing_sections"] == []


def test_a_prefix_without_locations_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "short.hgs"
    path.write_bytes(GAUSSIANS.read_bytes()[:300])
    assert run("decode", str(path), "--allow-truncated") == 1
    assert 'section "META"' in capsys.readouterr().err


def test_bands_stop_a_whole_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(tmp_path / "a.ply")
    assert run("decode", str(GAUSSIANS), "-o", output, "--bands", "1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["decoded"] == {"base": 40, "sh1": 40, "sh2": 0, "sh3": 0}
    assert report["missing_sections"] == []


def test_bands_don_t_allow_a_truncated_file(cut: Path) -> None:
    assert run("decode", str(cut), "--bands", "1") == 1


def test_anchors_have_prefixes_but_no_bands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decode", str(ANCHORS), "-o", str(tmp_path / "a"), "--bands", "1") == 2
    path = tmp_path / "cut.hgs"
    path.write_bytes(ANCHORS.read_bytes()[:-40])
    capsys.readouterr()
    assert run("decode", str(path), "-o", str(tmp_path / "b"), "--allow-truncated") == 0
    assert "decoded of 20: base of" in capsys.readouterr().err
