from __future__ import annotations

import json
import os
from pathlib import Path

import click
import numpy as np
import pytest

from benchmarks import setup_peers
from benchmarks.codecs.codec import Codec, SceneFiles, Setting
from benchmarks.codecs.draco import Draco, DracoLocations
from benchmarks.codecs.draco_worker import (
    decode_locations,
    decode_scene,
    encode_locations,
    encode_scene,
    morton_order,
)
from benchmarks.codecs.ksplat import Ksplat
from benchmarks.codecs.lossless import xz
from benchmarks.codecs.lossless_worker import pack, unpack
from benchmarks.codecs.registry import rivals
from benchmarks.codecs.splat_transform import CompressedPly, Sog, Spz
from benchmarks.codecs.tools import NodePackages, in_turn, sh_degree, succeeded
from benchmarks.stages import Stage
from hemgs_codec import GaussianScene, read_ply, write_ply

NOWHERE = Path("no-such-folder")
COUNT = 200
REST = {0: 0, 1: 3, 2: 8, 3: 15}


def made_up(degree: int = 3) -> GaussianScene:
    rng = np.random.default_rng(degree)

    def normal(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal((COUNT, *shape)).astype(np.float32)

    return GaussianScene(
        normal(3), normal(3) - 4, normal(4), normal(), normal(3), normal(REST[degree], 3) * np.float32(0.1)
    )


@pytest.fixture
def files(tmp_path: Path) -> SceneFiles:
    return files_of(tmp_path, 3)


def files_of(folder: Path, degree: int) -> SceneFiles:
    ply = folder / f"degree{degree}.ply"
    write_ply(made_up(degree), ply)
    return SceneFiles("made-up", ply)


def by_place(scene: GaussianScene) -> GaussianScene:
    return scene.take(np.lexsort(np.round(scene.means, 2).T))


def test_names_are_unique_and_lower_case() -> None:
    names = [codec.name for codec in rivals(NOWHERE)]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize("codec", rivals(NOWHERE), ids=lambda codec: codec.name)
@pytest.mark.parametrize("degree", [0, 2, 3])
def test_settings_have_unique_names_and_a_quick_one_if_any_is(
    tmp_path: Path, codec: Codec, degree: int
) -> None:
    settings = codec.settings(files_of(tmp_path, degree))
    names = [setting.name for setting in settings]
    assert len(set(names)) == len(names)
    assert (codec.name != "sog") <= sum(setting.is_quick for setting in settings) <= 2


def test_settings_follow_the_scene_s_sh_degree(tmp_path: Path) -> None:
    bare, full = files_of(tmp_path, 0), files_of(tmp_path, 3)
    assert [s.name for s in CompressedPly(NOWHERE).settings(bare) if "bands" in s.options] == []
    assert [s.options["bands"] for s in Spz(NOWHERE).settings(full) if "bands" in s.options] == [0, 1, 2]
    assert not any("sh_bits" in s.options for s in Spz(NOWHERE).settings(bare))
    assert {s.options["bands"] for s in Ksplat(NOWHERE).settings(full)} == {0, 1, 2}
    assert len(Draco().settings(bare)) < len(Draco().settings(full))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_the_sh_degree_is_in_the_header(tmp_path: Path, degree: int) -> None:
    assert sh_degree(files_of(tmp_path, degree).ply) == degree


def test_an_odd_number_of_sh_columns_is_refused(tmp_path: Path) -> None:
    ply = tmp_path / "odd.ply"
    ply.write_bytes(b"ply\nproperty float f_rest_0\nend_header\n")
    with pytest.raises(click.ClickException, match="has 1 f_rest columns"):
        sh_degree(ply)


@pytest.mark.parametrize("codec", [Spz(NOWHERE), Sog(NOWHERE), CompressedPly(NOWHERE), Ksplat(NOWHERE)])
def test_absent_packages_are_named_with_what_to_run(codec: Codec) -> None:
    reason = codec.missing()
    assert reason is not None
    assert "splat-transform" in reason
    assert reason.endswith("run python -m benchmarks.setup_peers")
    assert "none" in codec.versions().values()


def test_a_failed_process_leaves_its_last_words() -> None:
    with pytest.raises(click.ClickException, match=r"tool ended with 3: a+las$"):
        succeeded(Stage(1.0, 10.0, 3, "", "long ago" + "a" * 1000 + "las\n"), "tool")


def test_two_stages_in_turn_add_up() -> None:
    both = in_turn(Stage(1.0, 10.0, 0, "a", ""), Stage(2.5, 7.0, 0, "b", ""))
    assert (both.seconds, both.peak_rss_mb, both.output) == (3.5, 10.0, "ab")


@pytest.mark.parametrize("name", ["zstd", "xz"])
def test_packed_bytes_come_back(name: str) -> None:
    plain = bytes(range(256)) * 20
    assert unpack(name, pack(name, plain)) == plain


def test_lossless_files_come_back_byte_by_byte(tmp_path: Path, files: SceneFiles) -> None:
    codec = xz()
    coded, back = tmp_path / f"a{codec.suffix}", tmp_path / "back.ply"
    stage = codec.encode(files, coded, codec.settings(files)[0])
    codec.decode(coded, back)
    assert back.read_bytes() == files.ply.read_bytes()
    assert stage.seconds > 0
    assert stage.peak_rss_mb > 0


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_draco_s_values_are_within_half_a_step(degree: int) -> None:
    scene = made_up(degree)
    back = decode_scene(encode_scene(scene, 16, 10, 8))
    ordered = scene.take(morton_order(scene.means))
    assert back.num_gaussians == COUNT
    assert np.abs(back.means - ordered.means).max() < np.ptp(scene.means, axis=0).max() / 2**16
    unit = ordered.quats / np.linalg.norm(ordered.quats, axis=1, keepdims=True)
    unit = unit * np.where(unit[:, :1] < 0, -1, 1)
    assert np.abs(unit - back.quats).max() < 1.01 / 1023
    for name, bits in (("log_scales", 10), ("opacity_logits", 10), ("sh0", 10), ("shN", 8)):
        first, second = getattr(ordered, name), getattr(back, name)
        assert first.shape == second.shape
        if first.size:
            step = np.ptp(first.reshape(COUNT, -1), axis=0).max() / (2**bits - 1)
            assert np.abs(first - second).max() < 0.501 * step + 1e-5


def test_equal_gaussians_stay_apart() -> None:
    scene = made_up().take(np.zeros(5, dtype=np.intp))
    assert decode_scene(encode_scene(scene, 12, 8, 8)).num_gaussians == 5


def test_locations_come_back_in_some_order() -> None:
    scene = made_up()
    back = by_place(decode_locations(encode_locations(scene, 18)))
    assert np.abs(back.means - by_place(scene).means).max() < 0.02


def test_draco_runs_in_processes_of_its_own(tmp_path: Path, files: SceneFiles) -> None:
    codec = Draco()
    coded, back = tmp_path / "a.drcs", tmp_path / "back.ply"
    codec.encode(files, coded, codec.settings(files)[0])
    codec.decode(coded, back)
    assert read_ply(back).num_gaussians == COUNT
    assert coded.stat().st_size < files.ply.stat().st_size / 4


def test_a_broken_file_ends_in_an_exception_of_click(tmp_path: Path) -> None:
    coded = tmp_path / "broken.drc"
    coded.write_bytes(b"DRACO")
    with pytest.raises(click.ClickException, match="draco_worker ended with 1"):
        DracoLocations().decode(coded, tmp_path / "back.ply")


def test_pins_that_are_installed_are_left_alone(tmp_path: Path) -> None:
    for name, version in setup_peers.NPM.items():
        folder = tmp_path / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"version": version}))
    assert setup_peers.absent_npm(tmp_path) == []
    assert len(setup_peers.absent_npm(NOWHERE)) == len(setup_peers.NPM)


def test_an_installer_s_failure_is_told() -> None:
    with pytest.raises(click.ClickException, match="no-such-installer isn't installed"):
        setup_peers.install(["no-such-installer"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Spz, CompressedPly, Ksplat])
def test_what_node_writes_is_near(tmp_path: Path, files: SceneFiles, kind: type[Spz] | type[Ksplat]) -> None:
    codec = kind(peers())
    if reason := codec.missing():
        pytest.skip(reason)
    setting = next(setting for setting in codec.settings(files) if setting.is_quick)
    coded, back = tmp_path / f"a{codec.suffix}", tmp_path / "back.ply"
    codec.encode(files, coded, setting)
    codec.decode(coded, back)
    decoded = read_ply(back)
    assert decoded.num_gaussians == COUNT
    assert np.abs(by_place(decoded).means.mean(axis=0) - made_up().means.mean(axis=0)).max() < 0.01


@pytest.mark.slow
def test_the_usual_sh_bits_make_splat_transform_s_own_file(tmp_path: Path, files: SceneFiles) -> None:
    codec = Spz(peers())
    if reason := codec.missing():
        pytest.skip(reason)
    first, second = tmp_path / "first.spz", tmp_path / "second.spz"
    codec.encode(files, first, Setting("usual"))
    codec.encode(files, second, Setting("same", {"sh_bits": (5, 4)}))
    assert first.read_bytes() == second.read_bytes()


def peers() -> Path:
    return Path(os.environ.get("HEMGS_PEERS", setup_peers.PEERS))


def test_node_is_looked_for_on_the_machine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert NodePackages(NOWHERE).node() is None
