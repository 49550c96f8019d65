"""Visit every slice of every anchor: the one loop that encoder and decoder share (SPEC "Decoding order").

The walk knows how symbols are predicted; a `Coder` knows where they come from (a scene) or go to (a file),
and returns them either way. So an encoder can't see anything that a decoder won't.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.centroids import cells_of
from hemgs_codec.coding.coder import Coder
from hemgs_codec.context.graph import Graph
from hemgs_codec.context.neighbours import in_batches
from hemgs_codec.model import predictor
from hemgs_codec.model.arithmetic import Array, ExactArithmetic
from hemgs_codec.model.edge_kernel import pool_edges
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import hash_coordinates, interpolate
from hemgs_codec.model.scaling import Scaling, activations
from hemgs_codec.model.slice_kernel import slice_tables, tables_for
from hemgs_codec.model.spec import UNGATED
from hemgs_codec.model.units import (
    LAMBDA_REFERENCE_Q,
    NUM_STEPS,
    UNIT,
    UNIT_BITS,
    UNIT_STEP,
    step_table,
)
from hemgs_codec.progress import Progress
from hemgs_format.errors import CorruptError

_CHUNK = 8192  # anchors at once where there is no order to keep
_EDGE_CHUNK = 1 << 16  # context edges at once: bounds memory, for a batch may hold most of a scene
MAX_HALVINGS = 12
"""Of a lattice cell: parts of positions are coded in as many bits an axis."""
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Walked:
    """What a walk leaves, by rank.

    Attributes
    ----------
    symbols : (N, C) int32
    values : (N, C) int64
        The middles of the symbols' bins, in 2**-16 channel scales.
    cells : (N, C) int8
        See `centroids.cells_of`.
    steps : (N, S) int16
        Step indices of all groups' step channels.
    halvings : (N,) int64
        How often the axes of each anchor's lattice cell are halved.
    parts : (N, 3) int64
        Which part of its cell each anchor lies in.
    """

    symbols: npt.NDArray[np.int32]
    values: Int64Array
    cells: npt.NDArray[np.int8]
    steps: npt.NDArray[np.int16]
    halvings: Int64Array
    parts: Int64Array


def halvings_for(steps: Int64Array, coarseness: int) -> Int64Array:
    """Return how often (N,) lattice cells are halved to come nearest to steps of these indices."""
    eighths = coarseness - (steps - UNIT_STEP)
    return np.asarray(np.clip((eighths + 4) >> 3, 0, MAX_HALVINGS), dtype=np.int64)


def lambda_feature(lambda_q: int) -> int:
    """Return the networks' input for λ: ±1024 at three octaves from 2e-3."""
    return (lambda_q - LAMBDA_REFERENCE_Q) * 4 // 3


def walk(
    model: FrozenModel,
    arithmetic: ExactArithmetic,
    graph: Graph,
    points: Int64Array,
    box: Int64Array,
    coarseness: int,
    lambda_q: int,
    scaling: Scaling,
    coder: Coder,
    progress: Progress | None = None,
    stage: str = "code",
    features: npt.NDArray[np.int16] | None = None,
) -> Walked:
    """Code every group in order.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates by rank.
    box : (4,) int64
        Box of the hash grid.
    coarseness : int
        Step index of the lattice, less the one that a step of 1 stands for when positions are refined.
    scaling
        Says which channels are constant over the scene: their symbols are 0 and not coded.
    features : (N, F) int16 or None
        Of a shipped prior's PointNet++, by rank.

    Raises
    ------
    CorruptError
        A flag is neither 0 nor 1.
    """
    spec = model.spec
    count = len(points)
    geometry = graph.geometry if features is None else np.concatenate([graph.geometry, features], axis=1)
    location = np.empty((count, spec.hash_width + spec.geometry), dtype=np.int16)
    for start in range(0, count, _CHUNK):
        rows = slice(start, start + _CHUNK)
        location[rows, : spec.hash_width] = interpolate(
            hash_coordinates(points[rows], box), spec.levels, model.tables, UNIT_BITS
        )
    location[:, spec.hash_width :] = geometry
    state = _State(model, arithmetic, graph, location, coarseness, lambda_q, scaling, coder)
    batches = graph.batches if spec.use_context else in_batches(np.arange(count))
    total = len(batches) * len(spec.groups)
    for group in range(len(spec.groups)):
        state.open_group(group)
        for number, ranks in enumerate(batches):
            state.code_batch(group, ranks)
            coder.end_batch(group)
            if progress is not None and (number % 16 == 0 or number + 1 == len(batches)):
                progress(stage, group * len(batches) + number + 1, total)
        coder.end_group(group)
    steps = np.concatenate(state.all_steps, axis=1)
    return Walked(state.symbols, state.values, state.cells, steps, state.halvings, state.parts)


class _State:
    """The walk's arrays, by rank."""

    def __init__(
        self,
        model: FrozenModel,
        m: ExactArithmetic,
        graph: Graph,
        location: npt.NDArray[np.int16],
        coarseness: int,
        lambda_q: int,
        scaling: Scaling,
        coder: Coder,
    ) -> None:
        self.spec, self.m, self.graph, self.location, self.coder = model.spec, m, graph, location, coder
        count = len(location)
        self.coarseness = coarseness
        self.lambda_feature = float(lambda_feature(lambda_q))
        self.slope = float((lambda_q - LAMBDA_REFERENCE_Q) * UNIT // 512)
        self.live = scaling.channel_scales(self.spec.groups) > 0
        self.step_offsets = UNIT_STEP + scaling.step_offsets(self.spec.groups)
        self.constants = scaling.channel_offsets(self.spec.groups)
        self.is_live = True
        self.symbols = np.zeros((count, self.spec.channels), dtype=np.int32)
        self.values = np.zeros((count, self.spec.channels), dtype=np.int64)
        self.seen = np.zeros((count, self.spec.channels), dtype=np.int16)  # activations of decoded values
        self.cells = np.zeros((count, self.spec.channels), dtype=np.int8)
        self.all_steps: list[npt.NDArray[np.int16]] = []
        self.table = step_table()
        self.prior: Any = None
        self.keys: Any = None
        self.own: Any = None
        self.values_near = np.zeros((count, 0), dtype=np.int16)
        self.steps = np.zeros((count, 1), dtype=np.int64)
        self.halvings = np.zeros(count, dtype=np.int64)
        self.parts = np.zeros((count, 3), dtype=np.int64)

    def _float(self, values: npt.NDArray[Any]) -> Array:
        return self.m.array(values.astype(np.float64))

    def open_group(self, group: int) -> None:
        """Evaluate what doesn't depend on the group's own values: prior features and steps of all anchors."""
        spec, m, count = self.spec, self.m, len(self.location)
        first = spec.first_channel(group)
        shape = spec.groups[group]
        self.is_live = shape.refines_positions or bool(self.live[first : first + shape.channels].any())
        if not self.is_live:  # all its symbols are 0 and none is coded
            self.all_steps.append(np.zeros((count, shape.num_steps), dtype=np.int16))
            return
        earlier = spec.earlier(group)
        priors, steps = [], []
        first_step = spec.first_step(group)
        offsets = self.step_offsets[first_step : first_step + shape.num_steps]
        for start in range(0, count, _CHUNK):
            rows = slice(start, start + _CHUNK)
            location = self._float(self.location[rows])
            lam = self._float(np.full((len(location), 1), self.lambda_feature))
            p = predictor.prior(m, group, location, self._float(self.seen[rows, :earlier]), lam)
            priors.append(p)
            if shape.flags:
                steps.append(np.full((len(location), shape.num_steps), UNIT_STEP))
                continue
            octaves = m.numpy(predictor.step_octaves(m, group, p, lam)) + self.slope
            index = np.floor(octaves * (8.0 / UNIT)) + offsets
            steps.append(np.clip(index, 0, NUM_STEPS - 1).astype(np.int64))
        self.prior = m.xp.concatenate(priors)
        self.steps = np.concatenate(steps)
        self.all_steps.append(self.steps.astype(np.int16))
        if shape.refines_positions:
            self.halvings = halvings_for(self.steps[:, 0], self.coarseness)
            return
        if m.is_torch:
            self.own = self._float(np.zeros((count, shape.channels)))
            self.keys = self._float(np.zeros((count, spec.hidden)))
        elif spec.use_context:  # neighbours lie anywhere in memory: let there be little of it
            self.keys = np.zeros((count, spec.hidden), dtype=np.int16)
            self.values_near = np.zeros((count, shape.channels), dtype=np.int16)

    def code_batch(self, group: int, ranks: Int64Array) -> None:
        """Predict and code one batch of anchors, slice by slice."""
        if not self.is_live:
            return
        spec, m = self.spec, self.m
        shape = spec.groups[group]
        if shape.refines_positions:
            self.parts[ranks] = self.coder.code_positions(group, ranks, self.halvings[ranks])
            return
        first = spec.first_channel(group)
        rows = m.array(ranks)
        pooled = self._float(np.zeros((len(ranks), 0)))
        attended = self._float(np.zeros((len(ranks), 0, shape.channels)))
        if spec.use_context:
            pooled, attended = self._look_around(group, ranks)
            attended = attended.reshape(len(ranks), spec.heads, shape.channels)
        done = 0
        for number, width in enumerate(shape.slices):
            steps = self.steps[ranks, shape.slice_steps(number)]
            means, sigmas = self._predict_slice(group, number, ranks, steps, pooled, attended)
            channels = np.arange(first + done, first + done + width)
            steps = np.repeat(steps, width // shape.share(number), axis=1)
            self._code_slice(group, ranks, channels, steps, means, sigmas)
            if m.is_torch:
                own = self.seen[ranks, first + done : first + done + width]
                self.own[rows, done : done + width] = self._float(own)
            done += width
        if spec.use_context:
            earlier = self.seen[ranks, : spec.earlier(group)]
            own = self.seen[ranks, first : first + shape.channels]
            if not m.is_torch:
                self.values_near[ranks] = own
            visible = self._float(np.concatenate([earlier, own], axis=1))
            self.keys[rows] = predictor.key(m, group, visible)

    def _predict_slice(
        self,
        group: int,
        number: int,
        ranks: Int64Array,
        steps: Int64Array,
        pooled: Array,
        attended: Array,
    ) -> tuple[Int64Array, Int64Array]:
        """Return the means and sigma indices (n, W) of one slice: see `slice_kernel.slice_tables`."""
        spec, m, shape = self.spec, self.m, self.spec.groups[group]
        if not m.is_torch:
            return slice_tables(m, spec, group, number, ranks, self.prior, self.seen, pooled, attended, steps)
        width, done = shape.slices[number], sum(shape.slices[:number])
        part = attended[:, :, done : done + width].reshape(len(ranks), -1)
        rows = m.array(ranks)
        octaves = self._float((steps - UNIT_STEP) * (UNIT // 8))
        own = self.own[rows, : spec.earlier_own(done)]
        mean, log_sigma = predictor.slice_parameters(
            m,
            spec,
            group,
            number,
            self.prior[rows],
            pooled if spec.use_context else None,
            part if spec.use_context else None,
            octaves,
            own,
        )
        steps = np.repeat(steps, width // shape.share(number), axis=1)
        return tables_for(m.numpy(mean), m.numpy(log_sigma), steps)

    def _look_around(self, group: int, ranks: Int64Array) -> tuple[Array, Array]:
        """Evaluate the autoregressive network for a batch: see `predictor.context`."""
        spec, m = self.spec, self.m
        seen = spec.earlier(group)
        if not m.is_torch:
            geometry = self._float(self.location[ranks, spec.hash_width :])
            query = predictor.query(m, group, geometry, self._float(self.seen[ranks, :seen]))
            return pool_edges(m, group, self.graph, ranks, self.keys, self.values_near, query)
        size = max(_EDGE_CHUNK // self.graph.neighbours.shape[1], 1)
        parts = []
        for start in range(0, len(ranks), size):
            part = ranks[start : start + size]
            neighbours = self.graph.neighbours[part]
            near = m.array(np.maximum(neighbours, 0).astype(np.int64))
            parts.append(
                predictor.context(
                    m,
                    group,
                    self.keys[near],
                    self.own[near],
                    self._float(self.location[part, spec.hash_width :]),
                    self._float(self.seen[part, :seen]),
                    self._float(self.graph.edges[part]),
                    self._float(neighbours >= 0),
                )
            )
        pooled, attended = zip(*parts, strict=True)
        return m.xp.concatenate(pooled), m.xp.concatenate(attended)

    def _code_slice(
        self,
        group: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> None:
        """Code what is coded of one slice (n, W) of a batch."""
        if not self.live[channels].any():
            return
        coded = self._coded(group, ranks, channels)
        if coded.all():
            where = np.repeat(ranks, len(channels)), np.tile(channels, len(ranks))
            steps, means, sigmas = steps.ravel(), means.ravel(), sigmas.ravel()
        else:
            rows, columns = np.nonzero(coded)
            if not len(rows):
                return
            where = ranks[rows], channels[columns]
            steps, means, sigmas = steps[rows, columns], means[rows, columns], sigmas[rows, columns]
        symbols = self.coder.code(group, *where, steps, means, sigmas)
        if self.spec.groups[group].flags and ((symbols < 0) | (symbols > 1)).any():
            raise CorruptError(f"a symbol of the {self.spec.groups[group].name} is neither 0 nor 1")
        values = symbols * self.table[steps]
        self.symbols[where] = symbols
        self.values[where] = values
        self.cells[where] = cells_of(symbols, means, sigmas)
        self.seen[where] = activations(values)

    def _coded(self, group: int, ranks: Int64Array, channels: Int64Array) -> npt.NDArray[np.bool]:
        """Return which channels (n, W) of anchors (n,) are coded: not constant, and no gate is shut."""
        coded = np.broadcast_to(self.live[channels], (len(ranks), len(channels)))
        gates = self.spec.groups[group].gates
        if gates:
            by = np.array(gates)[channels - self.spec.first_channel(group)]
            is_open = self.symbols[ranks[:, None], by] + self.constants[by] == 1
            coded = coded & (is_open | (by == UNGATED))
        return coded
