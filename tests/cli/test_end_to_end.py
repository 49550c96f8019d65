"""The commands as a user runs them: processes of their own, real files, the real codec."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from hemgs_codec import read_ply, write_ply
from hemgs_codec.decoder import decode_gaussians
from hemgs_codec.scene import GaussianScene
from tests.small import ROOT, crop

Run = Callable[..., subprocess.CompletedProcess[bytes]]
QUICK = ("--iterations", "3", "--threads", "1")


def environment(folder: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, sys.path)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HEMGS_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, chair: GaussianScene) -> Path:
    """A folder with scene.ply and, made from it by the command, scene.hgs; nobody writes to either."""
    made = tmp_path_factory.mktemp("commands")
    write_ply(crop(chair, 80, sh_degree=1), made / "scene.ply")
    result = hemgs(made, "encode", "scene.ply", *QUICK, "--json")
    assert result.returncode == 0, result.stderr
    (made / "encode.json").write_bytes(result.stdout)
    return made


def hemgs(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "hemgs_cli", *arguments],
        cwd=folder,
        env=environment(folder),
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_encode_reports_its_result_as_json(folder: Path) -> None:
    report: dict[str, Any] = json.loads((folder / "encode.json").read_text())
    data = (folder / "scene.hgs").read_bytes()
    assert report["file_bytes"] == len(data)
    assert report["num_gaussians"] == 80
    assert report["bits_per_gaussian"] == pytest.approx(8 * len(data) / 80)
    assert report["lambda"] == pytest.approx(2e-3, rel=2e-3)  # as the file has it: in 1/256 octaves
    assert report["seconds"] > 0


def test_another_process_decodes_the_same_scene(folder: Path) -> None:
    result = hemgs(folder, "decode", "scene.hgs", "-o", "decoded.ply", "--json", "--threads", "1")
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["output_bytes"] == (folder / "decoded.ply").stat().st_size
    decoded = read_ply(folder / "decoded.ply")
    expected = decode_gaussians((folder / "scene.hgs").read_bytes())
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN"):
        np.testing.assert_array_equal(getattr(decoded, name), getattr(expected, name))


def test_verify_tells_a_good_file_from_a_bad_one(folder: Path) -> None:
    result = hemgs(folder, "verify", "scene.hgs")
    assert (result.returncode, result.stdout) == (0, b"scene.hgs: ok\n")
    data = bytearray((folder / "scene.hgs").read_bytes())
    data[-5] ^= 4
    result = hemgs(folder, "verify", "-", stdin=bytes(data))
    assert result.returncode == 1
    assert result.stderr.startswith(b'hemgs: section "RUN1" at byte')
    assert len(result.stderr.splitlines()) == 1


def test_info_sums_to_the_file_and_agrees_with_encode(folder: Path) -> None:
    result = hemgs(folder, "info", "scene.hgs", "--json")
    assert result.returncode == 0, result.stderr
    info: dict[str, Any] = json.loads(result.stdout)
    assert list(info) == [
        "file_bytes", "profile", "num_gaussians", "num_coded", "bits_per_gaussian", "lambda",
        "symbols_sha256", "sections",
    ]  # fmt: skip
    assert info["file_bytes"] == (folder / "scene.hgs").stat().st_size
    assert sum(section["bytes"] for section in info["sections"]) == info["file_bytes"]
    assert info["profile"] == "gaussian"
    assert info["lambda"] == pytest.approx(2e-3, rel=0.002)
    table = hemgs(folder, "info", "scene.hgs")
    assert table.returncode == 0
    for section in info["sections"]:
        assert section["name"].encode() in table.stdout
        assert f"{section['bytes']:,}".encode() in table.stdout


def test_info_imports_neither_torch_nor_numba(folder: Path) -> None:
    script = (
        "import sys\n"
        "from hemgs_cli.main import main\n"
        "try:\n    main(['info', 'scene.hgs', '--json'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'scipy', 'rich')))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment(folder), capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_pipes_carry_the_same_bytes(folder: Path) -> None:
    coded = hemgs(folder, "encode", "-", "-o", "-", *QUICK, stdin=(folder / "scene.ply").read_bytes())
    assert coded.returncode == 0, coded.stderr
    assert coded.stdout == (folder / "scene.hgs").read_bytes()
    restored = hemgs(folder, "decode", "-", stdin=coded.stdout)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith(b"ply\nformat binary_little_endian")


def test_an_existing_file_is_replaced_only_by_force(folder: Path) -> None:
    target = folder / "kept.hgs"
    target.write_bytes(b"precious")
    refused = hemgs(folder, "encode", "scene.ply", "-o", "kept.hgs", *QUICK)
    assert refused.returncode == 1
    assert b"--force" in refused.stderr
    assert target.read_bytes() == b"precious"
    assert hemgs(folder, "encode", "scene.ply", "-o", "kept.hgs", *QUICK, "--force").returncode == 0
    assert target.read_bytes() == (folder / "scene.hgs").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("encode", "scene.ply", "-o", "no.hgs", "--lambda", "1"), 1),
        (("encode", "scene.ply", "-o", "no.hgs", "--window", "4"), 1),
        (("encode", "scene.ply", "-o", "no.hgs", "--device", "nonsense", *QUICK), 1),
        (("decode", "scene.ply", "-o", "no.ply"), 1),
        (("decode", "scene.hgs", "-o", "no.ply", "--device", "nonsense"), 1),
        (("decode", "missing.hgs", "-o", "no.ply"), 2),
        (("encode", "scene.ply", "-o", "no.hgs", "--order", "spiral"), 2),
    ],
)
def test_failures_say_why_in_one_line_and_leave_nothing(
    arguments: tuple[str, ...], code: int, folder: Path
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    result = hemgs(folder, *arguments)
    assert result.returncode == code
    assert result.stdout == b""
    assert b"Traceback" not in result.stderr
    if code == 1:
        assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_ctrl_c_during_a_fit_leaves_nothing_behind(
    folder: Path, chair: GaussianScene, tmp_path: Path
) -> None:
    write_ply(crop(chair, 300, sh_degree=1), tmp_path / "scene.ply")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hemgs_cli",
            "encode",
            "scene.ply",
            "--iterations",
            "1000000",
            "--weights",
            "analytic",
            "--threads",
            "1",
        ],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # importing takes some seconds of the processor, however many of the clock; then it's fitting
    watched, until = psutil.Process(process.pid), time.monotonic() + 100
    try:
        while process.poll() is None and watched.cpu_times().user < 10 and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()  # a fit that goes on would take a core for hours
    assert process.returncode == 130, err
    assert err.strip() == b"hemgs: interrupted"
    assert out == b""
    assert [path.name for path in tmp_path.iterdir()] == ["scene.ply"]


def test_encode_refines(folder: Path) -> None:
    result = hemgs(folder, "encode", "scene.ply", "-o", "refined.hgs", *QUICK, "--refine", "2")
    assert result.returncode == 0, result.stderr
    assert decode_gaussians((folder / "refined.hgs").read_bytes()).num_gaussians == 80
    assert (folder / "refined.hgs").read_bytes() != (folder / "scene.hgs").read_bytes()


@pytest.mark.parametrize("options", [("--images", "."), ("--refine", "2", "--target-size", "1kB")])
def test_options_that_do_not_go_with_refinement_are_wrong_usage(
    folder: Path, options: tuple[str, ...]
) -> None:
    result = hemgs(folder, "encode", "scene.ply", "-o", "never.hgs", *options)
    assert result.returncode == 2
    assert b"--refine" in result.stderr
    assert not (folder / "never.hgs").exists()
