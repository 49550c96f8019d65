"""Means and sigmas set right by what was coded so far: each channel's scene as it is (SPEC "Adaptation").

Networks say what scenes are like; a scene differs. So each channel keeps, for each octave of sigma, what its
symbols would have cost with sigmas somewhat smaller and larger, means drawn to zero or away from it, and
means moved by part of a sigma. What would have been cheapest so far is what the next batch is coded with.
An encoder and a decoder know the same, so nothing is sent.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare, compiled
from hemgs_codec.model.units import NUM_SIGMAS, log2_fixed, step_table
from hemgs_format.tables import NUM_TABLE_SIGMAS, scaled_cdf

Int64Array = npt.NDArray[np.int64]
SHIFTS = np.arange(-12, 13, 2)
"""What may be added to a sigma index."""
GAINS = np.array([-8, -4, -2, 0, 2, 4])
"""How many sixteenths of itself may be added to a mean."""
BIASES = np.array([-4, -2, 0, 2, 4])
"""How many sixteenths of sigma may be added to a mean."""
FAVOUR = 8 * 256
"""Changing nothing is taken to have cost so much less, in 1/256 bit: chance mustn't decide at first."""
NUM_OCTAVES = NUM_SIGMAS // 8
_FIRST_GAIN, _FIRST_BIAS = len(SHIFTS), len(SHIFTS) + len(GAINS)
_NUM_CHOICES = _FIRST_BIAS + len(BIASES)
_FARTHEST = 512
_LEAST_SHARE = 1 << 12


@cache
def cost_table() -> npt.NDArray[np.int32]:
    """Return what symbols cost, (512, 56) in 1/256 bit, by distance from the mean and sigma index.

    Distances are in sixteenths. It's of the Gaussian itself: the tables that symbols are coded with are close
    to it, but for escapes.
    """
    distances = np.arange(_FARTHEST)
    shares = [scaled_cdf(distances + 8, i) - scaled_cdf(distances - 8, i) for i in range(NUM_TABLE_SIGMAS)]
    costs = (32 << 8) - log2_fixed(np.maximum(np.stack(shares, axis=1), _LEAST_SHARE))
    return np.ascontiguousarray(costs, dtype=np.int32)


@compiled
def _drawn(mean: int, gain: int) -> int:
    """Return a mean drawn to zero or away from it."""
    return mean + ((gain * mean + 8) >> 4)


@compiled
def _moved(width: int, bias: int) -> int:
    """Return by how many sixteenths of a symbol a bias moves a mean, of a sigma as `step_table` has it."""
    return (bias * width + 512) >> 10


@compiled
def _cost(table: npt.NDArray[np.int32], distance: int, sigma: int) -> int:
    """Return what a symbol would cost so far from its mean: wide sigmas borrow the table of narrower ones."""
    halvings = max(sigma - table.shape[1] + 8, 0) >> 3
    return int(table[min(distance >> halvings, table.shape[0] - 1), sigma - 8 * halvings] + 256 * halvings)


@cached_bare
def _adapt(
    channels: Int64Array,
    means: Int64Array,
    sigmas: Int64Array,
    chosen: Int64Array,
    widths: Int64Array,
    new_means: Int64Array,
    new_sigmas: Int64Array,
) -> None:
    """Fill means and sigma indices (n,) that are shifted, drawn and moved as chosen (V, octaves, 3)."""
    last = widths.shape[0] - 1
    for j in range(means.shape[0]):
        choice = chosen[channels[j], sigmas[j] >> 3]
        sigma = min(max(sigmas[j] + choice[0], 0), last)
        new_sigmas[j] = sigma
        new_means[j] = _drawn(means[j], choice[1]) + _moved(widths[sigma], choice[2])


@cached_bare
def _fill_costs(
    table: npt.NDArray[np.int32], near: npt.NDArray[np.int16], shifted: npt.NDArray[np.int16], first: int
) -> None:
    """Fill costs (sigmas, distances), and as shifts pick them: (parities, distances, …).

    Of the latter, the entry t of a parity is that of sigma 2t + parity + first.
    """
    last = near.shape[0] - 1
    for distance in range(near.shape[1]):
        for sigma in range(last + 1):
            near[sigma, distance] = _cost(table, distance, sigma)
        for parity in range(2):
            for t in range(shifted.shape[2]):
                sigma = min(max(2 * t + parity + first, 0), last)
                shifted[parity, distance, t] = near[sigma, distance]


@cache
def _costs_at_hand() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return `cost_table` as `_observe` reads it: what one symbol asks for lies together."""
    near = np.empty((NUM_SIGMAS, _FARTHEST), dtype=np.int16)
    shifted = np.empty((2, _FARTHEST, NUM_SIGMAS // 2 + len(SHIFTS)), dtype=np.int16)
    _fill_costs(cost_table(), near, shifted, int(SHIFTS[0]))
    return near, shifted


@cached_bare
def _observe(
    channels: Int64Array,
    symbols: Int64Array,
    means: Int64Array,
    sigmas: Int64Array,
    chosen: Int64Array,
    widths: Int64Array,
    table: npt.NDArray[np.int32],
    near: npt.NDArray[np.int16],
    shifted: npt.NDArray[np.int16],
    costs: npt.NDArray[np.int32],
) -> None:
    """Add what symbols (n,) would have cost with each alternative to the costs (V, octaves, alternatives).

    Shifts are even and each two more than the last one. Costs are of one batch: half as wide as those of all,
    they stay in the innermost cache. Alternatives are constants here, which the compiler makes use of.
    """
    last, end = widths.shape[0] - 1, near.shape[1]
    for j in range(symbols.shape[0]):
        channel, mean, octave, aim = channels[j], means[j], sigmas[j] >> 3, 16 * symbols[j]
        sigma = min(max(sigmas[j] + chosen[channel, octave, 0], 0), last)
        drawn, moved = (
            _drawn(mean, chosen[channel, octave, 1]),
            _moved(widths[sigma], chosen[channel, octave, 2]),
        )
        distance = abs(aim - drawn - moved)
        if distance < end:
            parity, first = sigmas[j] & 1, sigmas[j] >> 1
            for k in range(_FIRST_GAIN):
                costs[channel, octave, k] += shifted[parity, distance, first + k]
        else:
            for k in range(_FIRST_GAIN):
                index = min(max(sigmas[j] + SHIFTS[k], 0), last)
                costs[channel, octave, k] += _cost(table, distance, index)
        farthest = np.int64(0)
        for k in range(_FIRST_BIAS - _FIRST_GAIN):
            distance = abs(aim - _drawn(mean, GAINS[k]) - moved)
            farthest = max(farthest, distance)
            costs[channel, octave, _FIRST_GAIN + k] += near[sigma, min(distance, end - 1)]
        for k in range(_NUM_CHOICES - _FIRST_BIAS):
            distance = abs(aim - drawn - _moved(widths[sigma], BIASES[k]))
            farthest = max(farthest, distance)
            costs[channel, octave, _FIRST_BIAS + k] += near[sigma, min(distance, end - 1)]
        if farthest < end:
            continue
        most = near[sigma, end - 1]
        for k in range(_FIRST_BIAS - _FIRST_GAIN):
            distance = abs(aim - _drawn(mean, GAINS[k]) - moved)
            if distance >= end:
                costs[channel, octave, _FIRST_GAIN + k] += _cost(table, distance, sigma) - most
        for k in range(_NUM_CHOICES - _FIRST_BIAS):
            distance = abs(aim - drawn - _moved(widths[sigma], BIASES[k]))
            if distance >= end:
                costs[channel, octave, _FIRST_BIAS + k] += _cost(table, distance, sigma) - most


@cached_bare
def _choose(costs: Int64Array, first: int, values: Int64Array, favour: int, chosen: Int64Array) -> None:
    """Fill in which of values would have been cheapest (V, octaves), of equals the first one."""
    for channel in range(costs.shape[0]):
        for octave in range(costs.shape[1]):
            least, best = np.int64(2**62), 0
            for k in range(values.shape[0]):
                cost = costs[channel, octave, first + k] + (favour if values[k] != 0 else 0)
                if cost < least:
                    least, best = cost, k
            chosen[channel, octave] = values[best]


class Adaptation:
    """What one group's channels have learned of the scene.

    Attributes
    ----------
    costs : (V, octaves, alternatives) int64
        What symbols would have cost so far, in 1/256 bit: with each of `SHIFTS`, `GAINS` and `BIASES`.
    """

    def __init__(self, channels: int) -> None:
        self.costs = np.zeros((channels, NUM_OCTAVES, _NUM_CHOICES), dtype=np.int64)
        self._chosen = np.zeros((channels, NUM_OCTAVES, 3), dtype=np.int64)
        self._observed: list[tuple[Int64Array, Int64Array, Int64Array, Int64Array]] = []

    def adapt(
        self, channels: Int64Array, means: Int64Array, sigmas: Int64Array
    ) -> tuple[Int64Array, Int64Array]:
        """Return the means and sigma indices (n,) that symbols are coded with.

        Parameters
        ----------
        channels, means, sigmas : (n,)
            Of the group's channels; means in sixteenths and sigma indices as they were predicted.
        """
        new_means, new_sigmas = np.empty_like(means), np.empty_like(sigmas)
        _adapt(channels, means, sigmas, self._chosen, step_table(), new_means, new_sigmas)
        return new_means, new_sigmas

    def observe(
        self, channels: Int64Array, symbols: Int64Array, means: Int64Array, sigmas: Int64Array
    ) -> None:
        """Keep symbols (n,) of this batch, and what was predicted of them, to learn from."""
        self._observed.append((channels, symbols, means, sigmas))

    def learn(self) -> None:
        """Learn from the batch that was observed, and choose anew for the next one."""
        if not self._observed:
            return
        options = (SHIFTS, GAINS, BIASES)
        costs = np.zeros(self.costs.shape, dtype=np.int32)
        for channels, symbols, means, sigmas in self._observed:
            tables = step_table(), cost_table(), *_costs_at_hand()
            _observe(channels, symbols, means, sigmas, self._chosen, *tables, costs)
        self.costs += costs
        self._observed.clear()
        start = 0
        for kind, values in enumerate(options):
            _choose(self.costs, start, values, FAVOUR, self._chosen[:, :, kind])
            start += len(values)

    def forget(self) -> None:
        """Don't learn from the batch that was observed: its data end before it does."""
        self._observed.clear()
