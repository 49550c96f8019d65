"""The grid of machines: what it runs here, and that what it found is one result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import bench_machines, bench_torch
from benchmarks.machines.setups import Interpreter, UnavailableError, environment
from benchmarks.machines.torches import dependencies
from benchmarks.provenance import RESULTS
from benchmarks.report import read_rows

VECTOR = bench_machines.FILES / "worked-example.hgs"


def decode_all(decoder: str, device: str = "cpu") -> dict[str, Any]:
    command = [sys.executable, str(bench_machines.CHILD), decoder, "--device", device, str(VECTOR)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_both_decoders_and_both_arithmetics_give_one_hash() -> None:
    rows = [decode_all("product"), decode_all("product", "torch:cpu"), decode_all("reference")]
    assert len({row["decoded"] for row in rows}) == 1
    assert [row["arithmetic"] for row in rows] == ["NumPy", "torch", "NumPy"]


def test_a_cap_names_the_instruction_sets_that_numpy_mustn_t_use() -> None:
    here = Interpreter((sys.executable,))
    for name, cap, variables in bench_machines.CAPS:
        machine = bench_machines.Machine(name, here, (), cap=cap, variables=variables)
        disabled = bench_machines.disabled_features(machine).split()
        assert not set(disabled) & set(cap or disabled)
        assert cap is not None or not disabled


def test_what_is_not_to_be_had_is_an_error_with_a_name(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no such-python"):
        environment(tmp_path / "none", "such-python", ())


def test_other_torches_have_the_dependencies_of_the_package() -> None:
    names = dependencies()
    assert "constriction==0.5.0" in names
    assert not any(name.startswith("torch") for name in names)


def test_rows_agree_on_what_was_decoded_and_not_on_floats() -> None:
    rows = bench_machines.latest_rows()
    assert bench_machines.agree(rows)
    assert not bench_machines.agree([*rows, {**rows[0], "decoded": "another"}])
    assert len({row["control"] for row in rows}) > 1, "floats agree: these machines prove nothing"
    assert {row["decoder"] for row in rows} == {"product", "reference"}
    assert {"x86_64", "aarch64"} <= {row["processor"] for row in rows}
    assert len(np.unique([row["numpy"] for row in rows])) > 2


def test_the_table_in_the_readme_is_of_these_rows() -> None:
    text = bench_machines.README.read_text(encoding="utf-8")
    written = text.split(bench_machines.BEGIN)[1].split(bench_machines.END)[0]
    assert written.strip() == bench_machines.table(bench_machines.latest_rows()).strip()


def test_a_file_decodes_alike_with_every_release_of_torch() -> None:
    rows = read_rows(RESULTS / "torch.jsonl")
    assert bench_torch.agree(rows)
    assert not bench_torch.agree([*rows, {**rows[0], "decoded": "another"}])
    releases = {row["encoded_by"] for row in rows}
    assert len(releases) > 1
    combinations = {(row["encoded_by"], row["decoded_by"], row["arithmetic"]) for row in rows}
    assert len(combinations) == len(rows) == len(releases) ** 2 * len(bench_torch.DEVICES)
    text = bench_torch.README.read_text(encoding="utf-8")
    written = text.split(bench_torch.BEGIN)[1].split(bench_torch.END)[0]
    assert written.strip() == bench_torch.table(rows).strip()
