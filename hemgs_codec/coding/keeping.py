"""Symbols that were coded, put where they belong: what stands for them, and what others see of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.centroids import CLASSES_OF_DISTANCES, NUM_CLASSES, SIGMA_CLASSES
from hemgs_codec.coding.ground import Ground
from hemgs_codec.compiled import cached_bare
from hemgs_codec.model.scaling import VALUE_LIMIT
from hemgs_codec.model.units import UNIT_BITS, VALUE_BITS, step_table

Int64Array = npt.NDArray[np.int64]


@cached_bare
def _keep(
    ranks: Int64Array,
    channels: Int64Array,
    symbols: Int64Array,
    steps: Int64Array,
    means: Int64Array,
    sigmas: Int64Array,
    step_sizes: Int64Array,
    widths: Int64Array,
    distances: Int64Array,
    num_widths: int,
    shift: int,
    limit: int,
    all_symbols: npt.NDArray[np.int32],
    values: Int64Array,
    cells: npt.NDArray[np.int8],
    seen: npt.NDArray[np.int16],
) -> None:
    """Fill in what is kept of symbols (n,): see `centroids.cells_of` and `scaling.activations`."""
    farthest, per_width = distances.shape[0] - 1, distances[-1] + 1
    for n in range(ranks.shape[0]):
        rank, channel, symbol = ranks[n], channels[n], symbols[n]
        value = symbol * step_sizes[steps[n]]
        all_symbols[rank, channel] = symbol
        values[rank, channel] = value
        seen[rank, channel] = min(max((value + (1 << (shift - 1))) >> shift, -limit), limit)
        toward, width = means[n] - 16 * symbol, widths[sigmas[n]]
        cell = width * per_width + distances[min(abs(toward), farthest)] + 1
        if width >= num_widths or toward == 0:
            cell = 0
        cells[rank, channel] = cell if toward > 0 else -cell


def keep(
    ground: Ground,
    ranks: Int64Array,
    channels: Int64Array,
    symbols: Int64Array,
    steps: Int64Array,
    means: Int64Array,
    sigmas: Int64Array,
) -> None:
    """Keep symbols (n,) of anchors and channels, coded with such steps, means and sigmas, by index."""
    _keep(
        ranks,
        channels,
        symbols,
        steps,
        means,
        sigmas,
        step_table(),
        SIGMA_CLASSES,
        CLASSES_OF_DISTANCES,
        NUM_CLASSES,
        VALUE_BITS - UNIT_BITS,
        VALUE_LIMIT,
        ground.symbols,
        ground.values,
        ground.cells,
        ground.seen,
    )
