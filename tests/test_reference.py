"""The reference decoder, written from SPEC.md alone, says of every vector what the package's vectors say."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hemgs_codec import encode, read_ply
from hemgs_codec.decoder import decode
from hemgs_codec.prior.library import DEFAULT, FOLDER
from vectors.found import array_hashes

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "format" / "reference" / "hgs_decode.py"
VECTORS = ROOT / "format" / "vectors"
VALID = sorted(path.stem for path in (VECTORS / "valid").glob("*.hgs"))
INVALID = sorted(path.stem for path in (VECTORS / "invalid").glob("*.hgs"))
ONE_RULE = (
    "contexts-of-none",
    "flag-of-two",
    "flags-of-another-scale",
    "grid-level-of-one-axis",
    "rendering-weight-beyond-limit",
)
"""Of the invalid files, those that a reader could decode whose rule it lets pass."""
PRIOR = FOLDER / DEFAULT
MAY_IMPORT = {*sys.stdlib_module_names, "msgpack", "numpy", "zstandard"}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hgs_decode", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return load()


def stated(kind: str, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((VECTORS / kind / f"{name}.json").read_text(encoding="utf-8"))
    return facts


def test_it_imports_nothing_of_the_package() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported <= MAY_IMPORT


@pytest.mark.parametrize("name", VALID)
def test_it_decodes_a_valid_file_bit_by_bit(reference: ModuleType, name: str) -> None:
    data = (VECTORS / "valid" / f"{name}.hgs").read_bytes()
    found = reference.summary(reference.decode(data, [PRIOR.read_bytes()]))
    expected = stated("valid", name)
    assert {key: expected[key] for key in found} == found


@pytest.mark.parametrize("name", INVALID)
def test_it_refuses_an_invalid_file(reference: ModuleType, name: str) -> None:
    data = (VECTORS / "invalid" / f"{name}.hgs").read_bytes()
    with pytest.raises(reference.HgsError) as caught:
        reference.decode(data, [PRIOR.read_bytes()])
    assert caught.value.name == stated("invalid", name)["error"]


@pytest.mark.parametrize("name", ONE_RULE)
def test_a_reader_that_lets_one_rule_pass_finds_nothing_else_wrong(name: str, reference: ModuleType) -> None:
    """The file is right but for its rule: without the statement that refuses it, it is decoded."""
    data = (VECTORS / "invalid" / f"{name}.hgs").read_bytes()
    with pytest.raises(reference.HgsError) as caught:
        reference.decode(data, [PRIOR.read_bytes()])
    line = caught.traceback[-1].lineno + 1
    source = SCRIPT.read_text(encoding="utf-8").splitlines()
    refusal = source[line - 1]
    assert refusal.strip().startswith("raise ")
    source[line - 1] = refusal.replace(refusal.strip(), "pass")
    lax = ModuleType("lax")
    sys.modules[lax.__name__] = lax  # dataclasses look there
    exec(compile("\n".join(source), str(SCRIPT), "exec"), vars(lax))
    assert lax.decode(data, [PRIOR.read_bytes()])


@pytest.mark.parametrize("name", INVALID)
def test_readers_of_containers_refuse_the_files_of_their_class_only(reference: ModuleType, name: str) -> None:
    data = (VECTORS / "invalid" / f"{name}.hgs").read_bytes()

    def read() -> None:
        container = reference.read_container(data)
        reference.check_sections(container)
        reference.read_metadata(container.only("META"))

    if stated("invalid", name)["class"] == "container":
        with pytest.raises(reference.HgsError):
            read()
    else:
        read()


def test_it_runs_alone(tmp_path: Path) -> None:
    """Another folder, no search path: the file and two libraries are all that it needs."""
    target = tmp_path / "scene.ply"
    command = [sys.executable, "-I", str(SCRIPT), str(VECTORS / "valid" / "worked-example.hgs"), "--json"]
    done = subprocess.run(
        [*command, "-o", str(target)], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=300
    )
    assert json.loads(done.stdout)["symbols_sha256"] == stated("valid", "worked-example")["symbols_sha256"]
    assert read_ply(target).num_gaussians == stated("valid", "worked-example")["num_gaussians"]


def test_it_decodes_what_the_encoder_makes_of_a_real_scene(reference: ModuleType) -> None:
    scene = read_ply(ROOT / "examples" / "chair.ply")
    part = scene.take(np.arange(600))
    data = encode(part, effort=0, weights="analytic", threads=1)
    found = reference.summary(reference.decode(data, [PRIOR.read_bytes()]))
    assert found["arrays_sha256"] == array_hashes(decode(data, threads=1))
