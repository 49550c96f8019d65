from __future__ import annotations

import json

import pytest

from hemgs_codec.profile_names import ANCHOR_GROUPS, LAYERS
from tests.cli.test_main import run
from tests.small import ROOT

FILE = ROOT / "format" / "vectors" / "valid" / "anchors.hgs"


def test_info_speaks_of_anchors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(FILE)) == 0
    out = capsys.readouterr().out
    for words in ("bits per anchor", "rendering networks", *LAYERS["anchor"]):
        assert words in out
    assert "aussian" not in out


def test_info_tells_attributes_apart_where_it_is_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(FILE), "--attributes", "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert tuple(described["attributes"]) == ANCHOR_GROUPS
    runs = sum(part["bytes"] for part in described["sections"] if part["id"].startswith("RUN"))
    assert 0 < runs - sum(described["attributes"].values()) < 12
    assert run("info", str(FILE), "--attributes") == 0
    assert "of the runs: features" in capsys.readouterr().out


def test_info_gives_machines_numbers_of_anchors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", str(FILE), "--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["num_anchors"] == 20
    names = {part["id"]: part["name"] for part in described["sections"]}
    assert names["RUN0"] == "base"
    assert described["bits_per_anchor"] == 8 * FILE.stat().st_size / 20


def test_verify_reads_anchors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", str(FILE)) == 0
    assert capsys.readouterr().out.endswith(": ok\n")
