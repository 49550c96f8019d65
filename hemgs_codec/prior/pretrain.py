"""Train a prior over a corpus of scenes: the objective is bits, at all λ, with steps as fits want them.

Samples are parts of scenes, turned, mirrored and scaled. Each is used for a few iterations, then replaced.
Other processes may make them: which ones there are, and in which order, hangs on nothing but the seed.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch

from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.parameters import Parameters, initial_parameters
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.pointnet import PointNetSpec
from hemgs_codec.pointnet.parameters import finest_steps, freeze_point_net
from hemgs_codec.pointnet.parameters import initial_parameters as initial_point_net
from hemgs_codec.prior.augment import Augmentation
from hemgs_codec.prior.corpus import CorpusScene
from hemgs_codec.prior.prior import Prior, prior_spec
from hemgs_codec.prior.sample import Material, Sample, prepare
from hemgs_codec.progress import Progress
from hemgs_codec.threads import settle_torch, use_threads
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


@dataclass(frozen=True)
class Maker:
    """What samples are made from, whoever makes them."""

    corpus: list[CorpusScene]
    options: PretrainOptions
    spec: ModelSpec
    net_spec: PointNetSpec

    def make(self, number: int) -> Material:
        """Make the sample of a number: part of a scene drawn by the root of its size."""
        rng = np.random.default_rng((self.options.seed, number))
        sizes = np.array([member.scene.num_gaussians for member in self.corpus], dtype=np.float64)
        member = self.corpus[int(rng.choice(len(sizes), p=sizes**0.5 / (sizes**0.5).sum()))]
        part = member.varied(rng, Augmentation(count=self.options.crop))
        return prepare(part.scene, part.weights, self.spec, self.net_spec, float(rng.choice(_LAMBDAS)))


_maker: Maker | None = None
"""Of a process that makes samples for another."""


def _begin(maker: Maker) -> None:
    global _maker
    _maker = maker


def _make(number: int) -> Material:
    assert _maker is not None, "a process begins with _begin"
    with use_threads(1):
        return _maker.make(number)


class Pretraining:
    """State of a pre-training.

    Parameters
    ----------
    makers : int
        Processes that make samples; 0: this one.
    """

    def __init__(
        self, corpus: list[CorpusScene], options: PretrainOptions, *, device: str = "cpu", makers: int = 0
    ) -> None:
        self.corpus, self.options, self.device, self.makers = corpus, options, device, makers
        self.spec: ModelSpec = prior_spec(options.hidden, options.slice_hidden, options.heads, options.points)
        self.net_spec = PointNetSpec(features=options.points)
        generator = torch.Generator().manual_seed(options.seed)
        steps = torch.zeros(sum(group.num_steps for group in self.spec.groups))
        self.parameters: Parameters = initial_parameters(self.spec, steps, generator).to(device)
        self.net = initial_point_net(self.net_spec, generator).to(device)
        leaves = [self.parameters.network] + ([self.net.network] if options.use_points else [])
        if not options.use_points:
            with torch.no_grad():
                self.net.network.zero_()
        self.leaves = leaves
        self.optimiser = torch.optim.Adam(leaves, lr=0.0, betas=(0.9, 0.98), eps=1e-10)

    def samples(self) -> Iterator[Sample]:
        """Yield samples, without end."""
        for number, material in enumerate(self._materials()):
            yield Sample(
                material,
                self.parameters,
                self.net_spec,
                self.net,
                seed=self.options.seed << 32 | number,
                batch=self.options.batch,
                dropout=self.options.dropout,
                device=self.device,
            )

    def _materials(self) -> Iterator[Material]:
        maker = Maker(self.corpus, self.options, self.spec, self.net_spec)
        numbers = itertools.count()
        if not self.makers:
            yield from map(maker.make, numbers)
        with ProcessPoolExecutor(self.makers, get_context("spawn"), _begin, (maker,)) as processes:
            ahead: deque[Future[Material]] = deque()
            while True:
                while len(ahead) <= 2 * self.makers:
                    ahead.append(processes.submit(_make, next(numbers)))
                yield ahead.popleft().result()

    def run(self, progress: Progress | None = None) -> list[float]:
        """Train; return the loss, in bits a value, averaged over every hundred iterations."""
        settle_torch()
        options, drawn = self.options, self.samples()
        pool: list[Sample] = []
        losses: list[torch.Tensor] = []
        log: list[float] = []
        for iteration in range(options.iterations):
            turn, place = divmod(iteration, options.pool)
            if len(pool) <= place:
                pool.append(next(drawn))
                pool[place].requantise()
            elif (turn + place * options.uses // options.pool) % options.uses == 0:  # one place at a time
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
            losses.append(loss.detach())
            if len(losses) == 100:  # a device is asked now and then
                log.append(float(torch.stack(losses).mean()))
                losses = []
            if progress is not None:
                progress("pretrain", iteration + 1, options.iterations)
        return log

    def prior(self) -> Prior:
        """Freeze what was learned."""
        parameters, net = self.parameters.to("cpu"), self.net.to("cpu")
        steps = (_HEADROOM * finest_steps(parameters)).clamp(max=1.0)
        return Prior(
            freeze(self.spec, parameters, steps),
            freeze_point_net(self.net_spec, net, finest_steps(net)),
            tuple(sorted(bytes.fromhex(member.hash) for member in self.corpus)),
            __version__,
        )
