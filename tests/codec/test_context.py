from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.context.graph import MAX_VOXEL_SHIFT, build_graph, choose_voxel_shift
from hemgs_codec.context.neighbours import BATCH, batches, nearest
from hemgs_codec.context.order import (
    ORDERS,
    Order,
    coding_sequence,
    splitmix64,
    tiers_of,
    window_growth,
)
from hemgs_codec.location import morton_sort
from hemgs_codec.model.units import LIMIT, UNIT

Int64Array = npt.NDArray[np.int64]
orders = st.sampled_from(ORDERS)


@st.composite
def points_in_order(draw: st.DrawFn, *, max_points: int = 40) -> Int64Array:
    """Morton-sorted points of one of several densities: duplicates, clusters, far outliers."""
    count = draw(st.integers(1, max_points))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    span = draw(st.sampled_from([1, 2, 5, 100, 1 << 21]))
    points = rng.integers(0, span, (count, 3))
    far = rng.random(count) < draw(st.sampled_from([0.0, 0.2]))
    points[far] = rng.integers(0, 1 << 21, (int(far.sum()), 3))
    return points[morton_sort(points)]


def sequence_of(points: Int64Array, order: Order, voxel_shift: int = 0) -> Int64Array:
    return coding_sequence(points, order, tiers_of(points, voxel_shift) if order == "tiers" else None)


def slow_tiers(points: Int64Array, voxel_shift: int) -> list[int]:
    """Tiers by the definition: the first anchor of a coarse cell, of a finer one, the others."""
    cells = [[tuple(point >> (voxel_shift + shift)) for point in points] for shift in (2, 1)]
    return [next((t for t in (0, 1) if cells[t].index(cells[t][i]) == i), 2) for i in range(len(points))]


def brute_force(
    points: Int64Array,
    sequence: Int64Array,
    half: Int64Array,
    count: int,
    tiers: list[int] | None = None,
) -> list[list[int]]:
    """Contexts by the definition: earlier, within the window, the nearest by (squared distance, rank).

    With tiers by Morton index, only those of lower ones.
    """
    ranked = points[sequence].tolist()
    found = []
    for rank, p in enumerate(ranked):
        candidates = []
        for other in range(rank):
            if tiers is not None and tiers[sequence[other]] >= tiers[sequence[rank]]:
                continue
            difference = [a - b for a, b in zip(p, ranked[other], strict=True)]
            if max(map(abs, difference)) <= half[rank]:
                candidates.append((sum(d * d for d in difference), other))
        found.append([other for _, other in sorted(candidates)[:count]])
    return found


@given(points=points_in_order(), order=orders, count=st.integers(1, 6), log_half=st.integers(-1, 21))
@settings(max_examples=150, deadline=None)
def test_contexts_are_the_nearest_earlier_anchors_in_the_window(
    points: Int64Array, order: Order, count: int, log_half: int
) -> None:
    sequence = sequence_of(points, order)
    half = np.full(len(points), 1 << log_half if log_half >= 0 else 0, np.int64)
    ranks, squared = nearest(points, sequence, half, count=count)
    expected = brute_force(points, sequence, half, count)
    assert [[r for r in row if r >= 0] for row in ranks.tolist()] == expected
    ranked = points[sequence]
    for rank, row in enumerate(expected):
        assert squared[rank, : len(row)].tolist() == ((ranked[row] - ranked[rank]) ** 2).sum(axis=1).tolist()
        assert (ranks[rank, len(row) :] == -1).all()
        assert (squared[rank, len(row) :] == 0).all()


@given(points=points_in_order(), order=orders, count=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_batches_are_the_layers_of_the_context_graph(points: Int64Array, order: Order, count: int) -> None:
    sequence = sequence_of(points, order)
    neighbours, _ = nearest(points, sequence, np.full(len(points), 50, np.int64), count=count)
    layers = batches(neighbours)
    assert sorted(np.concatenate(layers).tolist()) == list(range(len(points)))
    layer_of = {int(rank): number for number, layer in enumerate(layers) for rank in layer}
    for number, layer in enumerate(layers):
        assert layer.tolist() == sorted(layer.tolist())
        for rank in layer:
            context = [r for r in neighbours[rank] if r >= 0]
            # as early as its context lets it be
            assert number == 1 + max((layer_of[int(r)] for r in context), default=-1)


@given(points=points_in_order(), order=orders)
@settings(max_examples=60, deadline=None)
def test_orders_are_permutations(points: Int64Array, order: Order) -> None:
    assert sorted(sequence_of(points, order).tolist()) == list(range(len(points)))


@given(points=points_in_order())
@settings(max_examples=60, deadline=None)
def test_raster_order_runs_along_x_then_y_then_z(points: Int64Array) -> None:
    x, y, z = points[coding_sequence(points, "raster")].T.tolist()
    keys = list(zip(z, y, x, strict=True))
    assert keys == sorted(keys)


@given(points=points_in_order(), shift=st.integers(0, MAX_VOXEL_SHIFT))
@settings(max_examples=100, deadline=None)
def test_tiers_are_the_first_anchors_of_ever_finer_cells(points: Int64Array, shift: int) -> None:
    tiers = tiers_of(points, shift)
    assert tiers.tolist() == slow_tiers(points, shift)
    coarse = np.unique(points >> (shift + 2), axis=0)
    sparse = points[tiers == 0] >> (shift + 2)
    assert len(sparse) == len(coarse)
    np.testing.assert_array_equal(np.unique(sparse, axis=0), coarse)
    # the denser tier fills in: both together have one anchor in every finer cell
    assert (tiers < 2).sum() == len(np.unique(points >> (shift + 1), axis=0))


@given(points=points_in_order(), shift=st.integers(0, 19))
@settings(max_examples=60, deadline=None)
def test_tiers_are_coded_one_after_another_permuted_inside(points: Int64Array, shift: int) -> None:
    tiers = tiers_of(points, shift)
    sequence = coding_sequence(points, "tiers", tiers)
    hashes = splitmix64(np.arange(len(points), dtype=np.uint64))
    keys = [(int(tiers[i]), int(hashes[i])) for i in sequence]
    assert keys == sorted(keys)


@given(
    points=points_in_order(),
    shift=st.integers(0, 19),
    context=st.integers(1, 80),
    window=st.sampled_from([1, 3, 5, 25, 255]),
)
@settings(max_examples=150, deadline=None)
def test_contexts_of_tiers_are_the_nearest_in_lower_tiers(
    points: Int64Array, shift: int, context: int, window: int
) -> None:
    graph = build_graph(points, points, order="tiers", context=context, window=window, voxel_shift=shift)
    tiers = slow_tiers(points, shift)
    half = np.full(len(points), window // 2 << shift, np.int64)
    expected = brute_force(points, graph.sequence, half, context, tiers)
    assert [[r for r in row if r >= 0] for row in graph.neighbours.tolist()] == expected
    ranked = np.array(tiers)[graph.sequence]
    for rank, row in enumerate(expected):
        assert all(ranked[other] < ranked[rank] for other in row)
    # contexts are never deeper than their tiers
    assert len(graph.batches) <= len(set(tiers))


def test_dense_points_have_contexts_in_every_tier_but_the_first() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3)
    points = grid[morton_sort(grid)]
    graph = build_graph(points, points, order="tiers", context=80, window=25, voxel_shift=0)
    counts = (graph.neighbours >= 0).sum(axis=1)
    assert [len(layer) for layer in graph.batches] == [8, 56, 448]
    assert (counts[:8] == 0).all()
    assert (counts[8:64] == 8).all()
    assert (counts[64:] == 64).all()


@given(points_in_order(max_points=80), st.integers(1, 6), st.sampled_from([1, 3, 5, 9]))
def test_contexts_in_permuted_order_are_the_nearest_of_earlier_waves(
    points: Int64Array, context: int, window: int
) -> None:
    graph = build_graph(points, points, order="permuted", context=context, window=window, voxel_shift=0)
    starts = [0]
    while starts[-1] < len(points):
        starts.append(starts[-1] + starts[-1] // 8 + 1)
    reach = (window // 2) << window_growth(len(points), "permuted")
    for rank, own in enumerate(points[graph.sequence]):
        known = points[graph.sequence[: max(start for start in starts if start <= rank)]]
        apart = np.abs(known - own)
        found = [
            (int(square), other)
            for other, (square, most) in enumerate(zip((apart**2).sum(1), apart.max(1), strict=True))
            if most <= reach[rank]
        ]
        expected = [other for _, other in sorted(found)[:context]]
        assert [int(other) for other in graph.neighbours[rank] if other >= 0] == expected


def test_batches_are_few_and_of_a_bounded_size() -> None:
    points = np.stack([*np.divmod(np.arange(20_000), 150), np.zeros(20_000, np.int64)], axis=1)
    points = points[morton_sort(points)]
    graph = build_graph(points, points, order="permuted", context=20, window=25, voxel_shift=0)
    assert len(graph.batches) < 80
    assert max(map(len, graph.batches)) <= BATCH
    assert sorted(np.concatenate(graph.batches).tolist()) == list(range(len(points)))


def test_the_permutation_depends_on_the_morton_index_alone() -> None:
    near, far = np.zeros((50, 3), np.int64), np.arange(150).reshape(50, 3)
    assert coding_sequence(near, "permuted").tolist() == coding_sequence(far, "permuted").tolist()


def test_the_hash_is_splitmix64() -> None:
    # the first outputs of the reference generator with seed 0
    state = np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(v) for v in splitmix64(state).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_windows_grow_with_the_spacing_of_what_is_known(count: int) -> None:
    growth = window_growth(count, "permuted")
    for rank in range(count):
        assert 4 ** int(growth[rank]) * (rank + 1) <= count < 4 ** (int(growth[rank]) + 1) * (rank + 1)
    for order in ("raster", "tiers"):
        assert not window_growth(count, order).any()


@given(
    points=points_in_order(), order=orders, context=st.integers(0, 6), shift=st.integers(0, MAX_VOXEL_SHIFT)
)
@settings(max_examples=100, deadline=None)
def test_features_of_a_graph_stay_in_the_networks_range(
    points: Int64Array, order: Order, context: int, shift: int
) -> None:
    base = points * 16
    graph = build_graph(points, base, order=order, context=context, window=25, voxel_shift=shift)
    assert np.abs(graph.edges.astype(np.int64)).max(initial=0) <= LIMIT
    assert np.abs(graph.geometry.astype(np.int64)).max() <= LIMIT
    assert (graph.edges[graph.neighbours < 0] == 0).all()
    counts = (graph.neighbours >= 0).sum(axis=1)
    assert (graph.geometry[:, 1] == counts * UNIT // max(context, 1)).all()


def test_a_graph_of_far_points_and_the_coarsest_voxels_has_no_overflow() -> None:
    corners = np.array([[0, 0, 0], [1, 1, 1]]) * ((1 << 21) - 1)
    count = 1 << 14
    coords = np.repeat(corners, count // 2, axis=0)
    graph = build_graph(
        coords, coords * 16, order="permuted", context=2, window=255, voxel_shift=MAX_VOXEL_SHIFT
    )
    assert np.abs(graph.edges.astype(np.int64)).max() <= LIMIT


def test_the_voxel_is_near_the_median_nearest_distance() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3) * 64
    assert choose_voxel_shift(grid[morton_sort(grid)]) == 6
    duplicates = np.repeat(grid[morton_sort(grid)], 2, axis=0)
    assert choose_voxel_shift(duplicates) == 0 or choose_voxel_shift(duplicates) == 6


def test_a_voxel_exists_for_points_without_neighbours() -> None:
    ends = np.array([[0, 0, 0], [1, 1, 1]]) * (((1 << 21) - 1) * 16)
    assert choose_voxel_shift(ends) == MAX_VOXEL_SHIFT
    assert choose_voxel_shift(ends[:1]) == 0
    assert choose_voxel_shift(ends[[0, 0, 0]]) == 0
