"""What all groups of a walk share: what they see, and where they put what they code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.context.graph import Graph
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.spec import ModelSpec

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """What all groups of a walk stand on, and where they put what they code; by rank.

    Attributes
    ----------
    location : (N, L) int16
        Location features.
    lambda_feature, slope : float
        λ as networks see it, and what it adds to octaves of steps.
    is_live : (C,) bool
        Channels that aren't constant over the scene.
    constants : (C,) float64
        Offsets of channels.
    step_offsets : (S,) int64
        What is added to step indices.
    tilts : (S, 10) int8 or None
        And this, by what is coded of an anchor: see `model.tilts`.
    symbols, values, cells, steps, halvings, parts
        See `walk.Walked`.
    seen : (N, C) int16
        Activations of decoded values.
    """

    spec: ModelSpec
    arithmetic: ExactArithmetic
    graph: Graph
    location: npt.NDArray[np.int16]
    coarseness: int
    lambda_feature: float
    slope: float
    is_live: npt.NDArray[np.bool]
    constants: npt.NDArray[np.float64]
    step_offsets: Int64Array
    tilts: npt.NDArray[np.int8] | None
    symbols: npt.NDArray[np.int32]
    values: Int64Array
    cells: npt.NDArray[np.int8]
    steps: npt.NDArray[np.int16]
    halvings: Int64Array
    parts: Int64Array
    seen: npt.NDArray[np.int16]

    def forget(self, group: int, ranks: Int64Array) -> None:
        """Take back what was coded of one group of some anchors."""
        spec = self.spec
        shape, channel, step = spec.groups[group], spec.first_channel(group), spec.first_step(group)
        for by_channel in (self.symbols, self.values, self.cells, self.seen):
            by_channel[ranks, channel : channel + shape.channels] = 0
        self.steps[ranks, step : step + shape.num_steps] = 0
        if shape.refines_positions:
            self.halvings[ranks] = 0
            self.parts[ranks] = 0
