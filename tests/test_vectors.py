from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import hemgs_format
from hemgs_codec.decoder import decode
from hemgs_codec.inspect import describe
from vectors.found import array_hashes, facts
from vectors.make_vectors import BREAKAGES
from vectors.valid_files import valid_files

VECTORS = Path(__file__).parents[1] / "format" / "vectors"
VALID = sorted(path.stem for path in (VECTORS / "valid").glob("*.hgs"))
INVALID = sorted(path.stem for path in (VECTORS / "invalid").glob("*.hgs"))


def load(kind: str, name: str) -> tuple[bytes, dict[str, Any]]:
    folder = VECTORS / kind
    expected: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return (folder / f"{name}.hgs").read_bytes(), expected


@pytest.mark.parametrize("name", VALID)
def test_valid_file_decodes_as_stated(name: str) -> None:
    data, expected = load("valid", name)
    scene = decode(data, threads=1)
    assert len(data) == expected["bytes"]
    found = facts(scene)
    assert {name: expected[name] for name in found} == found
    assert array_hashes(scene) == expected["arrays_sha256"]


@pytest.mark.parametrize("name", VALID)
def test_valid_file_is_described_as_stated(name: str) -> None:
    data, expected = load("valid", name)
    described = describe(data)
    assert described["symbols_sha256"] == expected["symbols_sha256"]
    assert {part["id"]: part["bytes"] for part in described["sections"]} == expected["sections"]
    assert sum(expected["sections"].values()) == len(data)


@pytest.mark.parametrize("name", INVALID)
def test_invalid_file_is_refused_as_stated(name: str) -> None:
    data, expected = load("invalid", name)
    with pytest.raises(getattr(hemgs_format, expected["error"])):
        decode(data, threads=1)


def test_encoder_still_writes_the_valid_files() -> None:
    for name, (shows, data) in valid_files().items():
        stored, expected = load("valid", name)
        assert data == stored, f"{name} has changed: if that was meant, run format/vectors/make_vectors.py"
        assert shows == expected["shows"]


def test_every_broken_rule_has_its_file() -> None:
    assert sorted(breakage.name for breakages in BREAKAGES.values() for breakage in breakages) == INVALID
