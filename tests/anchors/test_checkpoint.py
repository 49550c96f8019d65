from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_format.errors import SceneError
from tests.anchors.trained import Trained, run, trained, write_split


class Sneaky:
    """Makes a directory when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


def place_with(folder: Path, content: object) -> Path:
    place = run(folder, trained())
    torch.save(content, place / "checkpoints.pth")
    return place


def states(source: Trained) -> dict[str, object]:
    return {name: module.state_dict() for name, module in source.modules.items()}


def test_code_in_a_checkpoint_is_refused_and_never_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    place = place_with(tmp_path / "run", states(trained()) | {"grid_mlp": Sneaky(target)})
    with pytest.raises(SceneError, match=r"it holds a \w+.mkdir, which could run code"):
        read_anchor_scene(place)
    assert not target.exists()
    torch.load(place / "checkpoints.pth", weights_only=False)
    assert target.exists()  # it does what it is meant to, where it is let


def test_code_in_a_bare_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    place = run(tmp_path / "run", trained())
    (place / "checkpoints.pth").write_bytes(pickle.dumps(Sneaky(target), protocol=2))
    with pytest.raises(SceneError, match="is no file of state dicts"):
        read_anchor_scene(place)
    assert not target.exists()


@pytest.mark.parametrize("trust", [False, True])
def test_an_object_in_a_checkpoint_is_refused(tmp_path: Path, trust: bool) -> None:
    place = place_with(tmp_path, states(trained()) | {"extra": Path("anywhere")})
    with pytest.raises(SceneError, match="which could run code; expected tensors in plain dicts"):
        read_anchor_scene(place, trust=trust)


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    place = place_with(tmp_path, dict(trained().modules))
    with pytest.raises(SceneError, match="could run code"):
        read_anchor_scene(place)


def test_torchscript_under_the_name_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    source = trained()
    place = run(tmp_path, source)
    write_split(place, source)
    (place / "opacity_mlp.pt").replace(place / "checkpoints.pth")
    with pytest.raises(SceneError, match="it is a TorchScript archive"):
        read_anchor_scene(place, trust=True)


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, keep: float) -> None:
    path = run(tmp_path, trained()) / "checkpoints.pth"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(keep * len(raw))])
    with pytest.raises(SceneError, match=r"checkpoints.pth is no file of state dicts: \S"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize("raw", [b"x", b"\x80\x02.", b"\x80\x02}q\x00.", b"ply\n", bytes(range(256)) * 9])
def test_other_bytes_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = run(tmp_path, trained()) / "checkpoints.pth"
    path.write_bytes(raw)
    with pytest.raises(SceneError, match="no file of state dicts"):
        read_anchor_scene(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list, expected state dicts by network"),
        ({}, "has no state dict opacity_mlp, it holds nothing"),
        ({"opacity_mlp": torch.zeros(3)}, "has no state dict opacity_mlp, it holds opacity_mlp"),
        ({"model": {}, "step": 3}, "has no state dict opacity_mlp, it holds model, step"),
    ],
)
def test_checkpoints_of_something_else_are_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        read_anchor_scene(place_with(tmp_path, content))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("2.bias", None, "cov_mlp holds 0.bias, 0.weight, 2.weight; expected two layers: 0.weight"),
        ("4.bias", torch.zeros(3), "expected two layers"),
        ("0.bias", [0.0] * 8, "0.bias of cov_mlp is a list, expected a tensor"),
        ("0.bias", torch.zeros(8, dtype=torch.int32), "torch.int32, expected plain floating point"),
        ("0.bias", torch.zeros(8).to_sparse(), "expected plain floating point"),
        ("0.bias", torch.zeros(7), r"0.bias of cov_mlp is \(7,\), expected \(8,\)"),
        ("0.bias", torch.full((8,), torch.nan), "layer covariance.hidden holds a NaN or infinity"),
        ("0.weight", torch.zeros(()), r"0.weight of cov_mlp is \(\), expected 11 or 12 columns"),
        ("2.weight", torch.zeros(1).expand(10**6, 10**6), r"2.weight of cov_mlp is \(1000000, 1000000\)"),
    ],
)
def test_state_dicts_that_do_not_fit_are_refused(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    source = trained()
    state: dict[str, object] = dict(source.modules["cov_mlp"].state_dict())
    if value is None:
        del state[key]
    else:
        state[key] = value
    with pytest.raises(SceneError, match=message):
        read_anchor_scene(place_with(tmp_path, states(source) | {"cov_mlp": state}))


def test_other_float_types_are_converted(tmp_path: Path) -> None:
    source = trained()
    for module in source.modules.values():
        module.to(torch.bfloat16)
    scene = read_anchor_scene(place_with(tmp_path, states(source)))
    weight = source.modules["opacity_mlp"].state_dict()["0.weight"]
    assert torch.equal(torch.from_numpy(scene.networks.weights["opacity.hidden"].T), weight.float())


def test_networks_that_a_checkpoint_lacks_on_purpose_may_be_none(tmp_path: Path) -> None:
    content = states(trained()) | {"feature_bank_mlp": None, "appearance": None}
    assert not read_anchor_scene(place_with(tmp_path, content)).networks.shape.feature_bank
