"""What a training moves: an anchor scene's arrays, its networks, and Adam's memory of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.network_coding import NETWORK_STEP
from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.train.schedule import decay

ARRAYS = ("features", "log_scales", "offsets", "mask_logits")
"""Per anchor; positions don't move, and masks (logits above 0) are decided unless they are to be trained."""
MASKS = "mask_logits"
_RATES = {
    # first and last learning rate
    "features": (7.5e-3, 7.5e-3),
    "log_scales": (7e-3, 7e-3),
    "offsets": (1e-2, 1e-4),
    "opacity": (2e-3, 2e-5),
    "covariance": (4e-3, 4e-3),
    "colour": (8e-3, 5e-5),
}
_EPSILON = 1e-15
_SETTLE = 0.1
"""What is left in the end of rates that fall only while there is an entropy model: noise asks for rest."""
_FIRST_MASK = 1.0
LEARNED_THRESHOLD = 0.01
LEARNED_WEIGHT = 5e-4
"""Of the mean of sigmoids of mask logits in the loss (HAC's)."""
_LEARNED_RATE = (1e-2, 1e-4)
_LEARNED_ITERATIONS = 30_000
"""That those rates are for: logits have as far to go in a shorter training."""


class SceneParameters:
    """Leaves of a scene being trained.

    Attributes
    ----------
    anchors : (N, 3) float32
        Fixed.
    leaves : dict
        "features" (N, D), "log_scales" (N, 6), "offsets" (N, K, 3), "mask_logits" (N, K), and each layer's
        weights "opacity.hidden.w" … and biases "opacity.hidden.b" ….
    """

    def __init__(
        self, anchors: torch.Tensor, leaves: dict[str, torch.Tensor], shape: NetworkShape, device: str
    ) -> None:
        self.anchors = anchors.to(device)
        self.shape = shape
        self.learns_masks, self.mask_iterations = False, 0
        self.network_steps: dict[str, float] = {}
        self.leaves = {name: leaf.to(device) for name, leaf in leaves.items()}
        self.optimiser = torch.optim.Adam(
            [
                {"params": [leaf.requires_grad_()], "lr": 0.0, "name": name}
                for name, leaf in self.leaves.items()
                if name != MASKS
            ],
            eps=_EPSILON,
            fused=True,
        )

    def set_rates(self, share: float, rate_share: float = 0.0) -> None:
        """Set learning rates at a share of the training, and of its part with an entropy model."""
        for group in self.optimiser.param_groups:
            if group["name"] == MASKS:
                hurry = max(_LEARNED_ITERATIONS / max(self.mask_iterations, 1), 1.0)
                group["lr"] = hurry * decay(*_LEARNED_RATE, rate_share)
                continue
            first, last = _RATES[str(group["name"]).split(".")[0]]
            group["lr"] = decay(first, last, share)
            if first == last:
                group["lr"] *= decay(1.0, _SETTLE, rate_share)

    def learn_masks(self, iterations: int) -> None:
        """From here on masks are trained, as HAC does it, for so many iterations."""
        self.learns_masks, self.mask_iterations = True, iterations
        self.optimiser.add_param_group(
            {"params": [self.leaves[MASKS].requires_grad_()], "lr": 0.0, "name": MASKS}
        )

    def masks(self) -> torch.Tensor:
        """Return masks (N, K) of 0 and 1; with the gradient of the logits' sigmoid where they are trained."""
        logits = self.leaves[MASKS]
        if not self.learns_masks:
            return (logits > 0).float()
        soft = torch.sigmoid(logits)
        return (soft > LEARNED_THRESHOLD).float() + soft - soft.detach()

    def mask_loss(self) -> torch.Tensor:
        """Return what trained masks cost, (); 0 where they aren't trained."""
        if not self.learns_masks:
            return torch.zeros(())
        return LEARNED_WEIGHT * torch.sigmoid(self.leaves[MASKS]).mean()

    def step(self) -> None:
        """Move the leaves by their gradients, and forget those."""
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def round_networks(self) -> None:
        """From here on the rendering networks' weights are rounded as they will be in a file."""
        for name in self.shape.layers():
            rms = float(self.leaves[f"{name}.w"].detach().square().mean().sqrt())
            self.network_steps[name] = 2.0 ** round(math.log2(max(rms, 2.0**-20) * NETWORK_STEP))

    def network_weights(self, name: str) -> torch.Tensor:
        """Return a layer's weights, rounded once that has begun, with the gradient of those that aren't."""
        weights = self.leaves[f"{name}.w"]
        step = self.network_steps.get(name)
        if step is None:
            return weights
        return weights + (torch.round(weights / step) * step - weights).detach()

    @property
    def num_anchors(self) -> int:
        """N."""
        return len(self.anchors)

    @property
    def num_values(self) -> int:
        """Coded values of the scene by the field's convention: N (D + 6 + 3K)."""
        return self.num_anchors * (self.shape.features + 6 + 3 * self.shape.slots)

    def tensors(self, values: dict[str, torch.Tensor] | None = None) -> AnchorTensors:
        """Return what is rendered: the leaves, or other values in their place."""
        given = self.leaves if values is None else {**self.leaves, **values}
        layers = self.shape.layers()
        masks = given.get("masks")
        return AnchorTensors(
            self.anchors,
            given["features"],
            given["log_scales"],
            given["offsets"],
            self.masks() if masks is None else masks,
            self.shape,
            {name: self.network_weights(name) for name in layers},
            {name: given[f"{name}.b"] for name in layers},
        )

    def keep(self, kept: torch.Tensor) -> None:
        """Leave all but some anchors (bool (N,)) out."""
        none = torch.zeros(len(self.anchors), dtype=torch.bool)
        empty = {name: self.leaves[name].detach()[none] for name in ARRAYS}
        self.replace(kept, {"anchors": self.anchors[none], **empty})

    def replace(self, kept: torch.Tensor, added: dict[str, torch.Tensor]) -> None:
        """Keep some anchors (bool (N,)) and append others: "anchors" and what `ARRAYS` name."""
        self.anchors = torch.cat([self.anchors[kept], added["anchors"].to(self.anchors)])
        logits = self.leaves[MASKS]
        self.leaves[MASKS] = torch.cat([logits[kept], added["mask_logits"].to(logits)])
        for group in self.optimiser.param_groups:
            name = str(group["name"])
            if name not in ARRAYS:
                continue
            old = self.leaves[name]
            more = added[name].to(old)
            new = torch.cat([old.detach()[kept], more]).requires_grad_()
            state = self.optimiser.state.pop(old, None)
            if state is not None:
                for moment in ("exp_avg", "exp_avg_sq"):
                    state[moment] = torch.cat([state[moment][kept], torch.zeros_like(more)])
                self.optimiser.state[new] = state
            group["params"] = [new]
            self.leaves[name] = new


def scene_from(parameters: SceneParameters, voxel_size: float) -> AnchorScene:
    """Return the scene that parameters stand for."""
    arrays = {name: leaf.detach().cpu().numpy().copy() for name, leaf in parameters.leaves.items()}
    layers = parameters.shape.layers()
    networks = RenderingNetworks(
        parameters.shape,
        {name: parameters.network_weights(name).detach().cpu().numpy().copy() for name in layers},
        {name: arrays[f"{name}.b"] for name in layers},
    )
    return AnchorScene(
        parameters.anchors.cpu().numpy().copy(),
        arrays["features"],
        arrays["log_scales"],
        arrays["offsets"],
        (parameters.masks() > 0).cpu().numpy(),
        networks,
        voxel_size,
    )


def first_parameters(
    points: npt.NDArray[np.float64],
    voxel_size: float,
    shape: NetworkShape,
    generator: torch.Generator,
    device: str,
    nearest: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]],
) -> SceneParameters:
    """Put points (P, 3) on the lattice and give each an anchor.

    Parameters
    ----------
    nearest
        Distance (N,) of each anchor to its nearest neighbours.
    """
    lattice = np.unique(np.rint(points / np.float64(np.float32(voxel_size))).astype(np.int64), axis=0)
    anchors = lattice.astype(np.float32) * np.float32(voxel_size)
    count, spacing = len(anchors), np.maximum(nearest(anchors), voxel_size)
    log_scales = np.repeat(np.log(spacing)[:, None], 6, axis=1).astype(np.float32)
    leaves = {
        "features": torch.zeros((count, shape.features)),
        "log_scales": torch.from_numpy(log_scales),
        "offsets": torch.zeros((count, shape.slots, 3)),
        "mask_logits": torch.full((count, shape.slots), _FIRST_MASK),
    }
    for name, (fan_in, fan_out) in shape.layers().items():
        bound = 1 / math.sqrt(fan_in)  # torch.nn.Linear's
        leaves[f"{name}.w"] = (torch.rand((fan_in, fan_out), generator=generator) * 2 - 1) * bound
        leaves[f"{name}.b"] = (torch.rand(fan_out, generator=generator) * 2 - 1) * bound
    return SceneParameters(torch.from_numpy(anchors), leaves, shape, device)
