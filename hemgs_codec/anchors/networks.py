"""The rendering networks of an anchor scene: their shapes and their weights (SPEC "Anchor profile").

Each is two layers, ``Linear, ReLU, Linear``. Their inputs are an anchor's feature, the unit vector from the
camera to the anchor and, where a network asks for it, the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import SceneError

Float32Array = npt.NDArray[np.float32]

HEADS = ("opacity", "covariance", "colour")
"""Networks that every scene has, in file order; a scene with a feature bank also has "bank"."""
_VIEW = 3
_BANK_WEIGHTS = 3


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the rendering networks.

    Attributes
    ----------
    features : int
        D, the width of an anchor's feature and of every hidden layer.
    slots : int
        K, the number of Gaussians that an anchor can make.
    distances : (bool, bool, bool)
        Whether the opacity, covariance and colour networks see the distance.
    feature_bank : bool
        Whether features are mixed with coarser copies of themselves, by the direction and distance.
    """

    features: int
    slots: int
    distances: tuple[bool, bool, bool] = (False, False, False)
    feature_bank: bool = False

    def layers(self) -> dict[str, tuple[int, int]]:
        """Name and shape (fan_in, fan_out) of every layer, in file order."""
        width, outputs = self.features, (self.slots, 7 * self.slots, 3 * self.slots)
        shapes: dict[str, tuple[int, int]] = {}
        for head, distance, out in zip(HEADS, self.distances, outputs, strict=True):
            shapes[f"{head}.hidden"] = (width + _VIEW + int(distance), width)
            shapes[f"{head}.out"] = (width, out)
        if self.feature_bank:
            shapes["bank.hidden"] = (_VIEW + 1, width)
            shapes["bank.out"] = (width, _BANK_WEIGHTS)
        return shapes


@dataclass(frozen=True)
class RenderingNetworks:
    """Weights (fan_in, fan_out) and biases (fan_out,) of every layer, float32, by its name.

    Raises
    ------
    SceneError
        A layer is missing, has another shape, or holds a NaN or infinity.
    """

    shape: NetworkShape
    weights: dict[str, Float32Array]
    biases: dict[str, Float32Array]

    def __post_init__(self) -> None:
        layers = self.shape.layers()
        if set(self.weights) != set(layers) or set(self.biases) != set(layers):
            raise SceneError(
                f"rendering networks have layers {sorted(self.weights)}, expected {list(layers)}"
            )
        for name, (fan_in, fan_out) in layers.items():
            weight, bias = self.weights[name], self.biases[name]
            if weight.shape != (fan_in, fan_out) or bias.shape != (fan_out,):
                raise SceneError(
                    f"layer {name} has weights {weight.shape} and biases {bias.shape}, "
                    f"expected {(fan_in, fan_out)} and {(fan_out,)}"
                )
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise SceneError(f"layer {name} holds a NaN or infinity")
