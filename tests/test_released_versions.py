"""Files of released format versions: kept, and read for ever, but by versions whose major is 0."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hemgs_codec.decoder import decode
from hemgs_format.constants import MAJOR, MINOR
from hemgs_format.errors import UnsupportedVersionError
from tests.small import ROOT
from vectors.found import array_hashes

RELEASED = ROOT / "format" / "vectors" / "released"
"""A folder for each format version, as `format/vectors/valid` was when it was released."""
FILES = sorted(RELEASED.glob("*/*.hgs"))


def released_versions() -> set[str]:
    """Return the format versions that the changelog says are out: the package's first two numbers."""
    headings = re.findall(
        r"^## (\d+\.\d+)\.\d+(.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    return {version for version, rest in headings if "not released" not in rest}


def test_every_released_format_version_has_its_files() -> None:
    """0.1 is the first, and isn't released: until then there is no folder."""
    assert released_versions() == {path.name for path in RELEASED.glob("*.*")}


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}-{path.stem}" for path in FILES])
def test_a_released_file_decodes_as_it_did(path: Path) -> None:
    major, minor = map(int, path.parent.name.split("."))
    if major == 0 and (major, minor) != (MAJOR, MINOR):
        with pytest.raises(UnsupportedVersionError):  # and says which release reads it
            decode(path.read_bytes())
        return
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert array_hashes(decode(path.read_bytes(), threads=1)) == expected["arrays_sha256"]
