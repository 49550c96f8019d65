"""A batch of made-up anchors for the shipped prior's networks: inputs in range, from a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.context.graph import Graph
from hemgs_codec.context.neighbours import BATCH
from hemgs_codec.model.arithmetic import Array, ExactArithmetic
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import NUM_STEPS, UNIT, UNIT_STEP
from hemgs_codec.prior.library import DEFAULT, FOLDER, load_prior

CONTEXT = 20
GROUP = 8
"""The group that is measured: SH of degree 3, which has the most channels and sees the most."""
SLICE = 1
"""The slice of it: the last one, which sees the other."""


@dataclass(frozen=True)
class Batch:
    """What the networks of `GROUP` are asked about n anchors, as NumPy arrays.

    Attributes
    ----------
    m : ExactArithmetic
        On NumPy or torch.
    location, seen : (n, L) and (n, C) int16
        Location features and activations of decoded values, by rank.
    graph : Graph
        With neighbours and edges of `CONTEXT` an anchor.
    keys, prior, pooled, attended, steps
        (n, H) int16, (n, H), (n, H), (n, heads, V) and (n, 1).
    """

    m: ExactArithmetic
    spec: ModelSpec
    location: npt.NDArray[np.int16]
    seen: npt.NDArray[np.int16]
    graph: Graph
    keys: npt.NDArray[np.int16]
    prior: npt.NDArray[np.float64]
    pooled: npt.NDArray[np.float64]
    attended: npt.NDArray[np.float64]
    steps: npt.NDArray[np.int64]

    def given(self, values: npt.NDArray[Any]) -> Array:
        """Bring integers to the arithmetic's device, as activations."""
        return self.m.array(values.astype(np.float64))

    @property
    def earlier(self) -> npt.NDArray[np.int16]:
        """What was decoded before the group, (n, E)."""
        return self.seen[:, : self.spec.earlier(GROUP)]

    @property
    def own(self) -> npt.NDArray[np.int16]:
        """The group's own values, (n, V)."""
        first = self.spec.first_channel(GROUP)
        return self.seen[:, first : first + self.spec.groups[GROUP].channels]

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """All anchors."""
        return np.arange(len(self.seen))

    @property
    def octaves(self) -> npt.NDArray[np.int64]:
        """log2 of the steps, (n, 1) in 1/1024."""
        return (self.steps - UNIT_STEP) * (UNIT // 8)


def make_batch(device: str | None, seed: int = 0) -> Batch:
    """Make a batch for an arithmetic on NumPy (None) or a torch device."""
    rng = np.random.default_rng(seed)
    model = load_prior(FOLDER / DEFAULT).model
    spec = model.spec

    def small(*shape: int) -> npt.NDArray[np.int16]:
        return rng.integers(-2 * UNIT, 2 * UNIT, (BATCH, *shape)).astype(np.int16)

    channels = spec.groups[GROUP].channels
    neighbours = rng.integers(0, BATCH, (BATCH, CONTEXT)).astype(np.int32)
    graph = Graph(np.arange(BATCH), neighbours, small(CONTEXT, 4), small(2), [np.arange(BATCH)])
    return Batch(
        model.arithmetic(device),
        spec,
        small(spec.hash_width + spec.geometry),
        small(spec.channels),
        graph,
        small(spec.hidden),
        np.abs(small(spec.hidden)).astype(np.float64),
        np.abs(small(spec.hidden)).astype(np.float64),
        small(spec.heads, channels).astype(np.float64),
        rng.integers(UNIT_STEP - 16, min(UNIT_STEP + 16, NUM_STEPS), (BATCH, 1)),
    )
