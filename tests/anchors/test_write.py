from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plyfile import PlyData

from hemgs_codec.anchors import write
from hemgs_codec.anchors.lattice import lattice_anchors
from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.write import Layout, write_anchor_scene
from hemgs_format.errors import SceneError
from tests.anchors.trained import columns, hac, run, trained

flags = st.booleans()
LAYOUTS: tuple[Layout, ...] = ("unite", "split")


def made(shape: NetworkShape, *, voxel_size: float | None, masks: bool, seed: int = 0) -> AnchorScene:
    """Make a scene of a few anchors."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))

    def normal(*size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal(size).astype(np.float32)

    kept = rng.random((count, shape.slots)) < 0.5 if masks else np.ones((count, shape.slots), bool)
    indices = rng.integers(-9, 10, (count, 3))
    return AnchorScene(
        # With no voxel size, too, on a lattice: it mustn't be found when it is said to be unknown.
        lattice_anchors(indices, 0.125 if voxel_size is None else voxel_size),
        normal(count, shape.features),
        normal(count, 6),
        np.where(kept[:, :, None], normal(count, shape.slots, 3), np.float32(0)),
        kept,
        RenderingNetworks(
            shape,
            {name: normal(*size) for name, size in shape.layers().items()},
            {name: normal(size[1]) for name, size in shape.layers().items()},
        ),
        voxel_size,
    )


def assert_same(a: AnchorScene, b: AnchorScene) -> None:
    for name in ("anchors", "features", "log_scales", "offsets", "masks"):
        left, right = getattr(a, name), getattr(b, name)
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()  # for the sign of zeros
    assert a.voxel_size == b.voxel_size
    assert a.networks.shape == b.networks.shape
    for arrays, others in ((a.networks.weights, b.networks.weights), (a.networks.biases, b.networks.biases)):
        assert list(arrays) == list(others)
        assert all(arrays[name].tobytes() == others[name].tobytes() for name in arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    features=st.integers(1, 9),
    slots=st.integers(1, 5),
    distances=st.tuples(flags, flags, flags),
    bank=flags,
    masks=flags,
    voxel_size=st.sampled_from([None, 0.001, 0.01, 1 / 3, 16.0, 1e-7, 3e20]),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=25)
def test_reading_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    layout: Layout,
    features: int,
    slots: int,
    distances: tuple[bool, bool, bool],
    bank: bool,
    masks: bool,
    voxel_size: float | None,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    scene = made(
        NetworkShape(features, slots, distances, bank), voxel_size=voxel_size, masks=masks, seed=seed
    )
    write_anchor_scene(folder, scene, layout=layout)
    assert_same(read_anchor_scene(folder, trust=layout == "split"), scene)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_trained_scene_survives_writing(tmp_path: Path, layout: Layout) -> None:
    run(tmp_path / "trained", hac(), networks="checkpoint.pth")
    scene = read_anchor_scene(tmp_path / "trained")
    write_anchor_scene(tmp_path / "copy", scene, layout=layout)
    back = read_anchor_scene(tmp_path / "copy", trust=True)
    assert_same(back, replace(scene, offsets=np.where(scene.masks[:, :, None], scene.offsets, np.float32(0))))


@pytest.mark.parametrize("masks", [False, True])
def test_the_ply_has_the_trainers_properties_in_their_order(tmp_path: Path, masks: bool) -> None:
    source = trained(masks=masks)
    run(tmp_path / "trained", source)
    scene = read_anchor_scene(tmp_path / "trained")
    place = write_anchor_scene(tmp_path / "copy", scene, iteration=7)
    assert place == tmp_path / "copy" / "point_cloud" / "iteration_7"
    data = PlyData.read(str(place / "point_cloud.ply"))
    expected = columns(source)
    rows = data["vertex"].data
    assert (data.byte_order, data.text, rows.dtype.names) == ("<", False, tuple(expected))
    assert {rows.dtype[name] for name in expected} == {np.dtype("<f4")}
    for name, array in expected.items():
        if name.startswith("f_mask"):
            np.testing.assert_array_equal(rows[name], np.where(array > np.log(0.01 / 0.99), 10, -10))
        elif not (masks and name.startswith("f_offset")):
            np.testing.assert_array_equal(rows[name], array)
    if masks:
        assert not rows["f_offset_0"][~scene.masks[:, 0]].any()


def test_the_checkpoint_loads_into_the_trainers_modules(tmp_path: Path) -> None:
    source = trained(bank=True, distances=(True, False, True))
    run(tmp_path / "trained", source)
    place = write_anchor_scene(tmp_path / "copy", read_anchor_scene(tmp_path / "trained"))
    states = torch.load(place / "checkpoints.pth", weights_only=True)
    assert set(states) == set(source.modules)
    for name, module in source.modules.items():
        before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
        module.load_state_dict(states[name])
        assert all(torch.equal(module.state_dict()[key], tensor) for key, tensor in before.items())


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_scripts_compute_what_the_trainers_modules_do(tmp_path: Path) -> None:
    source = trained(bank=True, distances=(True, False, True))
    run(tmp_path / "trained", source)
    scene = read_anchor_scene(tmp_path / "trained")
    state = torch.random.get_rng_state()
    place = write_anchor_scene(tmp_path / "copy", scene, layout="split")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["point_cloud.ply", *(f"{name}.pt" for name in source.modules)]
    )
    for name, module in source.modules.items():
        script = torch.jit.load(place / f"{name}.pt")  # type: ignore[no-untyped-call]
        inputs = torch.randn(5, scene.networks.weights["opacity.hidden"].shape[0])[:, : module[0].in_features]
        torch.testing.assert_close(script(inputs), module(inputs))


def test_an_iteration_is_replaced_only_by_force(tmp_path: Path) -> None:
    shape = NetworkShape(4, 2)
    first, second = (made(shape, voxel_size=0.01, masks=False, seed=seed) for seed in (1, 2))
    place = write_anchor_scene(tmp_path, first)
    (place / "notes.txt").write_text("of the first")
    with pytest.raises(FileExistsError, match="--force"):
        write_anchor_scene(tmp_path, second)
    assert_same(read_anchor_scene(tmp_path), first)
    write_anchor_scene(tmp_path, second, force=True)
    assert_same(read_anchor_scene(tmp_path), second)
    assert sorted(path.name for path in place.iterdir()) == ["checkpoints.pth", "point_cloud.ply"]
    assert [path.name for path in place.parent.iterdir()] == ["iteration_30000"]


@pytest.mark.parametrize("exists", [False, True])
def test_a_failure_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    shape = NetworkShape(4, 2)
    first, second = (made(shape, voxel_size=0.01, masks=False, seed=seed) for seed in (1, 2))
    if exists:
        write_anchor_scene(tmp_path, first)

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(write, "write_checkpoint", fail)
    with pytest.raises(OSError, match="full"):
        write_anchor_scene(tmp_path, second, force=True)
    left = [path.name for path in (tmp_path / "point_cloud").iterdir()]
    assert left == (["iteration_30000"] if exists else [])
    if exists:
        assert_same(read_anchor_scene(tmp_path), first)


def test_scenes_that_reading_would_change_are_refused(tmp_path: Path) -> None:
    scene = made(NetworkShape(4, 2), voxel_size=0.01, masks=False)
    moved = np.nextafter(scene.anchors, np.float32(9))
    with pytest.raises(SceneError, match=r"aren't the float32 multiples of the scene's voxel size 0.01"):
        write_anchor_scene(tmp_path, replace(scene, anchors=moved))
    with pytest.raises(SceneError, match="NaN or infinity"):
        write_anchor_scene(tmp_path, replace(scene, anchors=scene.anchors * np.float32(np.nan)))
    assert not list(tmp_path.iterdir())


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    scene = made(NetworkShape(4, 2), voxel_size=0.01, masks=False)
    with pytest.raises(SceneError, match="expected 'unite' or 'split'"):
        write_anchor_scene(tmp_path, scene, layout="both")  # type: ignore[arg-type]
