"""Fit the entropy model to a scene by stochastic gradient descent on rate and distortion.

Symbols are rounded as the coder rounds them, with the steps that the variable-rate predictor has so far, so
the distributions learn what they will code. The predictor itself can't feel a rounded symbol change. It
learns the step that is best where rates are high, and known there: the inverse root of the distortion
weight. Being an octave off costs ln 2 bits a value, so that is its loss, in bits beside bits.

Contexts and earlier groups hold rounded values, refreshed now and then, at seven λs an octave apart; each
sample draws its own. Late in the fit weights are rounded to the grid they are frozen on. Differences from
shipped networks cost bits from the beginning, so that most stay zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.grid import GridFeatures
from hemgs_codec.fit.loss import gaussian_bits
from hemgs_codec.fit.parameters import initial_parameters, parameters_from
from hemgs_codec.fit.predict import GatheredAround, predict_rows
from hemgs_codec.fit.samples import Samples
from hemgs_codec.fit.wanted import mean_steps, wanted_octaves, wanted_steps
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import hash_coordinates
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q, NUM_STEPS, UNIT, UNIT_STEP, lambda_to_q
from hemgs_codec.progress import Progress
from hemgs_codec.threads import settle_torch

LAMBDAS = tuple(2.5e-4 * 2**k for k in range(7))
"""What a fit sees. Below, where renders hardly differ, steps go on shrinking by these octaves' slope."""
ROUND_WEIGHTS = 0.45  # share of the iterations after which weights are rounded
REFRESHES = (0.0, 0.06, 0.15, 0.3, ROUND_WEIGHTS, 0.8)
_CLAMP = 8.0
_MIDDLE = 1 / 16  # octaves are floored to eighths: the middle of a step index
_CHUNK = 16384


@dataclass(frozen=True)
class FitOptions:
    """Length and rates of a fit."""

    iterations: int
    batch: int = 1024
    learning_rate: float = 1e-2
    seed: int = 0


def _lambda_feature(q: torch.Tensor) -> torch.Tensor:
    return torch.floor((q - LAMBDA_REFERENCE_Q) * 4 / 3) / UNIT


class Fit:
    """State of one fit: the scene's values, what they quantise to, and the parameters.

    Parameters
    ----------
    values : (N, C) float
        Attributes in channel scales, scene rows.
    weights : (N, C) float
        Distortion weights in channel scales.
    position_octaves : (N,) float
        log2 of the steps that positions want at the reference λ, relative to the position step.
    points : (N, 3) int64
        Base coordinates, scene rows (for the hash grid).
    coded : (N, C) bool or None
        Which values no gate keeps from being coded; None: all. The others are 0.
    centre_steps : bool
        Networks say by how much steps differ from the scene's means, which are `step_offsets`.
    base : FrozenModel or None
        The shipped networks to start from, and to differ from as little as pays.
    fixed_octaves : (λs, N, S) int8 or None
        Steps that are given, as another fit's `octaves`: only distributions are fitted.
    """

    def __init__(
        self,
        spec: ModelSpec,
        values: npt.NDArray[np.float64],
        weights: npt.NDArray[np.float64],
        position_octaves: npt.NDArray[np.float64],
        points: npt.NDArray[np.int64],
        box: npt.NDArray[np.int64],
        samples: Samples,
        options: FitOptions,
        device: str = "cpu",
        fixed_octaves: torch.Tensor | None = None,
        coded: npt.NDArray[np.bool] | None = None,
        centre_steps: bool = False,
        base: FrozenModel | None = None,
    ) -> None:
        self.spec, self.options, self.device = spec, options, device
        self.generator = torch.Generator().manual_seed(options.seed)
        self.values = torch.from_numpy(values.astype(np.float32))
        self.coded = None if coded is None else torch.from_numpy(coded)
        # log2 of the steps that values want at the reference λ
        octaves = wanted_octaves(weights)
        self.wanted = torch.from_numpy(octaves).float()
        wanted, share = wanted_steps(spec, octaves, position_octaves, coded)
        self.wanted_steps = torch.from_numpy(wanted.astype(np.float32))
        self.step_share = torch.from_numpy(share.astype(np.float32))
        self.step_channel = torch.tensor(spec.step_channels)
        self.is_level = torch.tensor(
            [float(not group.follows_lambda) for group in spec.groups for _ in range(group.num_steps)]
        )
        first_steps = torch.from_numpy(mean_steps(wanted).astype(np.float32))
        self.step_offsets = (8 * first_steps).round() / 8 if centre_steps else torch.zeros_like(first_steps)
        self.parameters = initial_parameters(spec, first_steps - self.step_offsets, self.generator)
        if base is not None:
            self.parameters = parameters_from(base, self.parameters)
        self.grid_features = GridFeatures(hash_coordinates(points, box), spec.levels, device)
        self.neighbours = torch.from_numpy(samples.neighbours)
        self.edges = torch.from_numpy(samples.edges)
        self.geometry = torch.from_numpy(samples.geometry)
        self.qs = torch.tensor([lambda_to_q(v) for v in LAMBDAS])
        graphs = len(samples.neighbours)
        self.graph_of = torch.tensor([k * graphs // len(self.qs) for k in range(len(self.qs))])
        self.quantised = torch.zeros((len(self.qs), *values.shape), dtype=torch.int16)
        num_steps = sum(g.num_steps for g in spec.groups)
        self.has_fixed_steps = fixed_octaves is not None
        shape = (len(self.qs), len(values), num_steps)
        self.octaves = (
            torch.zeros(shape, dtype=torch.int8) if fixed_octaves is None else fixed_octaves.clone()
        )
        self.weight_steps = self.parameters.weight_steps()
        self.parameters = self.parameters.to(device)
        if device != "cpu":
            self.generator = torch.Generator(device).manual_seed(options.seed)
        for name, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, name, value.to(device))

    @torch.no_grad()
    def refresh(self, network: torch.Tensor | None = None) -> None:
        """Quantise the whole scene at every λ with the present step predictor, or ``network``'s (P,)."""
        m = FloatArithmetic(self.parameters.pieces(self.parameters.network if network is None else network))
        for rows in torch.split(torch.arange(len(self.values), device=self.device), _CHUNK):
            hashed = self.grid_features(self.parameters.grid, rows)
            for k, q in enumerate(self.qs):
                geometry = self.geometry[int(self.graph_of[k]), rows].float() / UNIT
                location = torch.cat([hashed, geometry], dim=1)
                lam = _lambda_feature(q.float()).expand(len(rows), 1)
                slope = float(q - LAMBDA_REFERENCE_Q) / 512
                seen = location.new_zeros((len(rows), self.spec.channels))
                first_step = 0
                for g, group in enumerate(self.spec.groups):
                    first = self.spec.first_channel(g)
                    steps = slice(first_step, first_step + group.num_steps)
                    has_steps = not group.flags and g not in self.spec.constant
                    if has_steps and not self.has_fixed_steps:
                        p = predictor.prior(m, g, location, seen[:, : self.spec.earlier(g)], lam)
                        octaves = predictor.step_octaves(m, g, p, lam) + slope + self.step_offsets[steps]
                        self.octaves[k, rows, steps] = _step_index(octaves).to(torch.int8)
                    first_step += group.num_steps
                    step = torch.exp2(self.octaves[k, rows, steps].float() / 8)[:, list(group.channel_steps)]
                    y = self.values[rows, first : first + group.channels]
                    rounded = torch.clamp((y / step).round() * step, -_CLAMP, _CLAMP)
                    seen[:, first : first + group.channels] = rounded
                self.quantised[k, rows] = (seen * UNIT).round().to(torch.int16)

    def places(self, graph: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return features (n, 2 + F) of the places of scene rows (n,) in graphs (n,)."""
        return self.geometry[graph, rows].float() / UNIT

    def losses(
        self, rows: torch.Tensor, k: torch.Tensor, network: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Bits (n, C) of the symbols, and bits a value (n,) of steps not wanted, of scene rows at λs k."""
        spec = self.spec
        m = FloatArithmetic(self.parameters.pieces(network))
        graph = self.graph_of[k]
        geometry = self.places(graph, rows)
        location = torch.cat([self.grid_features(self.parameters.grid, rows), geometry], dim=1)
        q = self.qs[k].float()[:, None]
        slope = (q - LAMBDA_REFERENCE_Q) / 512
        own = self.quantised[k, rows].float() / UNIT
        around = present = edges = None
        if spec.use_context:
            neighbours = self.neighbours[graph, rows].long()
            present = (neighbours >= 0).float()
            edges = self.edges[graph, rows].float() / UNIT
            around = GatheredAround(self.quantised[k[:, None], neighbours.clamp(min=0)].float() / UNIT)
        coded_octaves = self.octaves[k, rows].float() / 8

        def octaves_of(group: int, prediction: torch.Tensor) -> torch.Tensor:
            if self.has_fixed_steps:
                first = spec.first_step(group)
                return coded_octaves[:, first : first + spec.groups[group].num_steps]
            first = spec.first_step(group)
            offsets = self.step_offsets[first : first + spec.groups[group].num_steps]
            return _step_index(prediction.detach() + slope + offsets) / 8

        said = predict_rows(
            m, spec, location, geometry, _lambda_feature(q), own, around, present, edges, octaves_of
        )
        step = torch.exp2(said.octaves).index_select(1, self.step_channel)
        coded = (self.values[rows] / step).round() * step
        bits = gaussian_bits(coded, said.means, said.log_sigmas, step)
        if self.coded is not None:
            bits = bits * self.coded[rows]
        if self.has_fixed_steps:
            return bits, bits.new_zeros(len(rows))
        wanted = self.wanted_steps[rows] - self.is_level * slope
        off = said.predictions + self.step_offsets - _MIDDLE - wanted
        return bits, math.log(2.0) * (self.step_share[rows] * off**2).sum(1)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the scene rows (n,) of a batch, and the λs at which they're taken."""
        count, device = len(self.values), self.device
        size = (min(self.options.batch, count),)
        rows = torch.randint(0, count, size, generator=self.generator, device=device)
        return rows, torch.randint(0, len(self.qs), size, generator=self.generator, device=device)

    def run(self, progress: Progress | None = None) -> None:
        """Fit the parameters."""
        settle_torch()
        total = self.options.iterations
        count, channels = self.values.shape
        leaves = [self.parameters.network, self.parameters.grid]
        optimiser = torch.optim.Adam(leaves, lr=0.0, betas=(0.9, 0.98), eps=1e-10)
        refreshes = {0} if self.has_fixed_steps else {round(share * total) for share in REFRESHES}
        switch = round(ROUND_WEIGHTS * total)
        for iteration in range(total):
            rows, k = self.draw()
            network, extra = self.parameters.network, torch.zeros(())
            if iteration == switch:
                self.weight_steps = self.parameters.weight_steps()
            if iteration >= switch or self.parameters.base is not None:
                rounded, bits = self.parameters.quantised(self.weight_steps)
                extra = bits / (count * channels)
                network = rounded if iteration >= switch else network
            if iteration in refreshes:
                self.refresh(network.detach())
            bits, excess = self.losses(rows, k, network)
            loss = bits.mean() + excess.mean() + extra
            rate = self.options.learning_rate * _schedule(iteration, total)
            for parameter_group in optimiser.param_groups:
                parameter_group["lr"] = rate
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(leaves, 1.0)
            optimiser.step()
            if progress is not None:
                progress("fit", iteration + 1, total)


def _step_index(octaves: torch.Tensor) -> torch.Tensor:
    """Return the index of a step of so many octaves, less that of the unit step."""
    return torch.clamp(torch.floor(octaves * 8), -UNIT_STEP, NUM_STEPS - 1 - UNIT_STEP)


def _schedule(iteration: int, total: int) -> float:
    """Learning rate by iteration: a short warm-up, then a cosine down to a fiftieth."""
    return min(1.0, (iteration + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * iteration / total)))
