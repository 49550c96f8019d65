"""One file, one scene: whatever the processor's instructions, the number of threads and the library.

A float control runs beside every decoding. Where environments agree on the control too, the test has shown
nothing, so they must disagree on it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from hemgs_codec import encode
from hemgs_codec.context.order import Order
from hemgs_codec.decoder import decode_symbols
from hemgs_codec.scene import GaussianScene
from tests.anchors.small import BANK, random_anchors, random_file
from tests.small import ROOT, crop, encode_with, random_fitted

VARIABLES = ("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE")
# MKL heeds MKL_ENABLE_INSTRUCTIONS on Intel's processors only, MKL_CBWR on others too.
ENVIRONMENTS = (
    ("sse4_2", ("SSE4_2", "COMPATIBLE", "default", "Nehalem")),
    ("avx2", ("AVX2", "AUTO", "avx2", "Haswell")),
    ("avx512f", ("AVX512", "AUTO", "avx512", "SkylakeX")),
)
LIBRARIES = ("numpy", "torch")


def usable_environments() -> list[dict[str, str]]:
    """Return the variables of each environment that this processor has the instructions for."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text().split()) if info.exists() else set()
    return [dict(zip(VARIABLES, values, strict=True)) for flag, values in ENVIRONMENTS if flag in flags]


def run_child(path: Path, variables: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the child's digests; one child at a time, for each uses two threads."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in (*VARIABLES, *limits)} | variables
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    child = Path(__file__).with_name("exactness_child.py")
    result = subprocess.run(
        [sys.executable, "-W", "error", str(child), str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, dict[str, str]] = json.loads(result.stdout)
    return found


def check_environments(data: bytes, folder: Path) -> None:
    environments = usable_environments()
    if platform.machine() != "x86_64" or len(environments) < 2:
        pytest.skip("needs an x86 processor with AVX2, and Linux")
    path = folder / "scene.hgs"
    path.write_bytes(data)
    decoded, control = set(), {library: set[str]() for library in LIBRARIES}
    for variables in environments:
        found = run_child(path, variables)
        assert len(found["decoded"]) == 4
        decoded |= set(found["decoded"].values())
        for key, digest in found["control"].items():
            control[key.split(",")[0]].add(digest)
    assert len(decoded) == 1
    assert all(len(digests) >= 2 for digests in control.values()), (
        "floats agree: these environments prove nothing"
    )


def test_a_file_decodes_alike_in_every_environment(chair: GaussianScene, tmp_path: Path) -> None:
    scene = crop(chair, 500)
    check_environments(encode_with(scene, random_fitted(scene, hidden=32, context=8)), tmp_path)


def test_a_file_that_leans_on_a_prior_decodes_alike_in_every_environment(
    chair: GaussianScene, tmp_path: Path
) -> None:
    data = encode(crop(chair, 1500), weights="analytic", effort=0, cache=False)
    assert decode_symbols(data).fields.spec.points > 0
    check_environments(data, tmp_path)


@pytest.mark.parametrize("order", ["permuted", "tiers"])
def test_an_anchor_file_decodes_alike_in_every_environment(order: Order, tmp_path: Path) -> None:
    check_environments(random_file(random_anchors(400, BANK), order=order), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["permuted", "raster"])
def test_a_larger_file_decodes_alike_in_every_environment(
    order: str, chair: GaussianScene, tmp_path: Path
) -> None:
    scene = crop(chair, 5000)
    fitted = random_fitted(scene, hidden=64, context=20, order="raster" if order == "raster" else "permuted")
    check_environments(encode_with(scene, fitted), tmp_path)
