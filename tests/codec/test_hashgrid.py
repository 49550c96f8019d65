from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.fit.grid import GridFeatures
from hemgs_codec.model.hashgrid import Level, corners, hash_coordinates, interpolate, make_levels, weight_bits
from hemgs_codec.model.units import UNIT, UNIT_BITS

Int64Array = npt.NDArray[np.int64]
LEVELS = (Level((0, 1, 2), 2, 125), Level((0, 1, 2), 4, 64), Level((0, 2), 3, 81), Level((1, 2), 5, 50))


def random_tables(levels: tuple[Level, ...], features: int = 3) -> list[npt.NDArray[np.int8]]:
    rng = np.random.default_rng(2)
    return [(2 * rng.integers(0, 2, (level.entries, features)) - 1).astype(np.int8) for level in levels]


def plain(coords: Int64Array, level: Level, table: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """Multilinear interpolation in floats, anchor by anchor, vertices found by their definition."""
    side = (1 << level.log_resolution) + 1
    values = np.zeros((len(coords), table.shape[1]))
    for row, coord in enumerate(coords.tolist()):
        scaled = [coord[axis] / 2 ** (16 - level.log_resolution) for axis in level.axes]
        for corner in range(1 << len(level.axes)):
            weight, index = 1.0, 0
            for place, place_value in enumerate(scaled):
                upper = corner >> place & 1
                vertex = int(place_value) + upper
                fraction = place_value - int(place_value)
                weight *= fraction if upper else 1 - fraction
                if level.is_dense:
                    index += vertex * side**place
                else:
                    index ^= vertex * (1, 2654435761, 805459861)[place] & 0xFFFFFFFF
            values[row] += weight * table[index % level.entries]
    return values


def test_interpolation_is_that_of_floats_to_a_step_of_the_fraction() -> None:
    coords = np.random.default_rng(1).integers(0, 1 << 16, (300, 3))
    tables = random_tables(LEVELS)
    found = interpolate(coords, LEVELS, tables, UNIT_BITS) / UNIT
    expected = np.concatenate([plain(coords, v, t) for v, t in zip(LEVELS, tables, strict=True)], axis=1)
    # fractions are cut to 1/256 an axis: each moves a value by at most 2/256
    np.testing.assert_allclose(found, expected, atol=3 * 2 / 256 + 1 / UNIT)


def test_the_fits_features_are_those_of_the_coder() -> None:
    coords = np.random.default_rng(3).integers(0, 1 << 16, (200, 3))
    tables = random_tables(LEVELS)
    features = GridFeatures(coords, LEVELS, "cpu")
    entries = torch.from_numpy(np.concatenate(tables).astype(np.float32))
    found = features(entries, torch.arange(200)).numpy()
    np.testing.assert_allclose(found, interpolate(coords, LEVELS, tables, UNIT_BITS) / UNIT, atol=1.01 / UNIT)


def test_gradients_of_entries_are_the_weights_that_anchors_read_them_with() -> None:
    coords = np.random.default_rng(6).integers(0, 1 << 16, (200, 3))
    features = GridFeatures(coords, LEVELS, "cpu")
    entries = torch.from_numpy(np.concatenate(random_tables(LEVELS)).astype(np.float32)).requires_grad_()
    rows, width = np.arange(0, 200, 3), entries.shape[1]
    wanted = np.random.default_rng(7).normal(size=(len(rows), width * len(LEVELS)))
    found = features(entries, torch.from_numpy(rows))
    (gradient,) = torch.autograd.grad((found * torch.from_numpy(wanted).float()).sum(), entries)
    expected, first = np.zeros(entries.shape), 0
    for number, level in enumerate(LEVELS):
        index, weight = corners(coords[rows], level)
        columns = wanted[:, None, width * number : width * (number + 1)]
        np.add.at(expected, index + first, weight[:, :, None] * 2.0 ** -weight_bits(level) * columns)
        first += level.entries
    np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_weights_sum_to_one_and_entries_exist(level: Level) -> None:
    coords = np.random.default_rng(4).integers(0, 1 << 16, (500, 3))
    coords[0], coords[1] = 0, (1 << 16) - 1
    index, weight = corners(coords, level)
    assert index.min() >= 0
    assert index.max() < level.entries
    assert (weight.sum(axis=1) == 1 << weight_bits(level)).all()
    assert (weight >= 0).all()


def test_alike_entries_make_alike_features() -> None:
    coords = np.random.default_rng(5).integers(0, 1 << 16, (50, 3))
    ones = [np.ones((level.entries, 2), np.int8) for level in LEVELS]
    assert (interpolate(coords, LEVELS, ones, UNIT_BITS) == UNIT).all()


@given(st.integers(-(2**26), 2**26), st.integers(1, 2**27), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_places_in_the_box_are_16_bit_fractions_of_it(low: int, side: int, seed: int) -> None:
    points = np.random.default_rng(seed).integers(0, 1 << 26, (20, 3))
    found = hash_coordinates(points, np.array([low, low, low, side]))
    for row, point in zip(found.tolist(), points.tolist(), strict=True):
        for a, b in zip(row, point, strict=True):
            assert a == min(max(((b - low) << 16) // side, 0), 65535)


@pytest.mark.parametrize("count", [1, 100, 1000, 20_000, 500_000])
def test_the_grid_takes_about_a_bit_an_anchor(count: int) -> None:
    levels = make_levels(count, 1.0, 4)
    assert sum(level.entries for level in levels) * 4 <= 2 * count
    assert all(level.entries <= level.vertices for level in levels)
