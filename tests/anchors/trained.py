"""What trainers leave on disk, made without this project's writers."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from plyfile import PlyData, PlyElement
from torch import nn

Float32Array = npt.NDArray[np.float32]
VOXEL_SIZE = 0.01


@dataclass
class Trained:
    """Arrays and modules of one scene."""

    indices: npt.NDArray[np.int64]
    features: Float32Array
    log_scales: Float32Array
    offsets: Float32Array
    mask_logits: Float32Array | None
    modules: dict[str, nn.Sequential]
    extras: dict[str, object] = field(default_factory=dict)

    @property
    def anchors(self) -> Float32Array:
        return self.indices.astype(np.float32) * np.float32(VOXEL_SIZE)


def perceptron(fan_in: int, width: int, fan_out: int, end: nn.Module | None) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(fan_in, width), nn.ReLU(), nn.Linear(width, fan_out)]
    return nn.Sequential(*layers, *([] if end is None else [end]))


def trained(
    *,
    anchors: int = 30,
    features: int = 8,
    slots: int = 3,
    distances: tuple[bool, bool, bool] = (False, False, False),
    bank: bool = False,
    masks: bool = False,
    appearance: int = 0,
) -> Trained:
    """Make a scene of random values, the same in every call."""
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> Float32Array:
        return rng.standard_normal((anchors, *shape)).astype(np.float32)

    inputs = [features + 3 + int(distance) for distance in distances]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        modules = {
            "opacity_mlp": perceptron(inputs[0], features, slots, nn.Tanh()),
            "cov_mlp": perceptron(inputs[1], features, 7 * slots, None),
            "color_mlp": perceptron(inputs[2] + appearance, features, 3 * slots, nn.Sigmoid()),
        }
        if bank:
            modules["feature_bank_mlp"] = perceptron(4, features, 3, nn.Softmax(dim=1))
        extras: dict[str, object] = {}
        if appearance:
            extras["appearance"] = nn.Embedding(5, appearance).state_dict()
    return Trained(
        rng.integers(-400, 401, (anchors, 3)),
        normal(features),
        normal(6) - np.float32(3),
        normal(slots, 3),
        normal(slots) * np.float32(6) if masks else None,
        modules,
        extras,
    )


def hac() -> Trained:
    """Make a scene as HAC does: 50 features, masks, distances everywhere, and networks for coding."""
    scene = trained(features=50, slots=10, distances=(True, True, True), masks=True)
    scene.extras = {
        "encoding_xyz": {"params": torch.ones(16, 4)},
        "grid_mlp": perceptron(96, 100, 175, None).state_dict(),
        "deform_mlp": perceptron(50, 10, 3, None).state_dict(),
    }
    return scene


def columns(scene: Trained) -> dict[str, npt.NDArray[np.floating]]:
    """Properties of the PLY in the trainers' order."""
    zeros = np.zeros(len(scene.anchors), np.float32)
    named: dict[str, npt.NDArray[np.floating]] = {
        axis: scene.anchors[:, i] for i, axis in enumerate(("x", "y", "z"))
    }
    named |= dict.fromkeys(("nx", "ny", "nz"), zeros)
    slots = scene.offsets.shape[1]
    for axis in range(3):
        for slot in range(slots):
            named[f"f_offset_{axis * slots + slot}"] = scene.offsets[:, slot, axis]
    if scene.mask_logits is not None:
        named |= {f"f_mask_{k}": scene.mask_logits[:, k] for k in range(slots)}
    named |= {f"f_anchor_feat_{d}": scene.features[:, d] for d in range(scene.features.shape[1])}
    named["opacity"] = zeros - np.float32(2.1972246)
    named |= {f"scale_{i}": scene.log_scales[:, i] for i in range(6)}
    return named | {f"rot_{i}": zeros + np.float32(i == 0) for i in range(4)}


def write_columns(
    path: Path, named: dict[str, npt.NDArray[np.floating]], *, text: bool = False, order: str = "<"
) -> None:
    rows = np.empty(len(named["x"]), [(name, array.dtype) for name, array in named.items()])
    for name, array in named.items():
        rows[name] = array
    PlyData([PlyElement.describe(rows, "vertex")], text=text, byte_order=order).write(str(path))


def write_united(path: Path, scene: Trained) -> None:
    states = {name: module.state_dict() for name, module in scene.modules.items()}
    stream = io.BytesIO()
    torch.save(states | scene.extras, stream)
    path.write_bytes(stream.getvalue())


def write_split(folder: Path, scene: Trained) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, module in scene.modules.items():
            fan_in = module[0].in_features
            assert isinstance(fan_in, int)
            traced = torch.jit.trace(module, torch.rand(1, fan_in))  # type: ignore[no-untyped-call]
            traced.save(str(folder / f"{name}.pt"))


def run(folder: Path, scene: Trained, *, iteration: int = 30_000, networks: str = "checkpoints.pth") -> Path:
    """Write a run's directory; returns that of the iteration."""
    place = folder / "point_cloud" / f"iteration_{iteration}"
    place.mkdir(parents=True)
    write_columns(place / "point_cloud.ply", columns(scene))
    if networks == "split":
        write_split(place, scene)
    else:
        write_united(place / networks, scene)
    return place
