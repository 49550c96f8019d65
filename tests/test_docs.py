from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import hemgs_codec
import hemgs_format

ROOT = Path(__file__).parents[1]


def module_names() -> list[str]:
    return [
        info.name
        for package in (hemgs_codec, hemgs_format)
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]


@pytest.fixture
def beside_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a scratch folder that has the examples; keep fits out of the user's cache."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", module_names())
@pytest.mark.usefixtures("beside_examples")
def test_docstring_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.slow
@pytest.mark.usefixtures("beside_examples")
def test_readme_example_is_true() -> None:
    results = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
