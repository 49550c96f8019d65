"""Shifted values: the SPEC's rule by its own example, and that fitted shifts are worth their bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_codec import profile
from hemgs_codec.coding.centroids import NUM_CELLS, cells_of, fit_centroids, shifted_values
from hemgs_codec.coding.walk import Walked
from hemgs_codec.decoder import decode_symbols
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.location import morton_sort
from hemgs_codec.model.spec import Group
from hemgs_codec.model.units import UNIT_STEP, VALUE_BITS
from hemgs_codec.scene import GaussianScene
from tests.small import crop, encode_with, random_fitted

ONE_CHANNEL = (Group("only", (1,), (0,)),)


def walked_of(symbols: list[int], means: list[int], sigmas: list[int]) -> Walked:
    """Return one channel's symbols at unit steps."""
    column = np.array(symbols)[:, None]
    return Walked(
        symbols=column.astype(np.int32),
        values=column.astype(np.int64) << VALUE_BITS,
        cells=cells_of(column, np.array(means)[:, None], np.array(sigmas)[:, None]),
        steps=np.full((len(symbols), 1), UNIT_STEP, np.int16),
        halvings=np.zeros(len(symbols), np.int64),
        parts=np.zeros((len(symbols), 3), np.int64),
    )


def table_with(**places: int) -> bytes:
    table = np.zeros(NUM_CELLS, np.int8)
    for place, shift in places.items():
        table[int(place.removeprefix("at"))] = shift
    return table.tobytes()


def test_the_example_of_the_specification() -> None:
    walked = walked_of([0], [5], [14])
    assert shifted_values(walked, ONE_CHANNEL, (table_with(at10=64),)).item() == 16384


def test_values_move_toward_the_mean_from_either_side() -> None:
    walked = walked_of([3, 3, 3], [53, 43, 48], [14, 14, 14])
    moved = shifted_values(walked, ONE_CHANNEL, (table_with(at10=64),)) - walked.values
    assert moved.ravel().tolist() == [16384, -16384, 0]


def test_values_of_some_anchors_are_those_of_all() -> None:
    walked = walked_of([3, 0, -2, 5], [53, 5, -37, 70], [14, 14, 9, 20])
    tables = (table_with(at10=64, at18=-20),)
    ranks = np.array([2, 0, 3])
    chosen = shifted_values(walked, ONE_CHANNEL, tables, ranks)
    assert chosen.tolist() == shifted_values(walked, ONE_CHANNEL, tables)[ranks].tolist()


def test_values_stay_without_a_table() -> None:
    walked = walked_of([3, -2], [53, 0], [14, 9])
    assert (shifted_values(walked, ONE_CHANNEL, (b"",)) == walked.values).all()


def test_channels_of_a_slice_move_by_steps_of_their_own() -> None:
    groups = (Group("first", (1,), (0,)), Group("two", (1, 4), (0, 1), shares=(1, 2)))
    steps = [UNIT_STEP + 16, UNIT_STEP - 16, UNIT_STEP, UNIT_STEP - 8]
    column = walked_of([0] * 200, [5] * 200, [14] * 200)
    of_channels = [0, 1, 2, 2, 3, 3]  # step channels of all groups
    walked = replace(
        column,
        symbols=np.repeat(column.symbols, 6, axis=1),
        values=np.repeat(column.values, 6, axis=1),
        cells=np.repeat(column.cells, 6, axis=1),
        steps=np.full((200, 4), steps, np.int16),
    )
    sizes = np.array([4.0, 0.25, 1.0, 1.0, 0.5, 0.5])
    assert (2.0 ** ((np.array(steps)[of_channels] - UNIT_STEP) / 8) == sizes).all()
    quarter = table_with(at10=64)
    moved = shifted_values(walked, groups, (b"", quarter))
    assert moved[0].tolist() == [0, *(sizes[1:] * 2.0 ** (VALUE_BITS - 2)).tolist()]
    wanted = np.tile(sizes / 4, (200, 1))
    tables = fit_centroids(walked, groups, wanted, np.full((200, 6), 1e3))
    assert tables == (quarter, quarter)


def slow_cell(symbol: int, mean: int, sigma: int) -> int:
    """Return the cell + 1 with its sign, as the SPEC tells it."""
    toward = mean - 16 * symbol
    distance = sum(edge <= abs(toward) for edge in (2, 4, 6, 8, 12, 20, 36))
    width = max(sigma - 8, 0) // 4
    if width >= 8 or toward == 0:
        return 0
    return (8 * width + distance + 1) * (1 if toward > 0 else -1)


@given(st.integers(-50, 50), st.integers(-900, 900), st.integers(0, 63))
def test_cells_are_those_of_the_specification(symbol: int, mean: int, sigma: int) -> None:
    assert cells_of(np.array([symbol]), np.array([mean]), np.array([sigma])).item() == slow_cell(
        symbol, mean, sigma
    )


def test_a_table_is_fitted_only_where_it_is_worth_its_bytes() -> None:
    walked = walked_of([0] * 200, [8] * 200, [8] * 200)
    wanted = np.full((200, 1), 0.25)
    (table,) = fit_centroids(walked, ONE_CHANNEL, wanted, np.full((200, 1), 1e3))
    moved = shifted_values(walked, ONE_CHANNEL, (table,))
    assert moved.ravel().tolist() == [1 << (VALUE_BITS - 2)] * 200
    assert fit_centroids(walked, ONE_CHANNEL, wanted, np.full((200, 1), 1e-3)) == (b"",)


def test_fitted_tables_bring_a_scene_nearer(chair: GaussianScene) -> None:
    scene = crop(chair, 1000, sh_degree=1)
    decoded = decode_symbols(encode_with(scene, random_fitted(scene)))
    fields = decoded.fields
    lattice = fields.lattice
    order = morton_sort(lattice.quantise(scene.means))[decoded.sequence]
    wanted = profile.attributes_from_scene(scene)[order]

    def error(tables: tuple[bytes, ...]) -> float:
        shifted = shifted_values(decoded.walked, fields.spec.groups, tables)
        values = fields.scaling.attributes(shifted, fields.spec.groups)
        return float((analytic_weights(wanted).values * (values - wanted) ** 2).sum())

    assert any(fields.centroids)
    assert error(fields.centroids) < 0.99 * error((b"",) * len(fields.spec.groups))


def test_shifts_are_part_of_what_the_hash_covers(tiny_file: bytes) -> None:
    fields = decode_symbols(tiny_file).fields
    other = replace(fields, centroids=(table_with(at0=1),) * len(fields.centroids))
    assert other.pack()["centroids"] != fields.pack()["centroids"]


@pytest.mark.parametrize("logit", [-30.0, -1.0, 0.0, 0.5, 3.0, 8.0, 12.0, 30.0])
def test_companded_opacity_comes_back(logit: float) -> None:
    compressed = profile.compress_opacity(np.array([logit]))
    assert compressed.item() < profile.OPACITY_KNEE
    assert profile.expand_opacity(compressed).item() == pytest.approx(logit, rel=1e-9, abs=1e-12)


def test_opacity_beyond_the_knee_is_opaque_but_finite() -> None:
    assert 30 < profile.expand_opacity(np.array([3.0, 5.0, 1e30])).min() < 40
