"""PointNet++ over a scene's points, for fitting (floats) and coding (integers): SPEC "Layers".

After Qi et al. 2017: set abstraction (section 3.2) from each level's points to its centres, then feature
propagation (section 3.4) back, level by level. It's HEMGS's scene-agnostic prior (section 3.3.2): what it
makes of locations holds for every scene, so its weights are in no scene's file.

::

    edges ────────────── edge ──┐
    inputs, feature ──┬─ key ───┼─ sum ─ group ─ max ──▶ feature of centres: the next level's points
    of points         ├─ query ─┘
                      └──────────────────┐
    feature of centres ─ blend of three ─┴─ up ──▶ feature of points, of the finest ─ out ──▶ (N, F)

A group's first layer is linear in its members, so a point's part of it (key) and the centre's (query) are
computed once, and only the sum is per edge.

Points are taken in chunks, so that beside the plan only stacks grow with a scene: two bytes for each feature
of each point, at most 250 bytes a point in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hemgs_codec.model.arithmetic import Array
from hemgs_codec.pointnet.arithmetic import PointArithmetic
from hemgs_codec.pointnet.plan import PointLevel, PointPlan
from hemgs_codec.pointnet.spec import PointNetSpec

_POINTS = 4096  # points of a chunk
_CENTRES = 256  # groups of a chunk: their edges stay in a processor's cache


def point_features(m: PointArithmetic, spec: PointNetSpec, plan: PointPlan) -> Array:
    """Compute the features of a scene's points.

    Parameters
    ----------
    m
        Floats, or integers from `FrozenPointNet.arithmetic`.
    plan
        Of as many levels as the spec.

    Returns
    -------
    (N, F)
        In 1/1024: int16 from integers (NumPy's or torch's), the same on every machine. From floats the same
        numbers, but for rounding, in units.

    Raises
    ------
    ValueError
        The plan has another number of levels than the spec.
    """
    if len(plan.levels) != spec.levels:
        raise ValueError(f"the plan has {len(plan.levels)} levels, expected {spec.levels}")
    seen = []  # what each level's points know before anything comes back from coarser ones
    feature: Array | None = None
    for number, level in enumerate(plan.levels):
        inputs = _inputs(m, level)
        seen.append(inputs if feature is None else m.concat([feature, inputs]))
        feature = _abstract(m, number, level, seen[-1])
    for number, level in reversed(tuple(enumerate(plan.levels))):
        feature = _propagate(m, number, level, seen.pop(), feature)
    return feature


def _chunks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, max(count, 1), size):  # of no points one empty chunk: a stack has its width
        yield slice(start, start + size)


def _by_chunks(m: PointArithmetic, count: int, size: int, compute: Callable[[slice], Array]) -> Array:
    return m.stack(compute(rows) for rows in _chunks(count, size * m.breadth))


def _inputs(m: PointArithmetic, level: PointLevel) -> Array:
    """Stack (n, 13) of what a level's geometry says about its points."""
    return _by_chunks(m, len(level.inputs), _POINTS, lambda rows: m.fixed(level.inputs[rows]))


def _abstract(m: PointArithmetic, number: int, level: PointLevel, seen: Array) -> Array:
    """Features (c, W) of a level's centres, from what its points know (n, …)."""
    keys = _by_chunks(
        m, len(level.inputs), _POINTS, lambda rows: m.linear(f"{number}.key", m.pick(seen, rows))
    )

    def pooled(rows: slice) -> Array:
        query = m.linear(f"{number}.query", m.pick(seen, level.centres[rows]))
        edge = m.linear(f"{number}.edge", m.fixed(level.edges[rows]))
        joined = m.join_relu(m.pick(keys, level.groups[rows]), query, edge)
        return m.largest(m.linear(f"{number}.group", joined, relu=True))

    return _by_chunks(m, len(level.centres), _CENTRES, pooled)


def _propagate(m: PointArithmetic, number: int, level: PointLevel, seen: Array, coarse: Array) -> Array:
    """Features (n, U) of a level's points from those of its centres (c, …); of the finest, the result."""

    def spread(rows: slice) -> Array:
        around = m.blend(m.pick(coarse, level.parents[rows]), m.fixed(level.shares[rows]))
        x = m.linear(f"{number}.up", m.concat([around, m.pick(seen, rows)]), relu=True)
        return x if number else m.linear("out", x)

    return _by_chunks(m, len(level.inputs), _POINTS, spread)
