"""Where the commands read and write, with the codec itself replaced by a stand-in that is quick."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hemgs_codec
from hemgs_cli.main import main
from hemgs_codec.ply import read_ply, write_ply
from hemgs_codec.scene import GaussianScene
from tests.small import ROOT
from tests.strategies import random_scene

CODED = (ROOT / "format" / "vectors" / "valid" / "one-gaussian.hgs").read_bytes()
SCENE = random_scene(4, sh_degree=1)


def ply_bytes(scene: GaussianScene = SCENE) -> bytes:
    stream = io.BytesIO()
    write_ply(scene, stream)
    return stream.getvalue()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the codec; return the list that its keyword arguments are recorded in."""
    recorded: list[dict[str, Any]] = []

    def encode(scene: GaussianScene, **options: Any) -> bytes:
        recorded.append({"scene": scene, **options})
        return CODED

    def decode(data: bytes, **options: Any) -> GaussianScene:
        assert data == CODED
        recorded.append(options)
        return SCENE

    monkeypatch.setattr(hemgs_codec, "encode", encode, raising=False)
    monkeypatch.setattr(hemgs_codec, "decode", decode, raising=False)
    return recorded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    Path("scene.ply").write_bytes(ply_bytes())
    Path("coded.hgs").write_bytes(CODED)
    yield tmp_path
    assert not list(tmp_path.glob(".*")), "a temporary file was left behind"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code


def set_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_encode_names_its_output_after_its_input(folder: Path, calls: list[dict[str, Any]]) -> None:
    assert run("encode", "scene.ply") == 0
    assert Path("scene.hgs").read_bytes() == CODED
    assert calls[0]["lambda_"] == 2e-3
    assert calls[0]["verify"] is True
    assert calls[0]["cache"] is True


def test_options_reach_the_codec(folder: Path, calls: list[dict[str, Any]]) -> None:
    given = "--lambda 4e-3 --seed 3 --iterations 9 --order raster --context 5 --window 9 --position-bits 12"
    aims = "--target-size 1.5MB --background white --weights analytic --compact 2"
    more = "--effort 7 --no-prior --no-verify --no-cache --model fit.bin --device cuda --threads 2"
    assert run("encode", "scene.ply", *given.split(), *aims.split(), *more.split()) == 0
    options = {key: value for key, value in calls[0].items() if key not in ("scene", "progress")}
    assert options == {
        "lambda_": 4e-3,
        "target_size": 1_500_000,
        "target_psnr": None,
        "cameras": None,
        "background": (1.0, 1.0, 1.0),
        "weights": "analytic",
        "compact": 2.0,
        "refine": 0,
        "images": None,
        "effort": 7,
        "prior": None,
        "seed": 3,
        "iterations": 9,
        "order": "raster",
        "context": 5,
        "window": 9,
        "position_bits": 12,
        "verify": False,
        "cache": False,
        "model": Path("fit.bin"),
        "device": "cuda",
        "threads": 2,
    }


def test_encode_json_is_one_object_on_stdout(
    folder: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encode", "scene.ply", "--json") == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert captured.err == ""
    assert result["file_bytes"] == len(CODED)
    assert result["bits_per_gaussian"] == 8 * len(CODED) / 4
    assert result["seconds"] > 0


def test_encode_from_stdin_to_stdout_is_data_only(
    folder: Path,
    calls: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    set_stdin(monkeypatch, ply_bytes())
    assert run("encode", "-", "--json") == 0
    captured = capfdbinary.readouterr()
    assert captured.out == CODED
    assert json.loads(captured.err)["output"] == "-"
    assert calls[0]["scene"].num_gaussians == 4


def test_decode_from_stdin_to_stdout_is_data_only(
    folder: Path,
    calls: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    set_stdin(monkeypatch, CODED)
    assert run("decode", "-") == 0
    captured = capfdbinary.readouterr()
    assert captured.out == ply_bytes()
    assert b"4 Gaussians" in captured.err


def test_decode_writes_a_ply_and_reports_seconds_and_bytes(
    folder: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("decode", "coded.hgs", "--json") == 0
    np.testing.assert_array_equal(read_ply("coded.ply").means, SCENE.means)
    result = json.loads(capsys.readouterr().out)
    assert result["output_bytes"] == Path("coded.ply").stat().st_size
    assert result["file_bytes"] == len(CODED)
    assert result["seconds"] > 0


def test_nothing_is_replaced_without_force(folder: Path, calls: list[dict[str, Any]]) -> None:
    Path("coded.ply").write_bytes(b"precious")
    assert run("decode", "coded.hgs") == 1
    assert Path("coded.ply").read_bytes() == b"precious"
    assert calls == []
    assert run("decode", "coded.hgs", "--force") == 0
    assert Path("coded.ply").read_bytes() == ply_bytes()


def test_an_interrupt_exits_with_130_and_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(scene: GaussianScene, **options: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(hemgs_codec, "encode", interrupted, raising=False)
    before = sorted(folder.iterdir())
    assert run("encode", "scene.ply") == 130
    assert sorted(folder.iterdir()) == before
    assert "Traceback" not in capsys.readouterr().err


def test_what_reading_altered_is_said_on_stderr_or_in_the_json(
    folder: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    scene = random_scene(4)
    scene.opacity_logits[0] = np.inf
    scene.means[1, 2] = np.nan
    Path("odd.ply").write_bytes(ply_bytes(scene))
    assert run("encode", "odd.ply") == 1
    assert "row 1 (counted from 0): property z is nan" in capsys.readouterr().err

    notes = ["clamped 1 infinite opacity logits to ±12", "dropped 1 of 4 Gaussians with invalid values"]
    assert run("encode", "odd.ply", "--drop-invalid") == 0
    err = capsys.readouterr().err
    assert err.startswith("".join(f"note: {note}\n" for note in notes))
    assert run("encode", "odd.ply", "--drop-invalid", "--force", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["notes"] == notes
    assert captured.err == ""
