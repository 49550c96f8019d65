from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest

from benchmarks import bench_render, report, result_tables, scenes
from benchmarks.bench_compact import best_rows, psnr
from benchmarks.bench_model import OWN_STEPS, VARIANTS, Bench, distortion_bits, symbols_of
from benchmarks.bench_prior import kept_reference
from benchmarks.entropy import static_cost, step_of_equal_error, weighted_error
from benchmarks.provenance import RESULTS, command_line, content_hash, provenance, public_argument
from benchmarks.stages import bits_by_section, run_process
from hemgs_codec import GaussianScene
from hemgs_codec.render import View


def small_scene(count: int, seed: int) -> GaussianScene:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal((count, *shape)).astype(np.float32)

    return GaussianScene(normal(3), normal(3), normal(4), normal(), normal(3), normal(3, 3))


def test_static_cost_of_a_hand_computed_channel() -> None:
    cost = static_cost(np.array([0, 0, 0, 0, 1, 1, -3, 7]))
    assert cost.symbol_bits == pytest.approx(4 * 1 + 2 * 2 + 3 + 3)
    assert cost.table_bits == pytest.approx(3 * 0.5 * 3 + 32)


def test_a_constant_channel_costs_its_value() -> None:
    cost = static_cost(np.zeros(100, dtype=np.int64))
    assert (cost.symbol_bits, cost.table_bits) == (0.0, 16.0)


def test_provenance_holds_no_path() -> None:
    text = json.dumps(provenance())
    assert not re.search(r"(^|[\s\"=])(/|\.\./|~)\w", text), text
    assert str(Path.home()) not in text


@pytest.mark.parametrize(
    ("argument", "public"),
    [
        ("--data", "--data"),
        ("/somewhere/secret/scenes/", "scenes"),
        ("../up/chair.ply", "chair.ply"),
        ("--data=/somewhere/scenes", "--data=scenes"),
        ("2e-3", "2e-3"),
    ],
)
def test_arguments_lose_their_folders(argument: str, public: str) -> None:
    assert public_argument(argument) == public


def test_command_line_can_be_typed_again() -> None:
    command = command_line(["/a/checkout/benchmarks/bench_scenes.py", "--data", "/b/raw", "--scene", "mic"])
    assert command == "python -m benchmarks.bench_scenes --data raw --scene mic"


def test_content_hash_is_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert content_hash(tmp_path / "empty") == "e3b0c44298fc1c14"


def test_a_crop_lies_together() -> None:
    scene = small_scene(1000, 0)
    crop = scenes.morton_crop(scene, 100)
    assert crop.num_gaussians == 100
    whole = {row.tobytes() for row in scene.means}
    assert {row.tobytes() for row in crop.means} < whole
    assert crop.means.std(axis=0).prod() < 0.5 * scene.means.std(axis=0).prod()


def test_a_crop_beyond_the_scene_is_refused() -> None:
    with pytest.raises(click.ClickException, match="crop of 11"):
        scenes.morton_crop(small_scene(10, 0), 11)


def test_scenes_side_by_side_are_seeded_and_have_the_count() -> None:
    parts = [small_scene(40, 1), small_scene(30, 2)]
    joined = scenes.side_by_side(parts, 200, 0)
    assert joined.num_gaussians == 200
    joined.validate()
    assert joined.means.tobytes() == scenes.side_by_side(parts, 200, 0).means.tobytes()
    assert len(np.unique(joined.sh0, axis=0)) == 200


def test_scenes_side_by_side_do_not_overlap() -> None:
    joined = scenes.side_by_side([small_scene(40, 1), small_scene(30, 2)], 70, 0)
    assert joined.means[:40, 0].max() < joined.means[40:, 0].min()


def test_evaluations_are_pixels_of_pairs_of_rows() -> None:
    camera, scene = bench_render.camera_before(small_scene(9, 0), 16), small_scene(9, 0)
    tiles = View(scene, camera).splats.tiles
    pairs = np.array([0x3152], np.uint16)  # left band: pairs 2 .. 4; right band: pairs 1 and 2
    assert bench_render.evaluations(replace(tiles, pairs=pairs)) == (3 + 2) * 16


def test_an_unknown_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="nowhere"):
        scenes.scene_path("nowhere", tmp_path)


def test_ablated_fits_code_the_same_symbols() -> None:
    bench = Bench(small_scene(120, 3), 4, "cpu")
    for name, options in VARIANTS.items():
        if name != OWN_STEPS:
            fit, _, _ = bench.fit(options, bench.full.octaves)
            assert np.array_equal(symbols_of(fit, 3), symbols_of(bench.full, 3))


def test_errors_of_steps_as_wanted_cost_a_twelfth_at_high_rates() -> None:
    bench = Bench(small_scene(120, 3), 4, "cpu")
    fit, k = bench.full, 0
    fit.octaves[k] = -8  # all values are 2**-1 steps
    error = (0.5**2 / 12) * np.exp2(-2 * fit.wanted.double().numpy())
    expected = error.sum() * 6 * 2e-3 / np.log(2) / 2.5e-4
    assert distortion_bits(fit, k) == pytest.approx(expected, rel=0.1)


def test_the_widest_step_of_an_error_is_found() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.standard_normal(5000), rng.random(5000)
    error = weighted_error(values, weights, 0.3)
    assert step_of_equal_error(values, weights, error) == pytest.approx(0.3, rel=0.02)


def test_plain_rules_keep_the_most_opaque_or_some_at_random() -> None:
    scene = small_scene(50, 4)
    kept = best_rows(scene, "opacity", 20)
    assert scene.opacity_logits[kept].min() > np.delete(scene.opacity_logits, kept).max()
    some = best_rows(scene, "random", 20)
    assert len(set(some.tolist())) == 20
    assert np.array_equal(some, best_rows(scene, "random", 20))


def test_psnr_is_the_mean_over_images() -> None:
    black = np.zeros((4, 4, 3), np.float32)
    assert psnr([black + 0.1, black + 0.01], [black, black]) == pytest.approx(30.0, abs=1e-3)


def test_section_bits_sum_to_the_file() -> None:
    sections = [{"id": "A", "name": "a", "bytes": 10}, {"id": "B", "name": "b", "bytes": 30}]
    assert bits_by_section({"num_gaussians": 8, "sections": sections}) == {"a": 10.0, "b": 30.0}
    runs = [*sections, {"id": "RUN0", "name": "base", "bytes": 8}]
    found = bits_by_section({"num_gaussians": 8, "sections": runs, "attributes": {"scales": 5, "sh0": 2}})
    assert found == {"a": 10.0, "b": 30.0, "scales": 5.0, "sh0": 2.0, "runs": 1.0}


def test_a_process_is_measured_without_what_the_measurer_holds() -> None:
    held = np.ones(30_000_000)  # 240 MB
    code = "import sys; sum(range(10**6)); print(1); sys.exit(3)"
    stage = run_process([sys.executable, "-I", "-S", "-c", code])
    assert (stage.code, stage.output.strip(), stage.errors) == (3, "1", "")
    assert stage.cpu_seconds > 0
    assert 1 < stage.peak_rss_mb < 100 < held.nbytes / 1e6


def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(click.ClickException, match="nowhere couldn't be measured"):
        run_process(["nowhere"])


def test_the_report_shows_the_latest_row_of_each_case() -> None:
    table = result_tables.Table(("scene",), ("bits.a", "ok", "none"))
    rows: list[dict[str, object]] = [
        {"scene": "x", "bits": {"a": 1.0}},
        {"scene": "y", "bits": {"a": 3.0}, "ok": True},
        {"scene": "x", "bits": {"a": 2.0}},
    ]
    lines = report.markdown(report.latest(rows, table.keys), table).splitlines()
    assert lines == ["| scene | a | ok |", "| --- | --: | --: |", "| x | 2.00 |  |", "| y | 3.00 | yes |"]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_kept_results_are_rows_that_the_report_knows(path: Path) -> None:
    table = result_tables.TABLES[path.stem]
    for row in report.read_rows(path):
        assert {"command", "commit", "date", "machine", "versions"} <= set(row)
        assert any(report.look_up(row, key) is not None for key in table.keys)
        assert not re.search(r"[\s\"=](/|\.\./|~)\w", json.dumps(row))


def test_a_kept_reference_is_the_latest_and_has_its_own_slope() -> None:
    """Not that of rows that lean on another reference."""
    old = {"scene": "x", "effort": 4, "psnr": 41.8, "log_bytes_per_db": 0.1}
    new = {"scene": "x", "effort": 4, "psnr": 41.0, "log_bytes_per_db": 0.07}
    near = {"scene": "x", "prior_file": "fold-1", "psnr": 41.01, "file_bytes": 9, "equal_bytes": 9}
    before_slopes = {"scene": "y", "effort": 4, "psnr": 40.0}
    reference, slope = kept_reference([old, near, new, near, before_slopes], "x")
    assert (reference["psnr"], slope) == (41.0, 0.07)
    with pytest.raises(click.ClickException, match="no row of y"):
        kept_reference([old, before_slopes], "y")
