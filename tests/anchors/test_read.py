from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec.anchors.neural import neural_gaussians, tensors_of
from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_format.errors import SceneError
from tests.anchors.trained import (
    VOXEL_SIZE,
    Trained,
    columns,
    hac,
    run,
    trained,
    write_columns,
    write_split,
    write_united,
)


def assert_read(scene: AnchorScene, source: Trained) -> None:
    np.testing.assert_array_equal(scene.anchors, source.anchors)
    np.testing.assert_array_equal(scene.features, source.features)
    np.testing.assert_array_equal(scene.log_scales, source.log_scales)
    np.testing.assert_array_equal(scene.offsets, source.offsets)
    arrays = (scene.anchors, scene.features, scene.log_scales, scene.offsets)
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in arrays)
    networks = {"opacity": "opacity_mlp", "covariance": "cov_mlp", "colour": "color_mlp"}
    if scene.networks.shape.feature_bank:
        networks["bank"] = "feature_bank_mlp"
    for network, name in networks.items():
        state = source.modules[name].state_dict()
        for layer, key in (("hidden", "0"), ("out", "2")):
            weight, bias = state[f"{key}.weight"].numpy(), state[f"{key}.bias"].numpy()
            np.testing.assert_array_equal(scene.networks.weights[f"{network}.{layer}"], weight.T)
            np.testing.assert_array_equal(scene.networks.biases[f"{network}.{layer}"], bias)


@pytest.mark.parametrize("networks", ["checkpoints.pth", "split"])
@pytest.mark.parametrize("bank", [False, True])
@pytest.mark.parametrize("distances", [(False, False, False), (True, True, True), (True, False, False)])
def test_scaffold_gs_is_read(
    tmp_path: Path, networks: str, bank: bool, distances: tuple[bool, bool, bool]
) -> None:
    source = trained(bank=bank, distances=distances)
    run(tmp_path, source, networks=networks)
    scene = read_anchor_scene(tmp_path, trust=networks == "split")
    assert_read(scene, source)
    assert scene.networks.shape.distances == distances
    assert scene.networks.shape.feature_bank is bank
    assert scene.masks.all()
    assert scene.voxel_size == VOXEL_SIZE


def test_hac_is_read(tmp_path: Path) -> None:
    source = hac()
    run(tmp_path, source, networks="checkpoint.pth")
    scene = read_anchor_scene(tmp_path)
    assert_read(scene, source)
    assert source.mask_logits is not None
    np.testing.assert_array_equal(
        scene.masks, 1 / (1 + np.exp(-source.mask_logits.astype(np.float64))) > 0.01
    )
    assert not scene.masks.all()
    assert scene.networks.shape.distances == (True, True, True)


def test_hac_names_its_feature_bank_otherwise(tmp_path: Path) -> None:
    source = trained(bank=True)
    place = run(tmp_path, source)
    renamed = Trained(**vars(source))
    renamed.modules = {
        "mlp_feature_bank" if name == "feature_bank_mlp" else name: module
        for name, module in source.modules.items()
    }
    write_united(place / "checkpoints.pth", renamed)
    assert_read(read_anchor_scene(tmp_path), source)


def test_networks_render_as_the_trainers_modules_do(tmp_path: Path) -> None:
    source = trained(distances=(True, False, True))
    run(tmp_path, source)
    scene = read_anchor_scene(tmp_path)
    eye = np.array([0.3, -5.0, 2.0])
    toward = torch.from_numpy(source.anchors) - torch.from_numpy(eye).float()
    distance = toward.norm(dim=1, keepdim=True)
    inputs = torch.cat([torch.from_numpy(source.features), toward / distance, distance], dim=1)
    with torch.no_grad():
        expected = source.modules["opacity_mlp"](inputs)
        colours = source.modules["color_mlp"](inputs).reshape(-1, 3)
    got = neural_gaussians(tensors_of(scene), eye)
    torch.testing.assert_close(got.opacities, expected)
    torch.testing.assert_close(got.colours, colours[got.slots])


def test_the_highest_iteration_is_taken(tmp_path: Path) -> None:
    run(tmp_path, trained(slots=2), iteration=7_000)
    run(tmp_path, trained(slots=5), iteration=30_000)
    run(tmp_path, trained(slots=4), iteration=900)
    assert read_anchor_scene(tmp_path).networks.shape.slots == 5
    assert read_anchor_scene(tmp_path / "point_cloud").networks.shape.slots == 5
    assert read_anchor_scene(tmp_path / "point_cloud" / "iteration_900").networks.shape.slots == 4


def test_a_folder_with_the_files_themselves_is_read(tmp_path: Path) -> None:
    source = trained()
    write_columns(tmp_path / "point_cloud.ply", columns(source))
    write_united(tmp_path / "checkpoint.pth", source)
    assert_read(read_anchor_scene(tmp_path), source)


@pytest.mark.parametrize(("text", "order"), [(True, "<"), (False, "<"), (False, ">")])
def test_every_encoding_and_any_order_of_properties_is_read(tmp_path: Path, text: bool, order: str) -> None:
    source = trained(masks=True)
    place = run(tmp_path, source)
    named = columns(source)
    shuffled = np.random.default_rng(1).permutation(list(named))
    write_columns(place / "point_cloud.ply", {name: named[name] for name in shuffled}, text=text, order=order)
    assert_read(read_anchor_scene(tmp_path), source)


def test_doubles_are_rounded_and_dead_properties_not_needed(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    dead = re.compile("n[xyz]|opacity|rot_.")
    named: dict[str, npt.NDArray[np.floating]] = {
        name: array.astype(np.float64) for name, array in columns(source).items() if not dead.fullmatch(name)
    }
    write_columns(place / "point_cloud.ply", named)
    assert_read(read_anchor_scene(tmp_path), source)


def test_the_trainers_settings_give_the_voxel_size(tmp_path: Path) -> None:
    source = trained()
    source.indices *= 10
    run(tmp_path, source)
    assert read_anchor_scene(tmp_path).voxel_size == pytest.approx(10 * VOXEL_SIZE)
    settings = "Namespace(feat_dim=8, n_offsets=3, voxel_size=0.01, update_depth=3)"
    (tmp_path / "cfg_args").write_text(settings)
    assert read_anchor_scene(tmp_path).voxel_size == VOXEL_SIZE
    assert_read(read_anchor_scene(tmp_path), source)


@pytest.mark.parametrize(
    "settings",
    [
        "Namespace(voxel_size=0.0)",
        "Namespace(voxel_size=-1)",
        "Namespace(voxel_size=0.0137)",
        "Namespace(voxel_size=1.2.3)",
        "Namespace(voxel_size=__import__('os').abort())",
        "Namespace(update_depth=3)",
        "\udcff",
    ],
)
def test_settings_without_the_voxel_size_are_passed_over(tmp_path: Path, settings: str) -> None:
    source = trained()
    run(tmp_path, source)
    (tmp_path / "cfg_args").write_bytes(settings.encode("utf-8", "surrogateescape"))
    scene = read_anchor_scene(tmp_path)
    assert scene.voxel_size == VOXEL_SIZE
    assert_read(scene, source)


def test_a_given_voxel_size_comes_first(tmp_path: Path) -> None:
    source = trained()
    run(tmp_path, source)
    (tmp_path / "cfg_args").write_text("Namespace(voxel_size=0.01)")
    assert read_anchor_scene(tmp_path, voxel_size=0.005).voxel_size == 0.005
    with pytest.raises(SceneError, match=r"aren't multiples of the voxel size 0.02, first that of row"):
        read_anchor_scene(tmp_path, voxel_size=0.02)
    with pytest.raises(SceneError, match="expected a positive number"):
        read_anchor_scene(tmp_path, voxel_size=0.0)


def test_anchors_of_products_in_float64_are_snapped(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    named = columns(source)
    exact = (source.indices * VOXEL_SIZE).astype(np.float32)
    assert (exact != source.anchors).any()
    for i, axis in enumerate(("x", "y", "z")):
        named[axis] = exact[:, i]
    write_columns(place / "point_cloud.ply", named)
    assert_read(read_anchor_scene(tmp_path), source)


def test_anchors_on_no_lattice_stay_as_they_are(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    named = columns(source)
    named["y"] = source.features[:, 0]
    write_columns(place / "point_cloud.ply", named)
    (tmp_path / "cfg_args").write_text("Namespace(voxel_size=0.01)")
    scene = read_anchor_scene(tmp_path)
    assert scene.voxel_size is None
    np.testing.assert_array_equal(scene.anchors[:, 1], source.features[:, 0])


def test_an_unused_appearance_embedding_is_left_out(tmp_path: Path) -> None:
    source = trained()
    source.extras = {"appearance": torch.nn.Embedding(5, 32).state_dict()}
    run(tmp_path, source)
    assert_read(read_anchor_scene(tmp_path), source)


@pytest.mark.parametrize("networks", ["checkpoints.pth", "split"])
def test_an_appearance_embedding_in_use_is_refused(tmp_path: Path, networks: str) -> None:
    run(tmp_path, trained(appearance=32), networks=networks)
    with pytest.raises(SceneError, match=r"color_mlp takes 43 inputs .* train with appearance_dim 0"):
        read_anchor_scene(tmp_path, trust=True)


def test_torchscript_is_refused_unless_trusted(tmp_path: Path) -> None:
    run(tmp_path, trained(), networks="split")
    with pytest.raises(SceneError, match=r"runs code .* pass --trust"):
        read_anchor_scene(tmp_path)


def test_state_dicts_are_preferred_to_torchscript(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    (place / "opacity_mlp.pt").write_bytes(b"never opened")
    assert_read(read_anchor_scene(tmp_path, trust=True), source)


@pytest.mark.parametrize("name", ["opacity_mlp", "cov_mlp", "color_mlp"])
def test_a_missing_script_is_named(tmp_path: Path, name: str) -> None:
    place = run(tmp_path, trained(), networks="split")
    (place / f"{name}.pt").unlink()
    with pytest.raises(SceneError, match=f"has no {name}.pt"):
        read_anchor_scene(tmp_path, trust=True)


def test_a_script_that_is_none_is_refused(tmp_path: Path) -> None:
    place = run(tmp_path, trained(), networks="split")
    (place / "cov_mlp.pt").write_bytes(b"not a zip file")
    with pytest.raises(SceneError, match=r"cov_mlp.pt is no TorchScript file"):
        read_anchor_scene(tmp_path, trust=True)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="nowhere doesn't exist"):
        read_anchor_scene(tmp_path / "nowhere")
    with pytest.raises(SceneError, match=r"has neither point_cloud.ply nor point_cloud/iteration_N"):
        read_anchor_scene(tmp_path)
    place = run(tmp_path, trained())
    with pytest.raises(SceneError, match=r"point_cloud.ply is a file, expected the directory"):
        read_anchor_scene(place / "point_cloud.ply")
    (place / "checkpoints.pth").unlink()
    with pytest.raises(SceneError, match=r"has no networks: expected checkpoints.pth or checkpoint.pth"):
        read_anchor_scene(tmp_path)
    (place / "point_cloud.ply").unlink()
    with pytest.raises(SceneError, match=r"iteration_30000, the highest iteration, has no point_cloud.ply"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_ply_is_refused(tmp_path: Path, keep: float) -> None:
    path = run(tmp_path, trained()) / "point_cloud.ply"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(SceneError, match=r"PLY|truncated"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "what"),
    [("x", "anchors"), ("f_offset_4", "offsets"), ("f_anchor_feat_0", "features"), ("scale_5", "log_scales"),
     ("f_mask_1", "f_mask")],
)  # fmt: skip
def test_values_that_are_not_finite_are_refused(tmp_path: Path, name: str, what: str, value: float) -> None:
    source = trained(masks=True)
    place = run(tmp_path, source)
    named = columns(source)
    named[name] = named[name].copy()
    named[name][4] = value
    write_columns(place / "point_cloud.ply", named)
    with pytest.raises(SceneError, match=f"{what} of anchor 4 holds? a NaN or infinity"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("y", "lacks y;"),
        ("scale_3", "lacks scale_3;"),
        ("f_offset_3", "8 f_offset properties but lacks f_offset_3"),
        ("f_offset_8", "8 f_offset properties, expected three per slot"),
        ("f_offset_.", "lacks f_offset_0;"),
        ("f_mask_2", "2 f_mask properties, expected none or 3"),
        ("f_anchor_feat_.", "lacks f_anchor_feat_0;"),
        ("f_anchor_feat_7", r"0.weight of opacity_mlp is \(8, 11\), expected 10 or 11 columns|expected"),
    ],
)
def test_properties_that_do_not_fit_are_named(tmp_path: Path, drop: str, message: str) -> None:
    source = trained(masks=True)
    place = run(tmp_path, source)
    named = {name: array for name, array in columns(source).items() if not re.fullmatch(drop, name)}
    write_columns(place / "point_cloud.ply", named)
    with pytest.raises(SceneError, match=message):
        read_anchor_scene(tmp_path)


def test_seven_scales_are_refused(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    named = columns(source)
    write_columns(place / "point_cloud.ply", named | {"scale_6": named["scale_5"]})
    with pytest.raises(SceneError, match="scale_6"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("opacity_mlp", (12, 8, 4), r"2.weight of opacity_mlp is \(4, 8\), expected \(3, 8\)"),
        ("opacity_mlp", (13, 8, 3), r"0.weight of opacity_mlp is \(8, 13\), expected 11 or 12 columns"),
        ("cov_mlp", (11, 9, 21), r"0.weight of cov_mlp is \(9, 11\), expected \(8, 11\)"),
        ("cov_mlp", (11, 8, 3), r"2.weight of cov_mlp is \(3, 8\), expected \(21, 8\)"),
        ("color_mlp", (10, 8, 9), r"0.weight of color_mlp is \(8, 10\), expected 11 or 12 columns"),
        ("feature_bank_mlp", (3, 8, 3), r"0.weight of feature_bank_mlp is \(8, 3\), expected \(8, 4\)"),
    ],
)
def test_networks_of_other_widths_are_refused(
    tmp_path: Path, name: str, sizes: tuple[int, int, int], message: str
) -> None:
    source = trained()
    fan_in, width, fan_out = sizes
    source.modules[name] = torch.nn.Sequential(
        torch.nn.Linear(fan_in, width), torch.nn.ReLU(), torch.nn.Linear(width, fan_out)
    )
    place = run(tmp_path / "united", source)
    with pytest.raises(SceneError, match=message):
        read_anchor_scene(place)
    write_split(place, source)
    (place / "checkpoints.pth").unlink()
    with pytest.raises(SceneError, match=message):
        read_anchor_scene(place, trust=True)
