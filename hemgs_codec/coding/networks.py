"""What a walk asks of a group's networks, and the networks in float64s: NumPy's or torch's."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.ground import Ground
from hemgs_codec.model import predictor
from hemgs_codec.model.arithmetic import Array
from hemgs_codec.model.edge_kernel import pool_edges
from hemgs_codec.model.slice_kernel import slice_tables, tables_for
from hemgs_codec.model.tilts import NUM_TILTING, tilted_octaves, tilting_features
from hemgs_codec.model.units import NUM_STEPS, UNIT, UNIT_STEP

_EDGE_CHUNK = 1 << 16  # context edges at once: bounds memory, for a batch may hold most of a scene
Int64Array = npt.NDArray[np.int64]


class Networks(Protocol):
    """Networks of a group that has some: of a batch `open`, `look_around`, slice by slice, `tell`."""

    def open(self, ranks: Int64Array) -> tuple[Array, Int64Array]:
        """Return prior features (n, H) and step indices (n, S) of a batch; the walk keeps the latter."""

    def look_around(self, ranks: Int64Array) -> tuple[Array, Array]:
        """Evaluate the autoregressive network for a batch: see `predictor.context`."""

    def predict_slice(
        self, number: int, ranks: Int64Array, prior: Array, steps: Int64Array, pooled: Array, attended: Array
    ) -> tuple[Int64Array, Int64Array]:
        """Return the means and sigma indices (n, W) of one slice, see `slice_kernel.slice_tables`.

        Steps are all the group's; pooled and attended what the batch sees in its context.
        """

    def tell_slice(self, number: int, ranks: Int64Array) -> None:
        """Take note of a slice that was coded."""

    def tell(self, ranks: Int64Array) -> None:
        """Take note of a batch that was coded: what it tells those that have it in their context."""


class FloatNetworks:
    """Networks in float64s that hold integers, with an `ExactArithmetic`."""

    def __init__(self, ground: Ground, group: int) -> None:
        self.ground, self.group = ground, group
        self.m = ground.arithmetic
        spec, count = ground.spec, len(ground.location)
        self.shape, self.first = spec.groups[group], spec.first_channel(group)
        self.earlier = spec.earlier(group)
        self.keys: Any = None
        self.own: Any = None
        self.values_near = np.zeros((count, 0), dtype=np.int16)
        if self.shape.refines_positions:
            return
        if self.m.is_torch:
            self.own = self._float(np.zeros((count, self.shape.channels)))
            self.keys = self._float(np.zeros((count, spec.hidden)))
        elif spec.use_context:  # neighbours lie anywhere in memory: let there be little of it
            self.keys = np.zeros((count, spec.hidden), dtype=np.int16)
            self.values_near = np.zeros((count, self.shape.channels), dtype=np.int16)

    def open(self, ranks: Int64Array) -> tuple[Array, Int64Array]:
        """See `Networks`."""
        ground, m, group = self.ground, self.m, self.group
        lam = self._float(np.full((len(ranks), 1), ground.lambda_feature))
        earlier = self._float(ground.seen[ranks, : self.earlier])
        prior = predictor.prior(m, group, self._float(ground.location[ranks]), earlier, lam)
        first = ground.spec.first_step(group)
        own = slice(first, first + self.shape.num_steps)
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

    def look_around(self, ranks: Int64Array) -> tuple[Array, Array]:
        """See `Networks`."""
        spec, shape = self.ground.spec, self.shape
        if not spec.use_context:
            return self._float(np.zeros((len(ranks), 0))), self._float(
                np.zeros((len(ranks), 0, shape.channels))
            )
        pooled, attended = self._look_in_torch(ranks) if self.m.is_torch else self._look(ranks)
        return pooled, attended.reshape(len(ranks), spec.heads, shape.channels)

    def predict_slice(
        self, number: int, ranks: Int64Array, prior: Array, steps: Int64Array, pooled: Array, attended: Array
    ) -> tuple[Int64Array, Int64Array]:
        """See `Networks`."""
        spec, m, shape, group = self.ground.spec, self.m, self.shape, self.group
        steps = steps[:, shape.slice_steps(number)]
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

    def tell_slice(self, number: int, ranks: Int64Array) -> None:
        """See `Networks`."""
        if self.m.is_torch:
            done = sum(self.shape.slices[:number])
            part = slice(done, done + self.shape.slices[number])
            own = self.ground.seen[ranks, self.first + part.start : self.first + part.stop]
            self.own[self.m.array(ranks), part] = self._float(own)

    def tell(self, ranks: Int64Array) -> None:
        """See `Networks`."""
        if not self.ground.spec.use_context:
            return
        seen, m = self.ground.seen, self.m
        own = seen[ranks, self.first : self.first + self.shape.channels]
        if not m.is_torch:
            self.values_near[ranks] = own
        visible = self._float(np.concatenate([seen[ranks, : self.earlier], own], axis=1))
        self.keys[m.array(ranks)] = predictor.key(m, self.group, visible)

    def _float(self, values: npt.NDArray[Any]) -> Array:
        return self.m.array(values.astype(np.float64))

    def _look(self, ranks: Int64Array) -> tuple[Array, Array]:
        ground, m, group = self.ground, self.m, self.group
        geometry = self._float(ground.location[ranks, ground.spec.hash_width :])
        query = predictor.query(m, group, geometry, self._float(ground.seen[ranks, : self.earlier]))
        return pool_edges(m, group, ground.graph, ranks, self.keys, self.values_near, query)

    def _look_in_torch(self, ranks: Int64Array) -> tuple[Array, Array]:
        ground, m = self.ground, self.m
        first = ground.spec.hash_width
        size = max(_EDGE_CHUNK // ground.graph.neighbours.shape[1], 1)
        parts = []
        for start in range(0, len(ranks), size):
            part = ranks[start : start + size]
            neighbours = ground.graph.neighbours[part]
            near = m.array(np.maximum(neighbours, 0).astype(np.int64))
            parts.append(
                predictor.context(
                    m,
                    self.group,
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
