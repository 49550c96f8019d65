"""The entropy model in training: steps, noise and bits of a scene that moves under it (paper 3.2 .. 3.5).

Values are normalised as in a file, get noise as wide as the steps that the variable-rate predictor gives them
at this iteration's λ, and are rendered and priced so. Gradients of both reach the values, the networks and,
by the noise's width, the predictor. Contexts are those of the file: anchors don't move any more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.grid import GridFeatures
from hemgs_codec.fit.loss import gaussian_bits
from hemgs_codec.fit.parameters import Parameters, initial_parameters
from hemgs_codec.fit.predict import SharedAround, predict_rows
from hemgs_codec.fit.samples import Samples
from hemgs_codec.model import predictor
from hemgs_codec.model.arithmetic import FloatArithmetic
from hemgs_codec.model.hashgrid import hash_coordinates
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.spec import UNGATED, ModelSpec
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q, NUM_STEPS, UNIT, UNIT_STEP
from hemgs_codec.train.parameters import SceneParameters, hard_masks

_CLAMP = 8.0  # channel scales: what others see of a value
_LEARNING_RATE = 5e-3
_LEAST_OCTAVES, _MOST_OCTAVES = -UNIT_STEP / 8, (NUM_STEPS - 1 - UNIT_STEP) / 8


class JointRate:
    """An entropy model being trained with its scene.

    Parameters
    ----------
    scaling : Scaling
        Units of the values, fixed from here on.
    points, box : (N, 3) int64, (4,) int64
        Base coordinates of the anchors and the box of the hash grid.
    samples : Samples
        The context graph of the file, by anchor.
    first_octaves : (S,)
        log2 of the steps to begin with at the reference λ.
    """

    def __init__(
        self,
        spec: ModelSpec,
        scaling: Scaling,
        points: npt.NDArray[np.int64],
        box: npt.NDArray[np.int64],
        samples: Samples,
        first_octaves: torch.Tensor,
        generator: torch.Generator,
        device: str,
    ) -> None:
        self.spec, self.device = spec, device
        self.scaling = scaling
        self.scale = torch.from_numpy(scaling.channel_scales(spec.groups)).float().to(device)
        self.offset = torch.from_numpy(scaling.channel_offsets(spec.groups)).float().to(device)
        self.begin(first_octaves, generator)
        self.grid_features = GridFeatures(hash_coordinates(points, box), spec.levels, device)
        self.neighbours = torch.from_numpy(samples.neighbours[0]).to(device)
        self.edges = torch.from_numpy(samples.edges[0]).to(device)
        self.geometry = torch.from_numpy(samples.geometry[0]).to(device)
        self.step_channel = torch.tensor(spec.step_channels, device=device)
        gates = [gate for g in spec.groups for gate in (g.gates or (UNGATED,) * g.channels)]
        self.gate = torch.tensor(gates, device=device)
        self.weight_steps: torch.Tensor | None = None

    def begin(self, first_octaves: torch.Tensor, generator: torch.Generator) -> None:
        """Set the parameters to those of a beginning, with steps of log2 ``first_octaves`` (S,)."""
        self.parameters: Parameters = initial_parameters(self.spec, first_octaves, generator)
        self.optimiser = self._optimiser()

    def _optimiser(self) -> torch.optim.Adam:
        leaves = [self.parameters.network, self.parameters.grid]
        return torch.optim.Adam(leaves, lr=0.0, betas=(0.9, 0.98), eps=1e-10)

    def values(self, scene: SceneParameters) -> torch.Tensor:
        """Return a scene's values (N, C) in channel scales, in the file's order."""
        leaves, count = scene.leaves, scene.num_anchors
        raw = torch.cat(
            [
                hard_masks(leaves["mask_logits"]),
                leaves["features"],
                leaves["log_scales"],
                leaves["offsets"].reshape(count, -1),
            ],
            dim=1,
        )
        return (raw - self.offset) / self.scale

    def scene_values(self, values: torch.Tensor, scene: SceneParameters) -> dict[str, torch.Tensor]:
        """Invert `values`: what `SceneParameters.tensors` takes in the place of leaves."""
        raw = values * self.scale + self.offset
        shape = scene.shape
        masks, features, log_scales, offsets = torch.split(
            raw, [shape.slots, shape.features, 6, 3 * shape.slots], dim=1
        )
        offsets = offsets.reshape(-1, shape.slots, 3)
        return {"masks": masks, "features": features, "log_scales": log_scales, "offsets": offsets}

    def network(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the networks' parameters (P,), rounded once that has begun, and their bits ()."""
        if self.weight_steps is None:
            return self.parameters.network, torch.zeros(())
        return self.parameters.quantised(self.weight_steps)

    def round_weights(self) -> None:
        """From here on weights are rounded as they will be in a file."""
        self.weight_steps = self.parameters.weight_steps()

    def noisy(
        self, values: torch.Tensor, network: torch.Tensor, lambda_q: float, generator: torch.Generator
    ) -> torch.Tensor:
        """Return values (N, C) with noise as wide as the steps at this λ; flags as they are."""
        m = FloatArithmetic(self.parameters.pieces(network))
        rows = torch.arange(len(values), device=values.device)
        location = self._location(rows)
        lam = torch.full((len(values), 1), _lambda_feature(lambda_q), device=values.device)
        noise = torch.rand(values.shape, generator=generator).to(values) - 0.5
        seen: list[torch.Tensor] = []
        for g, group in enumerate(self.spec.groups):
            first = self.spec.first_channel(g)
            own = values[:, first : first + group.channels]
            if group.flags:
                seen.append(own)
                continue
            earlier = torch.cat(seen, dim=1)[:, : self.spec.earlier(g)] if seen else values[:, :0]
            prior = predictor.prior(m, g, location, earlier.clamp(-_CLAMP, _CLAMP), lam)
            octaves = _limited(predictor.step_octaves(m, g, prior, lam) + _slope(lambda_q))
            step = torch.exp2(octaves)[:, list(group.channel_steps)]
            own = own + step * noise[:, first : first + group.channels]
            gate = self.gate[first : first + group.channels]
            own = own * torch.where(gate >= 0, values[:, gate.clamp(min=0)].detach(), 1.0)
            seen.append(own)
        return torch.cat(seen, dim=1)

    def bits(
        self, rows: torch.Tensor, noisy: torch.Tensor, network: torch.Tensor, lambda_q: float
    ) -> torch.Tensor:
        """Return the bits (n, C) of anchors ``rows`` (n,)."""
        spec = self.spec
        m = FloatArithmetic(self.parameters.pieces(network))
        own = noisy[rows]
        around = present = edges = None
        if spec.use_context:
            neighbours = self.neighbours[rows].long()
            present = (neighbours >= 0).float()
            edges = self.edges[rows].float() / UNIT
            around = SharedAround(noisy.detach().clamp(-_CLAMP, _CLAMP), neighbours.clamp(min=0))
        lam = torch.full((len(rows), 1), _lambda_feature(lambda_q), device=noisy.device)
        geometry = self.geometry[rows].float() / UNIT
        said = predict_rows(
            m,
            spec,
            self._location(rows),
            geometry,
            lam,
            own.clamp(-_CLAMP, _CLAMP),
            around,
            present,
            edges,
            lambda _group, prediction: _limited(prediction + _slope(lambda_q)),
        )
        step = torch.exp2(said.octaves).index_select(1, self.step_channel)
        bits = gaussian_bits(own, said.means, said.log_sigmas, step)
        gated = (self.gate >= 0).nonzero().squeeze(1)
        if len(gated):
            gates = own[:, self.gate[gated]]
            bits = bits.index_copy(1, gated, bits[:, gated] * gates)
        return bits

    def step(self, share: float) -> None:
        """Move the parameters by their gradients, at a share of their training, and forget those."""
        leaves = [self.parameters.network, self.parameters.grid]
        torch.nn.utils.clip_grad_norm_(leaves, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * min(1.0, 50 * share + 0.02) * (1 - share) ** 0.5
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def _location(self, rows: torch.Tensor) -> torch.Tensor:
        geometry = self.geometry[rows].float() / UNIT
        return torch.cat([self.grid_features(self.parameters.grid, rows), geometry], dim=1)

    def state(self) -> dict[str, Any]:
        """Return what is trained, and its optimiser."""
        return {
            "network": self.parameters.network.detach(),
            "grid": self.parameters.grid.detach(),
            "optimiser": self.optimiser.state_dict(),
            "weight_steps": self.weight_steps,
            "offsets": torch.from_numpy(self.scaling.offsets),
            "scales": torch.from_numpy(self.scaling.scales),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.parameters.network = state["network"].clone().requires_grad_()
        self.parameters.grid = state["grid"].clone().requires_grad_()
        self.optimiser = self._optimiser()
        self.optimiser.load_state_dict(state["optimiser"])
        self.weight_steps = state["weight_steps"]


def scaling_of(state: dict[str, Any]) -> Scaling:
    """Return the units that a state of `JointRate` is in."""
    return Scaling(state["offsets"].numpy().copy(), state["scales"].numpy().copy())


def _lambda_feature(lambda_q: float) -> float:
    return float(np.floor((lambda_q - LAMBDA_REFERENCE_Q) * 4 / 3)) / UNIT


def _slope(lambda_q: float) -> float:
    return (lambda_q - LAMBDA_REFERENCE_Q) / 512


def _limited(octaves: torch.Tensor) -> torch.Tensor:
    return octaves.clamp(_LEAST_OCTAVES, _MOST_OCTAVES)
