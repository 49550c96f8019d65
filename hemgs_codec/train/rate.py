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

from hemgs_codec.anchors.profile import FIRST_MASK, SCALES
from hemgs_codec.fit.grid import GridFeatures
from hemgs_codec.fit.loss import gaussian_bits
from hemgs_codec.fit.parameters import Parameters, initial_parameters
from hemgs_codec.fit.predict import SharedAround, predict_rows
from hemgs_codec.fit.samples import Samples
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.hashgrid import hash_coordinates
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.spec import UNGATED, ModelSpec
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q, NUM_STEPS, UNIT, UNIT_STEP
from hemgs_codec.train.parameters import SceneParameters

_CLAMP = 8.0  # channel scales: what others see of a value
_LEARNING_RATE = 5e-3
_STEP_SHARE = 0.1
"""Weights' steps of variable-rate predictors: small matrices on which all rates and distortions hang."""
_SLOPE_OF_LAMBDA = 1.5
"""Octaves by which steps grow with λ as the networks see it: what keeps a step the same takes that off."""
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
    tie_steps : bool
        One step for all features, one for offsets, and one for either kind of scales, as HAC has it.
    """

    def __init__(
        self,
        spec: ModelSpec,
        scaling: Scaling,
        points: npt.NDArray[np.int64],
        box: npt.NDArray[np.int64],
        samples: Samples,
        generator: torch.Generator,
        device: str,
        *,
        tie_steps: bool = False,
    ) -> None:
        self.spec, self.device, self.tie_steps = spec, device, tie_steps
        scales = torch.from_numpy(scaling.channel_scales(spec.groups)).float().to(device)
        self.scale = torch.where(scales > 0, scales, 1.0)
        self.offset = torch.from_numpy(scaling.channel_offsets(spec.groups)).float().to(device)
        self.importance = torch.zeros(len(points), device=device)
        self.begin(torch.zeros(sum(group.num_steps for group in spec.groups)), generator)
        self.grid_features = GridFeatures(hash_coordinates(points, box), spec.levels, device)
        self.neighbours = torch.from_numpy(samples.neighbours[0]).to(device)
        self.edges = torch.from_numpy(samples.edges[0]).to(device)
        self.geometry = torch.from_numpy(samples.geometry[0]).to(device)
        self.step_channel = torch.tensor(spec.step_channels, device=device)
        self.group_steps = [torch.tensor(group.channel_steps, device=device) for group in spec.groups]
        gates = [gate for g in spec.groups for gate in (g.gates or (UNGATED,) * g.channels)]
        self.gate = torch.tensor(gates, device=device)
        self.weight_steps: torch.Tensor | None = None

    def begin(self, first_octaves: torch.Tensor, generator: torch.Generator) -> None:
        """Set the parameters to those of a beginning, with steps of log2 ``first_octaves`` (S,)."""
        self.parameters: Parameters = initial_parameters(self.spec, first_octaves, generator, _STEP_SHARE).to(
            self.device
        )
        pieces = self.parameters.pieces(self.parameters.network.detach())
        for g, group in enumerate(self.spec.groups):
            if not group.follows_lambda and f"{g}.step.w" in pieces:
                pieces[f"{g}.step.w"][-1] = -_SLOPE_OF_LAMBDA
        self.optimiser = self._optimiser()

    def _optimiser(self) -> torch.optim.Adam:
        leaves = [self.parameters.network, self.parameters.grid]
        return torch.optim.Adam(leaves, lr=0.0, betas=(0.9, 0.98), eps=1e-10)

    def values(self, scene: SceneParameters) -> torch.Tensor:
        """Return a scene's values (N, C) in channel scales, in the file's order."""
        leaves, count = scene.leaves, scene.num_anchors
        raw = torch.cat(
            [
                self.importance[:, None],
                scene.masks(),
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
        _, masks, features, log_scales, offsets = torch.split(
            raw, [FIRST_MASK, shape.slots, shape.features, SCALES, 3 * shape.slots], dim=1
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
            if group.flags or g in self.spec.constant:
                seen.append(own)
                continue
            earlier = torch.cat(seen, dim=1)[:, : self.spec.earlier(g)] if seen else values[:, :0]
            prior = predictor.prior(m, g, location, earlier.clamp(-_CLAMP, _CLAMP), lam)
            octaves = self._octaves(g, predictor.step_octaves(m, g, prior, lam), lambda_q)
            step = torch.exp2(octaves).index_select(1, self.group_steps[g])
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
            known, places = torch.unique(neighbours.clamp(min=0), return_inverse=True)
            around = SharedAround(noisy.detach()[known].clamp(-_CLAMP, _CLAMP), places)
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
            lambda g, prediction: self._octaves(g, prediction, lambda_q),
        )
        step = torch.exp2(said.octaves).index_select(1, self.step_channel)
        bits = gaussian_bits(own, said.means, said.log_sigmas, step)
        for g in spec.constant:
            first = spec.first_channel(g)
            bits[:, first : first + spec.groups[g].channels] = 0
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
        if self.tie_steps:
            self._tie_steps()

    @torch.no_grad()
    def _tie_steps(self) -> None:
        """Make columns of step predictors equal that stand for values of one kind."""
        pieces = self.parameters.pieces(self.parameters.network)
        for name, kinds in tied_steps(self.spec).items():
            for kind in kinds:
                for piece in (pieces[f"{name}.w"], pieces[f"{name}.b"]):
                    piece[..., kind] = piece[..., kind].mean(dim=-1, keepdim=True)

    def _octaves(self, group: int, prediction: torch.Tensor, lambda_q: float) -> torch.Tensor:
        """Return log2 of a group's steps (n, S); those that don't follow λ aren't trained."""
        slope = (lambda_q - LAMBDA_REFERENCE_Q) / 512
        octaves = (prediction + slope).clamp(_LEAST_OCTAVES, _MOST_OCTAVES)
        return octaves if self.spec.groups[group].follows_lambda else octaves.detach()

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
            "importance": self.importance,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.parameters.network = state["network"].to(self.device).clone().requires_grad_()
        self.parameters.grid = state["grid"].to(self.device).clone().requires_grad_()
        self.optimiser = self._optimiser()
        self.optimiser.load_state_dict(state["optimiser"])
        self.weight_steps = state["weight_steps"]
        self.importance = state["importance"].to(self.device)


def _lambda_feature(lambda_q: float) -> float:
    return float(np.floor((lambda_q - LAMBDA_REFERENCE_Q) * 4 / 3)) / UNIT


def tied_steps(spec: ModelSpec) -> dict[str, tuple[slice, ...]]:
    """Return, by the step predictor's name, which steps of anchors are one and the same in HAC."""
    features, rest = len(spec.groups) - 2, len(spec.groups) - 1
    number = spec.groups[rest].num_steps
    half = SCALES // 2
    return {
        f"{features}.step": (slice(0, spec.groups[features].num_steps),),
        f"{rest}.step": (slice(0, half), slice(half, SCALES), slice(SCALES, number)),
    }
