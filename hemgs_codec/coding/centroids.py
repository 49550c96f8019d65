"""Where in its bin a value is put back: where values of such bins lie on average (SPEC "Centroids").

The middle of a bin is the best guess only where the predicted Gaussian is wider than the bin. Most colour
coefficients are predicted within less than a step, and lie nearer to the mean: how much nearer depends on how
wide the Gaussian is and how far away its mean. That is a cell of a small table per group, sent with the file.
Contexts and later groups see the middle: tables are known only when all symbols are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare
from hemgs_codec.model.spec import Group
from hemgs_codec.model.units import VALUE_BITS, step_table

if TYPE_CHECKING:
    from hemgs_codec.coding.walk import Walked

Int64Array = npt.NDArray[np.int64]
SHIFT_BITS = 8
"""Shifts are in 1/256 of a step."""
_NARROW = 8  # sigma index: four later, at 2**-2.5 steps, the second class begins
_PER_CLASS = 4  # half an octave each
NUM_CLASSES = 8  # from 2 steps on there is no shift
SIGMA_CLASSES = np.maximum(np.arange(128) - _NARROW, 0) // _PER_CLASS  # by sigma index
DISTANCES = np.array([2, 4, 6, 8, 12, 20, 36])  # sixteenths of a step: where the next distance class begins
CLASSES_OF_DISTANCES = np.searchsorted(DISTANCES, np.arange(DISTANCES[-1] + 1), side="right")
"""By distance; the last one is that of all beyond."""
NUM_CELLS = NUM_CLASSES * (len(DISTANCES) + 1)


def cells_of(symbols: Int64Array, means: Int64Array, sigmas: Int64Array) -> npt.NDArray[np.int8]:
    """Return each symbol's cell + 1, negative where the mean lies below the symbol; 0 where nothing shifts.

    Parameters
    ----------
    symbols, means, sigmas
        Alike in shape: symbols; means in sixteenths of a symbol and sigma indices of their tables.
    """
    toward = means - 16 * symbols
    width = SIGMA_CLASSES[sigmas]
    cell = width * (len(DISTANCES) + 1) + np.searchsorted(DISTANCES, np.abs(toward), side="right") + 1
    return np.where(width < NUM_CLASSES, np.sign(toward) * cell, 0).astype(np.int8)


def _steps_of(walked: Walked, group: Group, first_step: int) -> list[Int64Array]:
    """Return the step (N,) of every channel of a group, in 2**-16 channel scales."""
    table = step_table()
    return [table[walked.steps[:, first_step + step]] for step in group.channel_steps]


@cached_bare
def _shift(
    ranks: Int64Array,
    values: Int64Array,
    cells: npt.NDArray[np.int8],
    steps: npt.NDArray[np.int16],
    step_sizes: Int64Array,
    step_of: Int64Array,
    shifts: Int64Array,
    bits: int,
    shifted: Int64Array,
) -> None:
    """Fill values (n, C) of anchors ``ranks`` (n,), each channel's by its step channel and shifts by cell."""
    half = 1 << (bits - 1)
    for i in range(ranks.shape[0]):
        rank = ranks[i]
        for channel in range(values.shape[1]):
            cell, value = np.int64(cells[rank, channel]), values[rank, channel]
            if cell != 0:
                step = step_sizes[steps[rank, step_of[channel]]]
                size = (shifts[channel, abs(cell)] * step + half) >> bits
                value += size if cell > 0 else -size
            shifted[i, channel] = value


def shifted_values(
    walked: Walked,
    groups: tuple[Group, ...],
    tables: tuple[bytes, ...],
    ranks: Int64Array | None = None,
) -> Int64Array:
    """Return the values (n, C) in 2**-16 channel scales that a file stands for.

    Parameters
    ----------
    tables
        One per group: `NUM_CELLS` shifts as signed bytes, or none.
    ranks : (n,) int64
        Whose values; None: all, in their order.
    """
    ranks = np.arange(len(walked.values)) if ranks is None else ranks
    shifts = np.zeros((walked.values.shape[1], NUM_CELLS + 1), dtype=np.int64)
    step_of = np.zeros(len(shifts), dtype=np.int64)
    first = first_step = 0
    for group, table in zip(groups, tables, strict=True):
        own = slice(first, first + group.channels)
        step_of[own] = np.array(group.channel_steps, dtype=np.int64) + first_step
        if table:
            shifts[own, 1:] = np.frombuffer(table, np.int8)
        first += group.channels
        first_step += group.num_steps
    shifted = np.empty((len(ranks), len(shifts)), dtype=np.int64)
    _shift(
        ranks, walked.values, walked.cells, walked.steps, step_table(), step_of, shifts, SHIFT_BITS, shifted
    )
    return shifted


def fit_centroids(
    walked: Walked,
    groups: tuple[Group, ...],
    wanted: npt.NDArray[np.float64],
    prices: npt.NDArray[np.float64],
) -> tuple[bytes, ...]:
    """Choose the tables of a file: weighted mean shifts, where they are worth more than their bytes.

    Parameters
    ----------
    wanted, prices : (N, C) float64
        Values in channel scales, by rank, and the bits that a squared error in them is worth.
    """
    tables = []
    first = first_step = 0
    for group in groups:
        weight, moment = np.zeros(NUM_CELLS + 1), np.zeros(NUM_CELLS + 1)
        if group.flags:  # they are what they are
            tables.append(b"")
            first += group.channels
            first_step += group.num_steps
            continue
        for channel, step in enumerate(_steps_of(walked, group, first_step), first):
            cell = walked.cells[:, channel].astype(np.int64)
            step_size = step * 2.0**-VALUE_BITS
            error = wanted[:, channel] / step_size - walked.symbols[:, channel]
            worth = prices[:, channel] * step_size**2
            weight += np.bincount(np.abs(cell), worth, NUM_CELLS + 1)
            moment += np.bincount(np.abs(cell), worth * error * np.sign(cell), NUM_CELLS + 1)
        scale = 1 << SHIFT_BITS
        mean = np.divide(moment, weight, out=np.zeros_like(weight), where=weight > 0)
        shift = np.clip(np.rint(mean * scale), -128, 127)[1:] / scale
        gain = float((2 * moment[1:] - weight[1:] * shift) @ shift)
        table = (shift * scale).astype(np.int8).tobytes()
        tables.append(table if gain > 8 * NUM_CELLS else b"")
        first += group.channels
        first_step += group.num_steps
    return tuple(tables)
