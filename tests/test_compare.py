"""The runner that puts codecs side by side: fair to others, and to scenes that a prior has seen."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import ROOT
from benchmarks.codecs.codec import SceneFiles
from benchmarks.codecs.hemgs import Hemgs
from benchmarks.compare import cases, key_of, rows_there
from benchmarks.priors import FOLDER, prior_of
from benchmarks.scenes import surroundings
from hemgs_codec.prior.corpus import scene_hash
from hemgs_codec.prior.library import load_prior

CHAIR = ROOT / "examples" / "chair.ply"


def test_a_scene_is_judged_with_a_prior_that_never_saw_it() -> None:
    path = prior_of(CHAIR)
    assert path is not None
    seen = bytes.fromhex(scene_hash(CHAIR))
    assert seen not in load_prior(path).corpus
    others = [other for other in FOLDER.glob("*.hgp") if other != path]
    assert len(others) == 3
    assert all(seen in load_prior(other).corpus for other in others)


def test_the_default_lambda_comes_first_and_names_differ(tmp_path: Path) -> None:
    codec = Hemgs(None, (0, 4), tmp_path, 1)
    settings = codec.settings(SceneFiles("chair", CHAIR))
    assert settings[0].options["lambda"] == 2e-3
    assert len({setting.name for setting in settings}) == len(settings) == 30
    assert sum(setting.is_quick for setting in settings) == 6


def test_rows_of_other_versions_of_a_tool_are_made_again(tmp_path: Path) -> None:
    row = {"scene_sha256": "ab", "codec": "spz", "setting": "usual", "tools": {"spz": "1"}}
    kept = tmp_path / "rows.jsonl"
    assert rows_there(kept) == set()
    kept.write_text(json.dumps({**row, "file_bytes": 1}) + "\n")
    assert key_of(row) in rows_there(kept)
    assert key_of({**row, "tools": {"spz": "2"}}) not in rows_there(kept)


def test_encoders_are_told_of_what_lies_beside_a_scene(tmp_path: Path) -> None:
    ply = tmp_path / "scene.ply"
    nothing = surroundings(ply)
    assert (nothing.cameras, nothing.images, nothing.options) == (None, None, ())
    assert nothing.background == (0.0, 0.0, 0.0)
    (tmp_path / "metrics.json").write_text('{"background": [1, 1, 1]}')
    (tmp_path / "cameras.json").write_text("[]")
    assert surroundings(ply).options == ("--cameras", str(tmp_path / "cameras.json"), "--background", "white")


def test_rows_without_another_renderers_verdict_are_made_again_if_one_is_asked_for(tmp_path: Path) -> None:
    row = {"scene_sha256": "ab", "codec": "spz", "setting": "usual", "tools": {}, "num_views": 6}
    kept = tmp_path / "rows.jsonl"
    lossless = {**row, "codec": "zstd"}
    del lossless["num_views"]
    kept.write_text(f"{json.dumps(row)}\n{json.dumps(lossless)}\n")
    assert rows_there(kept) == {key_of(row), key_of(lossless)}
    assert rows_there(kept, judged=True) == {key_of(lossless)}
    kept.write_text(json.dumps({**row, "judge_psnr_vs_original": 40.0}) + "\n")
    assert rows_there(kept, judged=True) == {key_of(row)}


def test_settings_can_be_named(tmp_path: Path) -> None:
    codec = Hemgs(None, (0, 4), tmp_path, 1)
    files = SceneFiles("chair", CHAIR)
    assert len(list(cases([codec], files, False, set()))) == 30
    wanted = ("effort 0, lambda 0.002", "usual")
    assert [s.name for _, s in cases([codec], files, False, set(), wanted)] == ["effort 0, lambda 0.002"]
