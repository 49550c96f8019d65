"""The tables of one walk, frozen: what every value costs, as long as its neighbours stay what they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.arrange import Arranged
from hemgs_codec.coding.centroids import NUM_CELLS, SHIFT_BITS, fit_centroids
from hemgs_codec.coding.quantise import choose_symbols, divide_cells
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.units import VALUE_BITS, step_table
from hemgs_codec.progress import Progress

Int64Array = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """A walk's predictions, by rank.

    Attributes
    ----------
    steps : (N, C) float32
        In channel scales; 0 where nothing is coded.
    means : (N, C) int32
        In sixteenths of a symbol.
    sigmas : (N, C) uint8
        Sigma indices.
    halvings : (N,) int64
        How often the axes of each anchor's lattice cell are halved.
    shifts : (C, 65) float32
        By channel and `cells_of`: where values are put back, in symbols from the middle of their bin.
    bits : float
        What the walk's symbols cost, positions left out.
    """

    steps: Float32Array
    means: npt.NDArray[np.int32]
    sigmas: npt.NDArray[np.uint8]
    halvings: Int64Array
    shifts: Float32Array
    bits: float


class _Listener:
    """A `coder.Coder` that chooses symbols as `runs.SceneCoder` does, and keeps their tables, not them."""

    has_all = False

    def __init__(self, values: Float64Array, places: Float64Array, prices: Float64Array) -> None:
        self.values, self.places, self.prices = values, places, prices
        self.steps = np.zeros(values.shape, np.float32)
        self.means = np.zeros(values.shape, np.int32)
        self.sigmas = np.zeros(values.shape, np.uint8)
        self.bits = 0.0

    def code(
        self,
        layer: int,  # noqa: ARG002  channels say it all
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        step = step_table()[steps] * 2.0**-VALUE_BITS
        where = (ranks, channels)
        symbols, bits = choose_symbols(self.values[where] / step, means, sigmas, self.prices[where] * step**2)
        self.steps[where], self.means[where], self.sigmas[where] = step, means, sigmas
        self.bits += float(bits.sum())
        return symbols

    def code_positions(
        self,
        layer: int,  # noqa: ARG002  there's one group of positions
        ranks: Int64Array,
        halvings: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        return divide_cells(self.places[ranks], halvings)

    def end_batch(self, layer: int) -> bool:  # noqa: ARG002
        """See `coder.Coder`."""
        return True

    def end_layer(self, layer: int) -> None:
        """See `coder.Coder`."""


def listen(
    arranged: Arranged,
    fitted: FittedModel,
    arithmetic: ExactArithmetic,
    lambda_q: int,
    values: Float64Array,
    places: Float64Array,
    prices: Float64Array,
    progress: Progress | None = None,
) -> Tables:
    """Walk a scene and return its tables.

    Parameters
    ----------
    values, prices : (N, C) float64
        By rank and in channel scales, as for `runs.SceneCoder`.
    places : (N, 3) float64
        Where in their lattice cells anchors lie.
    """
    groups = fitted.model.spec.groups
    listener = _Listener(values, places, prices)
    walked = arranged.walk(fitted, arithmetic, lambda_q, listener, progress, "refine: walk")
    shifts = np.zeros((values.shape[1], NUM_CELLS + 1), np.float32)
    first = 0
    for group, table in zip(groups, fit_centroids(walked, groups, values, prices), strict=True):
        if table:
            shifts[first : first + group.channels, 1:] = np.frombuffer(table, np.int8) / (1 << SHIFT_BITS)
        first += group.channels
    return Tables(listener.steps, listener.means, listener.sigmas, walked.halvings, shifts, listener.bits)
