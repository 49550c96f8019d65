from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemgs_codec.coding.group_walk import MAX_HALVINGS
from hemgs_codec.coding.quantise import divide_cells
from hemgs_codec.lattice import (
    BASE_EXTENT,
    MAX_BITS,
    NUM_LATTICE_STEPS,
    Lattice,
    fit_lattice,
    index_for_bits,
    index_for_step,
    lattice_step,
)

Means = npt.NDArray[np.float32]
coordinates = st.floats(-(2.0**100), 2.0**100, width=32)
means_arrays = st.integers(1, 20).flatmap(lambda n: hnp.arrays(np.float32, (n, 3), elements=coordinates))
indices = st.integers(0, NUM_LATTICE_STEPS - 1)


def middles(lattice: Lattice, coords: npt.NDArray[np.int64]) -> Means:
    """Return the middles of whole cells."""
    return lattice.means(coords, np.zeros_like(coords), np.zeros(len(coords), np.int64))


@given(means=means_arrays, index=indices, seed=st.integers(0, 99))
@settings(deadline=None)
def test_refined_positions_move_by_at_most_half_a_part(means: Means, index: int, seed: int) -> None:
    lattice = fit_lattice(means, index)
    coords = lattice.quantise(means)
    halvings = np.random.default_rng(seed).integers(0, MAX_HALVINGS + 1, len(means))
    parts = divide_cells(lattice.places(means, coords), halvings)
    assert (parts >= 0).all()
    assert (parts < (1 << halvings)[:, None]).all()
    error = np.abs(lattice.means(coords, parts, halvings).astype(np.float64) - means)
    rounding = np.spacing(np.abs(means).max(initial=0)).astype(np.float64)
    size = lattice.step * lattice.unit * 0.5 ** halvings[:, None]
    assert (error <= 0.5 * size * (1 + 1e-6) + rounding).all()


@given(means=means_arrays, index=indices)
@settings(deadline=None)
def test_positions_move_by_at_most_half_a_step(means: Means, index: int) -> None:
    lattice = fit_lattice(means, index)
    coords = lattice.quantise(means)
    assert (coords >= 0).all()
    assert lattice.bits(coords) <= MAX_BITS
    error = np.abs(middles(lattice, coords).astype(np.float64) - means)
    rounding = np.spacing(np.abs(means).max(initial=0)).astype(np.float64)  # float32 can't do better
    assert error.max() <= 0.5 * lattice.step * lattice.unit * (1 + 1e-9) + rounding


@given(means=means_arrays, index=indices)
@settings(deadline=None)
def test_lattice_points_stay_where_they_are(means: Means, index: int) -> None:
    lattice = fit_lattice(means, index)
    coords = np.random.default_rng(0).integers(0, 1 << 10, (50, 3))
    spacing = lattice.step * lattice.unit
    exact = coords * spacing + np.array(lattice.origin)
    far = np.spacing(np.abs(exact).max().astype(np.float32)) > spacing / 4
    if not far:  # else float32 itself can't tell neighbours apart
        np.testing.assert_array_equal(lattice.quantise(middles(lattice, coords)), coords)


def test_base_points_are_whole_base_units_within_26_bits() -> None:
    means = np.array([[0, 0, 0], [1, 2, 3]], np.float32)
    for index in range(NUM_LATTICE_STEPS):
        lattice = fit_lattice(means, index)
        points = lattice.base_points(lattice.quantise(means))
        assert points.max() < 1 << 26
        assert abs(int(points.max()) - BASE_EXTENT) <= lattice.step


def test_steps_are_eighths_of_an_octave() -> None:
    for index in range(NUM_LATTICE_STEPS):
        assert lattice_step(index) == pytest.approx(16 * 2 ** (index / 8), abs=1)


def test_the_step_index_is_the_nearest_to_a_length() -> None:
    unit = 0.37
    for index in range(NUM_LATTICE_STEPS):
        assert index_for_step(16 * unit * 2 ** (index / 8), unit) == index
    assert index_for_step(0.0, unit) == 0
    assert index_for_step(1e300, unit) == NUM_LATTICE_STEPS - 1


@pytest.mark.parametrize("bits", range(1, MAX_BITS + 1))
def test_bits_divide_the_largest_extent(bits: int) -> None:
    means = np.random.default_rng(1).random((1000, 3)).astype(np.float32)
    coords = fit_lattice(means, index_for_bits(bits)).quantise(means)
    assert coords.max() in ((1 << bits) - 1, 1 << bits)


def test_equal_positions_have_a_lattice() -> None:
    means = np.full((4, 3), 1.5, np.float32)
    lattice = fit_lattice(means, 40)
    assert not lattice.quantise(means).any()
    np.testing.assert_array_equal(middles(lattice, lattice.quantise(means)), means)
