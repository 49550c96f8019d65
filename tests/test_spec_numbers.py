"""Worked numbers of SPEC.md are what the code computes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hemgs_codec.coding.adaptation import BIASES, FAVOUR, GAINS, SHIFTS, Adaptation
from hemgs_codec.coding.group_walk import halvings_for
from hemgs_codec.context.graph import build_graph
from hemgs_codec.location import tables as location_tables
from hemgs_codec.model import hashgrid, units
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.tilts import NUM_TILTS, tilted_octaves, tilting_features
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder
from hemgs_format.errors import CorruptError, HgsError, TruncatedError
from hemgs_format.symbols import find_rows
from tests.spec_text import FLAT, TEXT, rows_under

MINUS = "\N{MINUS SIGN}"


def said(text: str) -> bool:
    return text.replace("-", MINUS) in FLAT or text in FLAT


def listed(numbers: object) -> str:
    return ", ".join(map(str, np.ravel(np.asarray(numbers)).tolist()))


def test_the_document_has_a_version_of_its_own() -> None:
    assert "| document version | 1.0-rc2 |" in TEXT
    assert "* 1.0-rc2 (" in TEXT.split("## Version changes")[1]


def test_spellings_of_one_bit_are_refused_as_the_text_says() -> None:
    bit, half = np.array([0]), np.array([1 << 23])
    encoder = SymbolEncoder()
    encoder.encode_binary(bit, half)
    assert said(f"E = 1, the stream is `{encoder.finish().hex(' ')}`")
    refused = re.search(
        r"The same bit comes out of `([^`]*)`, `([^`]*)` and no word at all, which are (.*?)\.", FLAT
    )
    assert refused is not None
    two, other, verdicts = refused.groups()
    errors: dict[str, type[HgsError]] = {"corrupt": CorruptError, "truncated": TruncatedError}
    for words, verdict in zip((two, other, ""), re.split(r", | and ", verdicts), strict=True):
        decoder = SymbolDecoder(bytes.fromhex(words))
        assert decoder.decode_binary(half).tolist() == bit.tolist()
        with pytest.raises(errors[verdict]):
            decoder.finish()


def test_low_bits_of_a_symbol() -> None:
    rows = find_rows(np.array([900]), np.array([60]))
    assert rows.shift is not None
    assert rows.shift.tolist() == [1]
    assert said(
        f"c = {rows.centre[0]}, f = -2; with r = 7 and low = 0 the symbol is {(rows.centre[0] + 7) << 1}"
    )


def test_the_first_bit_of_locations() -> None:
    half = location_tables.SQUASH[len(location_tables.SQUASH) // 2]
    assert location_tables.STRETCH[2048] == 0
    rise = ((1 << 21) * int(location_tables.RATE[0])) >> 16
    assert said(f"p = SQUASH[0] = {half}, and the first bit has weight 2^23")
    assert said(f"(2^21 · {location_tables.RATE[0]}) >> 16 = {rise} to {(1 << 21) + rise}")


def test_an_edge_of_a_context() -> None:
    points = np.array([[1000 - 300, 1000, 1000 + 40], [1000, 1000, 1000]])
    graph = build_graph(points, points, order="raster", context=1, window=9, voxel_shift=8)
    edge = graph.edges[graph.neighbours >= 0][0]
    sign = 1 if graph.sequence[0] == 0 else -1
    assert said(f"b[o] - b[i] = -300, 0, 40: the edge is {listed([*(sign * edge[:3]), edge[3]])}.")


def test_an_interpolation_in_the_hash_grid() -> None:
    u = hashgrid.hash_coordinates(np.array([[30, 60, 0]]), np.array([0, 0, 0, 100]))
    dense, hashed = (hashgrid.Level((0, 1), 2, entries) for entries in (25, 20))
    assert dense.is_dense
    assert not hashed.is_dense
    entries, weights = hashgrid.corners(u, dense)
    assert said(f"u = {listed(u[0, :2])}")
    order = [0, 2, 1, 3] if entries[0, 1] > entries[0, 2] else [0, 1, 2, 3]
    assert said(
        f"the corners' weights are {listed(weights[0, order])}, in the order (0, 0), (1, 0), (0, 1), (1, 1)"
    )
    assert said(f"these are entries {listed(entries[0, order])}; with 20")
    assert said(f"it is hashed, and they are {listed(hashgrid.corners(u, hashed)[0][0, order])}.")
    table = np.ones((25, 1), np.int8)
    table[entries[0, order[1]]] = -1
    assert said(f">> 6 = {hashgrid.interpolate(u, (dense,), [table], 10)[0, 0]}.")


def test_a_layer() -> None:
    weights, bias, shift = np.array([[40], [-8]], np.int32), np.array([-64], np.int64), 5
    m = ExactArithmetic({"x": weights}, {"x": bias << (shift + 2)}, {"x": shift})
    inputs = np.array([[512.0, 100.0]])
    linear, relu, wide = (
        int(m.linear("x", inputs.copy(), relu=relu, wide=wide)[0, 0])
        for relu, wide in ((False, False), (True, False), (False, True))
    )
    assert linear == relu
    assert said(f"sum = -8192 + 20480 - 800 = 11488, linear = relu = {linear}, wide = {wide}.")


def test_weights_of_attention() -> None:
    near, far = (int(units.attention_table()[place]) for place in (0, 640 >> 6))
    together = (near * 512 + far * -200) // (near + far)
    assert said(
        f"ATTENTION[0] = {near} and ATTENTION[10] = {far}; of own values 512 and -200 they make {together}."
    )


def test_halvings_of_a_cell() -> None:
    h = halvings_for(np.array([80, 73]), 96 - 88).tolist()
    assert said(f"give h = (8 + 4) >> 3 = {h[0]}; index 73, a finer step, gives {h[1]}.")


def test_questions_are_answered_where_the_text_says() -> None:
    rows = [row for row in rows_under("Errata") if len(row) == 2]
    assert len(rows) == 16
    headings = set(re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE))
    assert {row[1].split(";")[0] for row in rows} <= headings


def test_costs_and_an_adapted_mean() -> None:
    costs = Adaptation(3)
    symbols, sigmas = np.array([0, 1, 100]), np.array([32, 32, 60])
    costs.observe(np.arange(3), symbols, np.zeros(3, dtype=np.int64), sigmas)
    costs.learn()
    nothing = int(np.flatnonzero(SHIFTS == 0)[0])
    zero, one, far = costs.costs[np.arange(3), sigmas >> 3, nothing].tolist()
    assert said(f"cost(0, 0, 32) = {zero}, cost(1, 0, 32) = {one}, cost(100, 0, 60) = {far}.")
    adapted = Adaptation(1)
    adapted._chosen[:] = (8, 4, -2)
    mean, sigma = adapted.adapt(np.zeros(1, dtype=np.int64), np.array([24]), np.array([24]))
    assert said(f"b = 4, a = 8 and c = -2, sigma = {sigma[0]} and mean16 = 24 + 6 - 2 = {mean[0]}.")


def test_a_tilted_step() -> None:
    seen, tilts = np.zeros((1, 5), dtype=np.int16), np.zeros((1, NUM_TILTS), dtype=np.int8)
    seen[0, 1:3] = -1024, 512
    tilts[0, [1, 2, 6]] = 32, -16, 8
    (octaves,) = tilted_octaves(tilting_features(seen), tilts)[0].astype(int).tolist()
    assert said(f"tilt[t] = (-32768 - 8192 + 8192) >> 6 = {octaves}, half an octave.")
    assert f"{NUM_TILTS} bytes a step channel" in TEXT


def test_alternatives_are_the_codes() -> None:
    for values, what in ((SHIFTS, "shifts -12, -10, …, 12"), (GAINS, "gains"), (BIASES, "biases")):
        assert said(f"{len(values)} {what}")
    assert said(f"gains {listed(GAINS)}, in sixteenths")
    assert said(f"biases {listed(BIASES)}, in sixteenths")
    np.testing.assert_array_equal(SHIFTS, range(-12, 13, 2))
    assert said(f"the sum of 0 is taken as {FAVOUR} ({FAVOUR // 256} bits) less")
