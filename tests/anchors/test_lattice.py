from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemgs_codec.anchors.lattice import (
    MAX_INDEX,
    MAX_ULPS,
    Float32Array,
    Int64Array,
    lattice_anchors,
    lattice_indices,
)
from hemgs_codec.anchors.voxel_search import find_voxel_size

voxel_sizes = st.one_of(st.sampled_from([0.001, 0.005, 0.01, 0.0123]), st.floats(2.0**-17, 10, width=32))


def index_arrays(largest: int) -> st.SearchStrategy[Int64Array]:
    entries = st.integers(-largest, largest)
    return st.integers(1, 40).flatmap(lambda n: hnp.arrays(np.int64, (n, 3), elements=entries))


@given(indices=index_arrays(MAX_INDEX), voxel_size=voxel_sizes)
@settings(deadline=None)
def test_indices_come_back(indices: Int64Array, voxel_size: float) -> None:
    found = lattice_indices(lattice_anchors(indices, voxel_size), voxel_size)
    assert found is not None
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, indices)


@given(indices=index_arrays(MAX_INDEX // 4), voxel_size=voxel_sizes)
@settings(deadline=None)
def test_products_in_float64_have_the_same_indices(indices: Int64Array, voxel_size: float) -> None:
    found = lattice_indices((indices * voxel_size).astype(np.float32), voxel_size)
    assert found is not None
    np.testing.assert_array_equal(found, indices)


@given(
    anchors=hnp.arrays(
        np.float32, (4, 3), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    )
)
@settings(deadline=None)
def test_indices_are_of_anchors_within_a_few_ulps(anchors: Float32Array) -> None:
    found = lattice_indices(anchors, 0.25)
    if found is not None:
        back = lattice_anchors(found, 0.25)
        assert (
            np.abs(back - anchors) <= MAX_ULPS * np.spacing(np.maximum(np.abs(anchors), np.abs(back)))
        ).all()


def test_an_anchor_between_voxels_is_on_no_lattice() -> None:
    anchors = np.array([[0.25, 0.5, 0], [0.25, 0.3, 0]], np.float32)
    assert lattice_indices(anchors[:1], 0.25) is not None
    assert lattice_indices(anchors, 0.25) is None


def test_an_anchor_beyond_the_largest_index_is_on_no_lattice() -> None:
    assert lattice_indices(np.full((1, 3), MAX_INDEX, np.float32), 1.0) is not None
    assert lattice_indices(np.full((1, 3), MAX_INDEX + 1, np.float32), 1.0) is None
    assert lattice_indices(np.full((1, 3), 3e38, np.float32), 1e-44) is None


@pytest.mark.parametrize("voxel_size", [0.0, -1.0, 1e-60, 1e39, float("nan")])
def test_no_lattice_has_a_spacing_that_float32_lacks(voxel_size: float) -> None:
    assert lattice_indices(np.zeros((1, 3), np.float32), voxel_size) is None


@given(
    anchors=hnp.arrays(
        np.float32, (3, 3), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    )
)
@example(anchors=np.full((1, 3), np.finfo(np.float32).max))
@example(anchors=np.full((1, 3), np.finfo(np.float32).smallest_subnormal))
@settings(deadline=None)
def test_a_voxel_size_is_found_for_a_lattice_or_not_at_all(anchors: Float32Array) -> None:
    found = find_voxel_size(anchors)
    assert found is None or lattice_indices(anchors, found) is not None


@given(indices=index_arrays(400), voxel_size=voxel_sizes, in_float64=st.booleans())
@settings(deadline=None)
def test_the_largest_voxel_size_is_found(indices: Int64Array, voxel_size: float, in_float64: bool) -> None:
    # A few numbers alone tell their common divisor only while it is large.
    assume(len(np.unique(np.abs(indices))) >= 6)
    largest = int(np.gcd.reduce(np.abs(indices).ravel()))
    assume(largest > 0)
    anchors = (
        (indices * voxel_size).astype(np.float32) if in_float64 else lattice_anchors(indices, voxel_size)
    )
    found = find_voxel_size(anchors)
    assert found is not None
    assert found == pytest.approx(largest * voxel_size, rel=2.5e-7)
    coords = lattice_indices(anchors, found)
    assert coords is not None
    np.testing.assert_array_equal(coords, indices // largest)
    if not in_float64 and largest & (largest - 1) == 0:
        np.testing.assert_array_equal(lattice_anchors(coords, found), anchors)


@pytest.mark.parametrize("voxel_size", [0.001, 0.005, 0.01, 0.0123])
@pytest.mark.parametrize("centre", [0, 100_000])
def test_a_trained_scene_gives_the_voxel_size_of_its_settings(voxel_size: float, centre: int) -> None:
    rng = np.random.default_rng(0)
    indices = (rng.standard_normal((20_000, 3)) * 2_000).astype(np.int64) + centre
    indices[::7] *= 16
    assert find_voxel_size(lattice_anchors(indices, voxel_size)) == voxel_size


@pytest.mark.parametrize("count", [1, 2, 5, 100, 20_000])
@pytest.mark.parametrize("seed", range(5))
def test_anchors_anywhere_have_no_voxel_size(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert find_voxel_size(rng.standard_normal((count, 3)).astype(np.float32)) is None
    assert find_voxel_size(rng.random((count, 3), np.float32)) is None


def test_one_anchor_off_a_wide_lattice_leaves_no_voxel_size() -> None:
    # A lattice ten times finer would hold it, but is too fine to be told from chance.
    indices = np.random.default_rng(0).integers(-500_000, 500_000, (20_000, 3))
    anchors = lattice_anchors(indices, 0.001)
    anchors[777, 1] += np.float32(0.0003)
    assert find_voxel_size(anchors) is None


def test_anchors_at_the_origin_have_no_voxel_size() -> None:
    assert find_voxel_size(np.zeros((3, 3), np.float32)) is None
