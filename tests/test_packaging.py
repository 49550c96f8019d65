from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "hemgs_format": ROOT / "format" / "hemgs_format",
    "hemgs_codec": ROOT / "hemgs_codec",
    "hemgs_cli": ROOT / "cli" / "hemgs_cli",
}
# The heavy or foreign modules that a package stays free of, beside the packages above it.
FORBIDDEN = {
    "hemgs_format": {"hemgs_codec", "hemgs_cli", "torch", "numba", "click", "rich", "plyfile"},
    "hemgs_codec": {"hemgs_cli", "click", "rich"},
    "hemgs_cli": {"torch", "numba", "constriction", "plyfile"},
}


def imported_modules(source: Path) -> set[str]:
    """Top-level names of all modules that a file imports, at any depth of it."""
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    for source in sorted(PACKAGES[package].rglob("*.py")):
        crossed = imported_modules(source) & FORBIDDEN[package]
        assert not crossed, f"{source.relative_to(ROOT)} imports {sorted(crossed)}"


def test_the_range_coder_library_is_imported_in_one_file() -> None:
    sources = [source for folder in PACKAGES.values() for source in folder.rglob("*.py")]
    users = [source.name for source in sources if "constriction" in imported_modules(source)]
    assert len(users) == 1, users


def test_the_wheel_holds_exactly_the_three_packages(wheel_names: list[str]) -> None:
    top = {name.partition("/")[0] for name in wheel_names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert len(top) == len(PACKAGES) + 1


def test_the_wheel_holds_every_source_file_and_type_mark(wheel_names: list[str]) -> None:
    for package, folder in PACKAGES.items():
        assert f"{package}/py.typed" in wheel_names
        expected = {f"{package}/{source.relative_to(folder).as_posix()}" for source in folder.rglob("*.py")}
        assert expected <= set(wheel_names)


def test_the_wheel_brings_the_licence(wheel_names: list[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel_names)


def test_the_bundled_scene_is_at_most_five_megabytes() -> None:
    assert (ROOT / "examples" / "chair.ply").stat().st_size <= 5_000_000
