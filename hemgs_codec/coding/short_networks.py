"""A group's networks in 16-bit integers, where 32 bits hold their sums: `networks.FloatNetworks`, sooner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.ground import Ground
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.short_kernels import layer_pass, pool_pass
from hemgs_codec.model.short_layers import ShortLayer, padded, scratch_of, short_layer
from hemgs_codec.model.short_slices import slice_pass, steps_pass
from hemgs_codec.model.tilts import TILT_BITS
from hemgs_codec.model.units import (
    LIMIT,
    MEAN_LIMIT,
    NUM_SIGMAS,
    NUM_STEPS,
    UNIT,
    UNIT_BITS,
    UNIT_SIGMA,
    UNIT_STEP,
    VALUE_BITS,
    WEIGHTS_PER_OCTAVE,
    attention_table,
    step_table,
)

Int16Array = npt.NDArray[np.int16]
Int64Array = npt.NDArray[np.int64]
_WIDE = 2.0 ** (VALUE_BITS - UNIT_BITS)
_SCORES_PER_WEIGHT_BITS = UNIT_BITS - (WEIGHTS_PER_OCTAVE.bit_length() - 1)
_NONE = np.zeros(0, np.int16)
_LINE = 32  # shorts of a line of a cache


def _aligned(count: int, row: int) -> Int16Array:
    """Return rows of zeros (count, row) that begin where a cache's lines do."""
    room = np.zeros((count + 1) * row + _LINE, np.int16)
    first = -(room.ctypes.data // 2) % _LINE
    return room[first : first + count * row].reshape(count, row)


@dataclass(frozen=True)
class _Skip:
    """Weights (heads, W) of what attention says of means, and how far sums are shifted."""

    weights: Int64Array
    shift: int


def _skip(weights: npt.NDArray[np.float64], scale: float) -> _Skip:
    """Return weights of integers; a shift to the left is theirs."""
    shift = -int(np.log2(scale))
    return _Skip((weights * 2.0 ** max(-shift, 0)).astype(np.int64), max(shift, 0))


def _layers(m: ExactArithmetic, names: list[str]) -> dict[str, ShortLayer] | None:
    """Return layers by name; None: 32 bits don't hold all of them."""
    found = {}
    for name in names:
        weights, biases, scale = m.layer(name)
        layer = short_layer(weights, biases, scale * (_WIDE if name.endswith(".out") else 1.0))
        if layer is None:
            return None
        found[name] = layer
    return found


def short_networks(ground: Ground, group: int) -> ShortNetworks | None:
    """Return a group's networks in 16-bit integers; None: they are torch's, or sums may be too large."""
    m = ground.arithmetic
    if m.is_torch or abs(ground.lambda_feature) > LIMIT:
        return None
    names = [name for name in ground.spec.matrices() if name.split(".")[0] == f"{group}"]
    skips = {name: m.layer(name) for name in names if name.endswith(".skip")}
    whole = {name for name in names if name.endswith(".score")}
    layers = _layers(m, [name for name in names if name not in skips])
    if layers is None:
        return None
    weights = {name: _skip(matrix, scale * _WIDE) for name, (matrix, _, scale) in skips.items()}
    exact = {name: (m.layer(name)[0].astype(np.int64), m.layer(name)[1].astype(np.int64)) for name in whole}
    return ShortNetworks(ground, group, layers, weights, exact)


class ShortNetworks:
    """See `networks.Networks`.

    Parameters
    ----------
    layers, skips
        By name.
    exact
        Weights and biases of the layer of scores.
    """

    def __init__(
        self,
        ground: Ground,
        group: int,
        layers: dict[str, ShortLayer],
        skips: dict[str, _Skip],
        exact: dict[str, tuple[Int64Array, Int64Array]],
    ) -> None:
        self.ground, self.group = ground, group
        self.layers, self.skips = layers, skips
        spec = ground.spec
        self.shape, self.first = spec.groups[group], spec.first_channel(group)
        self.earlier = spec.earlier(group)
        self.lam = np.array([int(ground.lambda_feature)], np.int16)
        own = slice(spec.first_step(group), spec.first_step(group) + self.shape.num_steps)
        self.first_step, self.offsets = own.start, ground.step_offsets[own]
        tilts = np.zeros((self.shape.num_steps, 0), np.int64)
        self.tilts = tilts if ground.tilts is None else ground.tilts[own].astype(np.int64)
        self.sees_others = spec.use_context and not self.shape.refines_positions
        self.lanes, self.value_lanes = padded(spec.hidden + spec.heads), padded(self.shape.channels)
        # neighbours lie anywhere in memory: what one tells lies together, in few of a cache's lines
        row = max(self.lanes, spec.hidden + self.shape.channels)
        row = -(-row // _LINE) * _LINE if self.sees_others else 0
        self.told = _aligned(len(ground.location) + 1, row)
        self.first_value = min(spec.hidden, row - self.value_lanes)
        if self.sees_others:
            self._prepare_scores(exact, spec.hidden)

    def _prepare_scores(self, exact: dict[str, tuple[Int64Array, Int64Array]], hidden: int) -> None:
        weights, self.score_biases = exact[f"{self.group}.score"]
        self.score_weights = np.zeros((weights.shape[1], self.lanes), np.int16)
        self.score_weights[:, :hidden] = weights.T

    def open(self, ranks: Int64Array) -> tuple[Int16Array, Int64Array]:
        """See `Networks`."""
        ground, shape, name = self.ground, self.shape, f"{self.group}"
        prior = np.empty((len(ranks), self.lanes), np.int16)
        location, layer = ground.location, self.layers[f"{name}.prior"]
        layer_pass(
            ranks, location, 0, location.shape[1], ground.seen, 0, self.earlier, self.lam,
            layer, 0, LIMIT, prior, False, 0, *scratch_of(layer),
        )  # fmt: skip
        steps = np.full((len(ranks), shape.num_steps), UNIT_STEP, dtype=np.int64)
        if shape.flags:
            ground.steps[ranks, self.first_step : self.first_step + shape.num_steps] = steps
            return prior, steps
        layer = self.layers[f"{name}.step"]
        steps_pass(
            ranks, prior, ground.spec.hidden, int(self.lam[0]), layer, LIMIT,
            int(ground.slope), ground.seen, self.tilts, UNIT_BITS, TILT_BITS, UNIT_BITS - 3, self.offsets,
            NUM_STEPS - 1, ground.steps, self.first_step, steps, *scratch_of(layer),
        )  # fmt: skip
        return prior, steps

    def look_around(self, ranks: Int64Array) -> tuple[Int16Array, Int16Array]:
        """See `Networks`; both have columns to spare, and values begin behind some of them."""
        ground, name, count = self.ground, f"{self.group}", len(ranks)
        pooled = np.empty((count, self.lanes), np.int16)
        attended = np.empty((count, ground.spec.heads, self.value_lanes), np.int16)
        if not self.sees_others:
            return pooled, attended
        query = np.empty_like(pooled)
        location, layer = ground.location, self.layers[f"{name}.query"]
        layer_pass(
            ranks, location, ground.spec.hash_width, location.shape[1], ground.seen, 0, self.earlier, _NONE,
            layer, -LIMIT, LIMIT, query, False, 0, *scratch_of(layer),
        )  # fmt: skip
        pool_pass(
            ranks, ground.graph.neighbours, ground.graph.edges, self.told, query, self.layers[f"{name}.edge"],
            self.score_weights, self.score_biases, self.layers[f"{name}.score"].shift, ground.spec.hidden,
            self.first_value, attention_table(), LIMIT, _SCORES_PER_WEIGHT_BITS, pooled, attended,
        )  # fmt: skip
        return pooled, attended

    def predict_slice(
        self,
        number: int,
        ranks: Int64Array,
        prior: Int16Array,
        steps: Int64Array,
        pooled: Int16Array,
        attended: Int16Array,
    ) -> tuple[Int64Array, Int64Array]:
        """See `Networks`."""
        spec, shape, name = self.ground.spec, self.shape, f"{self.group}.{number}"
        width, done = shape.slices[number], sum(shape.slices[:number])
        skip = self.skips.get(f"{name}.skip", _Skip(np.zeros((0, width), np.int64), 0))
        means = np.empty((len(ranks), width), dtype=np.int64)
        sigmas = np.empty_like(means)
        hidden, out = self.layers[f"{name}.hidden"], self.layers[f"{name}.out"]
        room = max(hidden.weights.shape[1], 2 * out.weights.shape[0])
        slice_pass(
            ranks, prior, spec.hidden, steps, shape.slice_steps(number).start, shape.share(number), UNIT_STEP,
            UNIT // 16, self.ground.seen, self.first, spec.earlier_own(done), pooled, attended,
            spec.hidden - self.first_value + done,
            hidden, spec.slice_hidden, LIMIT, out,
            skip.weights, skip.shift, step_table(), MEAN_LIMIT, VALUE_BITS - 3, UNIT_SIGMA, NUM_SIGMAS - 1,
            means, sigmas, *scratch_of(hidden), np.zeros((4, room), np.int16), scratch_of(out)[1],
        )  # fmt: skip
        return means, sigmas

    def tell_slice(self, number: int, ranks: Int64Array) -> None:
        """See `Networks`."""

    def tell(self, ranks: Int64Array) -> None:
        """See `Networks`."""
        if not self.sees_others:
            return
        seen, own = self.ground.seen, slice(self.first, self.first + self.shape.channels)
        layer = self.layers[f"{self.group}.key"]
        layer_pass(
            ranks, seen, 0, self.earlier, seen, own.start, own.stop, _NONE, layer,
            -LIMIT, LIMIT, self.told, True, self.ground.spec.hidden, *scratch_of(layer),
        )  # fmt: skip
