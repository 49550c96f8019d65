"""Readers of bytes under what fuzzing starts from and what it found; `make fuzz` looks for more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.targets import TARGETS, run
from tests.mutations import damaged_bytes

FOUND = sorted(Path(__file__).with_name("found").iterdir())
ROUNDS = 20


@pytest.mark.parametrize("path", FOUND, ids=[path.name for path in FOUND])
def test_what_fuzzing_found_is_refused(path: Path) -> None:
    name = max((name for name in TARGETS if path.name.startswith(f"{name}-")), key=len)
    run(name, path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].read(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_seeds_are_refused_or_read(name: str) -> None:
    rng = np.random.default_rng(5)
    for seed in TARGETS[name].seeds():
        for _ in range(ROUNDS):
            run(name, damaged_bytes(rng, seed[:4096]))
