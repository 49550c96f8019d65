"""A walk's one group: its networks evaluated and its symbols coded, batch by batch (SPEC "Prediction")."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.adaptation import Adaptation
from hemgs_codec.coding.centroids import cells_of
from hemgs_codec.coding.coder import Coder
from hemgs_codec.coding.ground import Ground
from hemgs_codec.model import predictor
from hemgs_codec.model.arithmetic import Array
from hemgs_codec.model.edge_kernel import pool_edges
from hemgs_codec.model.scaling import activations
from hemgs_codec.model.slice_kernel import slice_tables, tables_for
from hemgs_codec.model.spec import UNGATED
from hemgs_codec.model.tilts import NUM_TILTING, tilted_octaves, tilting_features
from hemgs_codec.model.units import NUM_STEPS, UNIT, UNIT_STEP, step_table
from hemgs_format.errors import CorruptError

_EDGE_CHUNK = 1 << 16  # context edges at once: bounds memory, for a batch may hold most of a scene
MAX_HALVINGS = 12
"""Of a lattice cell: parts of positions are coded in as many bits an axis."""
Int64Array = npt.NDArray[np.int64]


def halvings_for(steps: Int64Array, coarseness: int) -> Int64Array:
    """Return how often (N,) lattice cells are halved to come nearest to steps of these indices."""
    eighths = coarseness - (steps - UNIT_STEP)
    return np.asarray(np.clip((eighths + 4) >> 3, 0, MAX_HALVINGS), dtype=np.int64)


class GroupWalk:
    """The walk of one group: `code_batch` for each batch in turn, behind the groups before it."""

    def __init__(self, ground: Ground, group: int, coder: Coder) -> None:
        self.ground, self.group, self.coder = ground, group, coder
        self.m = ground.arithmetic
        spec, count = ground.spec, len(ground.location)
        self.shape = spec.groups[group]
        self.first, self.first_step = spec.first_channel(group), spec.first_step(group)
        self.earlier = spec.earlier(group)
        self.adaptation = Adaptation(self.shape.channels)
        channels = slice(self.first, self.first + self.shape.channels)
        # else all its symbols are 0 and none is coded
        self.is_live = self.shape.refines_positions or bool(ground.is_live[channels].any())
        self.keys: Any = None
        self.own: Any = None
        self.values_near = np.zeros((count, 0), dtype=np.int16)
        if not self.is_live or self.shape.refines_positions:
            return
        if self.m.is_torch:
            self.own = self._float(np.zeros((count, self.shape.channels)))
            self.keys = self._float(np.zeros((count, spec.hidden)))
        elif spec.use_context:  # neighbours lie anywhere in memory: let there be little of it
            self.keys = np.zeros((count, spec.hidden), dtype=np.int16)
            self.values_near = np.zeros((count, self.shape.channels), dtype=np.int16)

    def code_batch(self, ranks: Int64Array) -> None:
        """Predict and code the group of one batch of anchors, slice by slice.

        Raises
        ------
        CorruptError
            A flag is neither 0 nor 1.
        """
        if not self.is_live:
            return
        ground, spec, m, shape = self.ground, self.ground.spec, self.m, self.shape
        self.adaptation.learn()
        prior, steps = self._open(ranks)
        if shape.refines_positions:
            self._code_positions(ranks, steps[:, 0])
            return
        pooled = self._float(np.zeros((len(ranks), 0)))
        attended = self._float(np.zeros((len(ranks), 0, shape.channels)))
        if spec.use_context:
            pooled, attended = self._look_around(ranks)
            attended = attended.reshape(len(ranks), spec.heads, shape.channels)
        done = 0
        for number, width in enumerate(shape.slices):
            index = steps[:, shape.slice_steps(number)]
            means, sigmas = self._predict_slice(number, ranks, prior, index, pooled, attended)
            channels = np.arange(self.first + done, self.first + done + width)
            index = np.repeat(index, width // shape.share(number), axis=1)
            self._code_slice(ranks, channels, index, means, sigmas)
            if m.is_torch:
                own = ground.seen[ranks, self.first + done : self.first + done + width]
                self.own[m.array(ranks), done : done + width] = self._float(own)
            done += width
        if spec.use_context:
            own = ground.seen[ranks, self.first : self.first + shape.channels]
            if not m.is_torch:
                self.values_near[ranks] = own
            visible = self._float(np.concatenate([ground.seen[ranks, : self.earlier], own], axis=1))
            self.keys[m.array(ranks)] = predictor.key(m, self.group, visible)

    def forget_batch(self, ranks: Int64Array) -> None:
        """Take back what was coded of the last batch, of which data don't tell all."""
        self.adaptation.forget()
        self.ground.forget(self.group, ranks)

    def _float(self, values: npt.NDArray[Any]) -> Array:
        return self.m.array(values.astype(np.float64))

    def _open(self, ranks: Int64Array) -> tuple[Array, Int64Array]:
        """Return prior features (n, H) and step indices (n, S) of a batch; the walk keeps the latter."""
        ground, m, group = self.ground, self.m, self.group
        lam = self._float(np.full((len(ranks), 1), ground.lambda_feature))
        earlier = self._float(ground.seen[ranks, : self.earlier])
        prior = predictor.prior(m, group, self._float(ground.location[ranks]), earlier, lam)
        own = slice(self.first_step, self.first_step + self.shape.num_steps)
        if self.shape.flags:
            steps = np.full((len(ranks), self.shape.num_steps), UNIT_STEP, dtype=np.int64)
        else:
            octaves = m.numpy(predictor.step_octaves(m, group, prior, lam)) + ground.slope
            if ground.tilts is not None:
                features = tilting_features(ground.seen[ranks, :NUM_TILTING])
                octaves += tilted_octaves(features, ground.tilts[own])
            index = np.floor(octaves * (8.0 / UNIT)) + ground.step_offsets[own]
            steps = np.clip(index, 0, NUM_STEPS - 1).astype(np.int64)
        ground.steps[ranks, own] = steps
        return prior, steps

    def _code_positions(self, ranks: Int64Array, steps: Int64Array) -> None:
        """Code where in their cells anchors lie; in the middle, where nothing says it."""
        halvings = halvings_for(steps, self.ground.coarseness)
        parts = self.coder.code_positions(self.shape.layer, ranks, halvings)
        self.ground.halvings[ranks] = 0 if parts is None else halvings
        self.ground.parts[ranks] = 0 if parts is None else parts

    def _predict_slice(
        self,
        number: int,
        ranks: Int64Array,
        prior: Array,
        steps: Int64Array,
        pooled: Array,
        attended: Array,
    ) -> tuple[Int64Array, Int64Array]:
        """Return the means and sigma indices (n, W) of one slice: see `slice_kernel.slice_tables`."""
        spec, m, shape, group = self.ground.spec, self.m, self.shape, self.group
        if not m.is_torch:
            seen = self.ground.seen
            return slice_tables(m, spec, group, number, ranks, prior, seen, pooled, attended, steps)
        width, done = shape.slices[number], sum(shape.slices[:number])
        part = attended[:, :, done : done + width].reshape(len(ranks), -1)
        octaves = self._float((steps - UNIT_STEP) * (UNIT // 8))
        own = self.own[m.array(ranks), : spec.earlier_own(done)]
        mean, log_sigma = predictor.slice_parameters(
            m,
            spec,
            group,
            number,
            prior,
            pooled if spec.use_context else None,
            part if spec.use_context else None,
            octaves,
            own,
        )
        steps = np.repeat(steps, width // shape.share(number), axis=1)
        return tables_for(m.numpy(mean), m.numpy(log_sigma), steps)

    def _look_around(self, ranks: Int64Array) -> tuple[Array, Array]:
        """Evaluate the autoregressive network for a batch: see `predictor.context`."""
        ground, m, group = self.ground, self.m, self.group
        first = ground.spec.hash_width
        if not m.is_torch:
            geometry = self._float(ground.location[ranks, first:])
            query = predictor.query(m, group, geometry, self._float(ground.seen[ranks, : self.earlier]))
            return pool_edges(m, group, ground.graph, ranks, self.keys, self.values_near, query)
        size = max(_EDGE_CHUNK // ground.graph.neighbours.shape[1], 1)
        parts = []
        for start in range(0, len(ranks), size):
            part = ranks[start : start + size]
            neighbours = ground.graph.neighbours[part]
            near = m.array(np.maximum(neighbours, 0).astype(np.int64))
            parts.append(
                predictor.context(
                    m,
                    group,
                    self.keys[near],
                    self.own[near],
                    self._float(ground.location[part, first:]),
                    self._float(ground.seen[part, : self.earlier]),
                    self._float(ground.graph.edges[part]),
                    self._float(neighbours >= 0),
                )
            )
        pooled, attended = zip(*parts, strict=True)
        return m.xp.concatenate(pooled), m.xp.concatenate(attended)

    def _code_slice(
        self,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> None:
        """Code what is coded of one slice (n, W) of a batch; what no data tell is as it's predicted."""
        ground = self.ground
        if not ground.is_live[channels].any():
            return
        coded = self._coded(ranks, channels)
        if coded.all():
            where = np.repeat(ranks, len(channels)), np.tile(channels, len(ranks))
            steps, means, sigmas = steps.ravel(), means.ravel(), sigmas.ravel()
        else:
            rows, columns = np.nonzero(coded)
            if not len(rows):
                return
            where = ranks[rows], channels[columns]
            steps, means, sigmas = steps[rows, columns], means[rows, columns], sigmas[rows, columns]
        own, predicted = where[1] - self.first, (means, sigmas)
        if ground.spec.use_adaptation:
            means, sigmas = self.adaptation.adapt(own, means, sigmas)
        symbols = self.coder.code(self.shape.layer, *where, steps, means, sigmas)
        step = step_table()[steps]
        if symbols is None:
            symbols = (means + 8) >> 4
            if self.shape.flags:
                symbols = np.clip(symbols, 0, 1)
            values = symbols * step if self.shape.flags else (means * step) >> 4
            ground.cells[where] = 0
        else:
            if self.shape.flags and ((symbols < 0) | (symbols > 1)).any():
                raise CorruptError(f"a symbol of the {self.shape.name} is neither 0 nor 1")
            if ground.spec.use_adaptation:
                self.adaptation.observe(own, symbols, *predicted)
            values = symbols * step
            ground.cells[where] = cells_of(symbols, means, sigmas)
        ground.symbols[where] = symbols
        ground.values[where] = values
        ground.seen[where] = activations(values)

    def _coded(self, ranks: Int64Array, channels: Int64Array) -> npt.NDArray[np.bool]:
        """Return which channels (n, W) of anchors (n,) are coded: not constant, and no gate is shut."""
        ground, gates = self.ground, self.shape.gates
        coded = np.broadcast_to(ground.is_live[channels], (len(ranks), len(channels)))
        if gates:
            by = np.array(gates)[channels - self.first]
            is_open = ground.symbols[ranks[:, None], by] + ground.constants[by] == 1
            coded = coded & (is_open | (by == UNGATED))
        return coded
