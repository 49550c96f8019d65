"""State dicts of a trainer's networks to `RenderingNetworks`, and back.

A network is ``Sequential(Linear, ReLU, Linear, ...)``, whose state dict has the weights (out, in) and biases
(out,) of layers 0 and 2. Whether it sees the distance follows from its input's width.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.networks import HEADS, NetworkShape, RenderingNetworks
from hemgs_format.errors import SceneError

State = Mapping[str, object]
Float32Array = npt.NDArray[np.float32]

NETWORK_NAMES = {
    "opacity": "opacity_mlp",
    "covariance": "cov_mlp",
    "colour": "color_mlp",
    "bank": "feature_bank_mlp",
}
"""What the trainers call each network, in files and in checkpoints."""
_LAYERS = {"hidden": "0", "out": "2"}
_VIEW = 3


def networks_of(states: Mapping[str, State], *, features: int, slots: int) -> RenderingNetworks:
    """Build the networks of a scene.

    Parameters
    ----------
    states : state dicts by network ("opacity", "covariance", "colour" and perhaps "bank")
    features, slots : int
        D and K of the anchors that the networks are for.

    Raises
    ------
    SceneError
        If a state dict isn't that of a network described above, doesn't fit the anchors, or holds a NaN or
        infinity; or if the colours depend on an appearance embedding.
    """
    tensors = {name: _tensors(name, state) for name, state in states.items()}
    opacity, covariance, colour = (_sees_distance(head, tensors[head], features) for head in HEADS)
    shape = NetworkShape(features, slots, (opacity, covariance, colour), "bank" in states)
    weights, biases = {}, {}
    for layer, (fan_in, fan_out) in shape.layers().items():
        network, _, which = layer.partition(".")
        weight = _array(tensors, network, f"{_LAYERS[which]}.weight", (fan_out, fan_in))
        weights[layer] = np.ascontiguousarray(weight.T)
        biases[layer] = _array(tensors, network, f"{_LAYERS[which]}.bias", (fan_out,))
    return RenderingNetworks(shape, weights, biases)


def states_of(networks: RenderingNetworks) -> dict[str, dict[str, torch.Tensor]]:
    """Build state dicts by network, float32 on the CPU, as `networks_of` takes them."""
    states: dict[str, dict[str, torch.Tensor]] = {}
    for layer in networks.shape.layers():
        network, _, which = layer.partition(".")
        state = states.setdefault(network, {})
        # Copies: a checkpoint stores all memory behind a view, and torch warns of read-only arrays.
        state[f"{_LAYERS[which]}.weight"] = torch.from_numpy(networks.weights[layer].T.copy(order="C"))
        state[f"{_LAYERS[which]}.bias"] = torch.from_numpy(networks.biases[layer].copy())
    return states


def _tensors(network: str, state: State) -> dict[str, torch.Tensor]:
    expected = [f"{layer}.{part}" for layer in _LAYERS.values() for part in ("weight", "bias")]
    name = NETWORK_NAMES[network]
    if set(state) != set(expected):
        held = ", ".join(sorted(str(key) for key in state)[:8]) or "nothing"
        raise SceneError(f"{name} holds {held}; expected two layers: {', '.join(expected)}")
    tensors = {}
    for key in expected:
        tensor = state[key]
        if not isinstance(tensor, torch.Tensor):
            raise SceneError(f"{key} of {name} is a {type(tensor).__name__}, expected a tensor")
        if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise SceneError(f"{key} of {name} is a tensor of {tensor.dtype}, expected plain floating point")
        tensors[key] = tensor.detach()
    return tensors


def _sees_distance(network: str, tensors: dict[str, torch.Tensor], features: int) -> bool:
    weight, name = tensors["0.weight"], NETWORK_NAMES[network]
    width = weight.shape[1] if weight.ndim == 2 else 0
    without = features + _VIEW
    if network == "colour" and width > without + 1:
        raise SceneError(
            f"{name} takes {width} inputs where features, view and distance are {without + 1}: the others "
            "are an appearance embedding, which gives every training photo colours of its own; "
            "it can't be kept, train with appearance_dim 0"
        )
    if width not in (without, without + 1):
        raise SceneError(
            f"0.weight of {name} is {tuple(weight.shape)}, expected {without} or {without + 1} columns: "
            f"{features} features, the view, and perhaps the distance"
        )
    return width == without + 1


def _array(
    tensors: dict[str, dict[str, torch.Tensor]], network: str, key: str, expected: tuple[int, ...]
) -> Float32Array:
    tensor = tensors[network][key]
    # Before any copy: a few bytes can stand for a huge tensor.
    if tuple(tensor.shape) != expected:
        raise SceneError(
            f"{key} of {NETWORK_NAMES[network]} is {tuple(tensor.shape)}, "
            f"expected {expected} for these anchors"
        )
    array: Float32Array = np.array(tensor.to(torch.float32).numpy())
    return array
