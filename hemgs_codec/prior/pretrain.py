"""Train a prior over a corpus of scenes: the objective is bits, at all λ, with steps as fits want them.

Samples are parts of scenes, turned, mirrored and scaled. Each is used for a few iterations, then replaced.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from hemgs_codec import profile
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.parameters import Parameters, initial_parameters
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.pointnet import PointNetSpec
from hemgs_codec.pointnet.parameters import finest_steps, freeze_point_net
from hemgs_codec.pointnet.parameters import initial_parameters as initial_point_net
from hemgs_codec.prior.augment import Augmentation
from hemgs_codec.prior.corpus import CorpusScene
from hemgs_codec.prior.prior import Prior, prior_spec
from hemgs_codec.prior.sample import Sample
from hemgs_codec.progress import Progress
from hemgs_codec.version import __version__

_LAMBDAS = (5e-4, 2e-3, 8e-3)
_HEADROOM = 4.0
"""Room in 16 bits for differences that fits add to weights."""


@dataclass(frozen=True)
class PretrainOptions:
    """Sizes and length of a pre-training.

    Attributes
    ----------
    iterations, batch
        Steps, and Gaussians a step.
    crop
        Most Gaussians of a sample.
    uses
        Iterations with a sample before it's replaced.
    pool
        Samples at a time.
    dropout
        Share of the points' features that are left out.
    """

    iterations: int = 8000
    batch: int = 1024
    crop: int = 8192
    uses: int = 20
    pool: int = 8
    dropout: float = 0.2
    learning_rate: float = 6e-3
    hidden: int = 24
    slice_hidden: int = 32
    heads: int = 2
    points: int = 16
    use_points: bool = True
    seed: int = 0


class Pretraining:
    """State of a pre-training."""

    def __init__(self, corpus: list[CorpusScene], options: PretrainOptions) -> None:
        self.corpus, self.options = corpus, options
        self.spec: ModelSpec = prior_spec(options.hidden, options.slice_hidden, options.heads, options.points)
        self.net_spec = PointNetSpec(features=options.points)
        generator = torch.Generator().manual_seed(options.seed)
        steps = torch.zeros(sum(group.num_steps for group in self.spec.groups))
        self.parameters: Parameters = initial_parameters(self.spec, steps, generator)
        self.net = initial_point_net(self.net_spec, generator)
        leaves = [self.parameters.network] + ([self.net.network] if options.use_points else [])
        if not options.use_points:
            with torch.no_grad():
                self.net.network.zero_()
        self.leaves = leaves
        self.optimiser = torch.optim.Adam(leaves, lr=0.0, betas=(0.9, 0.98), eps=1e-10)
        self.rng = np.random.default_rng(options.seed)

    def samples(self) -> Iterator[Sample]:
        """Draw samples: scenes in turn, larger ones more often."""
        sizes = np.array([member.scene.num_gaussians for member in self.corpus], dtype=np.float64)
        share = sizes**0.5 / (sizes**0.5).sum()
        while True:
            member = self.corpus[int(self.rng.choice(len(sizes), p=share))]
            part = member.varied(self.rng, Augmentation(count=self.options.crop))
            yield Sample(
                part.scene,
                profile.attributes_from_scene(part.scene),
                part.weights,
                self.spec,
                self.parameters,
                self.net_spec,
                self.net,
                float(self.rng.choice(_LAMBDAS)),
                int(self.rng.integers(1 << 31)),
                self.options.batch,
                self.options.dropout,
            )

    def run(self, progress: Progress | None = None) -> list[float]:
        """Train; return the loss, in bits a value, averaged over every hundred iterations."""
        options, drawn = self.options, self.samples()
        pool: list[Sample] = []
        losses, log = [], []
        for iteration in range(options.iterations):
            place = iteration % options.pool
            if len(pool) <= place:
                pool.append(next(drawn))
                pool[place].requantise()
            elif iteration // options.pool % options.uses == 0:
                pool[place] = next(drawn)
                pool[place].requantise()
            loss = pool[place].loss()
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.leaves, 1.0)
            share = iteration / options.iterations
            rate = min(1.0, (iteration + 1) / 100) * (0.01 + 0.495 * (1 + math.cos(math.pi * share)))
            for group in self.optimiser.param_groups:
                group["lr"] = options.learning_rate * rate
            self.optimiser.step()
            losses.append(float(loss.detach()))
            if len(losses) == 100:
                log.append(float(np.mean(losses)))
                losses = []
            if progress is not None:
                progress("pretrain", iteration + 1, options.iterations)
        return log

    def prior(self) -> Prior:
        """Freeze what was learned."""
        steps = (_HEADROOM * finest_steps(self.parameters)).clamp(max=1.0)
        return Prior(
            freeze(self.spec, self.parameters, steps),
            freeze_point_net(self.net_spec, self.net, finest_steps(self.net)),
            tuple(sorted(bytes.fromhex(member.hash) for member in self.corpus)),
            __version__,
        )
