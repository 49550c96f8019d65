"""The valid conformance files reach what they are there for: cuts at all sizes, numbers at their limits."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemgs_codec import symbol_decoder
from hemgs_codec.coder_inputs import Int64Array, IntArray
from hemgs_codec.coding.adaptation import Adaptation
from hemgs_codec.coding.group_walk import MAX_HALVINGS
from hemgs_codec.context.graph import Graph, build_graph
from hemgs_codec.context.neighbours import BATCH
from hemgs_codec.context.order import ORDERS
from hemgs_codec.decoder import Decoded, decode_symbols
from hemgs_codec.lattice import MAX_BITS
from hemgs_codec.model.units import LIMIT
from hemgs_codec.pointnet.sampling import TILE
from hemgs_codec.range_coder import SymbolDecoder
from hemgs_codec.shapes import GaussianShape
from hemgs_format.symbols import BLOCK_SYMBOLS, MAX_UNIFORM_BITS, Escapes, join_escapes
from hemgs_format.tables import NUM_SIGMAS

VALID = Path(__file__).parents[1] / "format" / "vectors" / "valid"
NAMES = sorted(path.stem for path in VALID.glob("*.hgs"))
MAX_FOLDER_BYTES = 2 * 10**6


@functools.cache
def decoded(name: str) -> Decoded:
    return decode_symbols((VALID / f"{name}.hgs").read_bytes())


def graph(name: str) -> Graph:
    found = decoded(name)
    geometry = found.fields.geometry
    return build_graph(
        found.coords,
        found.fields.lattice.base_points(found.coords),
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )


def test_all_are_small() -> None:
    assert sum(path.stat().st_size for path in VALID.parent.rglob("*.*")) < MAX_FOLDER_BYTES


def test_every_kind_of_file_is_there() -> None:
    fields = [decoded(name).fields for name in NAMES]
    degrees = {each.shape.sh_degree for each in fields if isinstance(each.shape, GaussianShape)}
    assert degrees == {0, 1, 2, 3}
    profiles = {isinstance(each.shape, GaussianShape) for each in fields}
    for is_gaussian in profiles:
        orders = {f.geometry.order for f in fields if isinstance(f.shape, GaussianShape) == is_gaussian}
        assert orders == set(ORDERS)
    assert {bool(each.spec.levels) for each in fields} == {True, False}
    assert {each.spec.use_context for each in fields} == {True, False}
    assert {each.spec.use_earlier for each in fields} == {True, False}
    assert {each.spec.use_adaptation for each in fields} == {True, False}
    assert {len(decoded(name).coords) for name in NAMES} >= {1, 2}


def test_networks_are_whole_a_prior_s_and_differences_from_it() -> None:
    """What the efforts of an encoder lead to."""
    sizes = {name: section_sizes(name)["NETS"] for name in NAMES}
    with_prior = {name for name in NAMES if decoded(name).fields.prior is not None}
    assert {sizes[name] > 0 for name in with_prior} == {True, False}
    assert all(sizes[name] > 0 for name in set(NAMES) - with_prior - {"one-gaussian"})
    degrees = {decoded(name).fields.shape for name in with_prior}
    assert len(degrees) >= 3
    assert {decoded(name).fields.scaling.tilts is None for name in with_prior} == {True, False}


def section_sizes(name: str) -> dict[str, int]:
    sizes: dict[str, int] = json.loads((VALID / f"{name}.json").read_text(encoding="utf-8"))["sections"]
    return sizes


def test_tables_of_centroids_differ() -> None:
    tables = [table for name in NAMES for table in decoded(name).fields.centroids if table]
    assert len(set(tables)) == len(tables) > 8


def test_points_of_prior_tiles_fill_more_than_a_tile() -> None:
    assert decoded("prior-tiles").fields.prior is not None
    assert len(decoded("prior-tiles").coords) > TILE


def test_a_depth_of_batches_is_split() -> None:
    """One whose anchors have contexts."""
    found = graph("batches")
    halves = [
        (first, second)
        for first, second in itertools.pairwise(found.batches)
        if len(first) + len(second) > BATCH and 0 <= len(first) - len(second) <= 1
    ]
    assert len(halves) == 1
    assert (found.neighbours[np.concatenate(halves[0])] >= 0).any(axis=1).all()


def test_a_list_of_blocks_has_escapes_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = escape_lengths("blocks", monkeypatch)
    matrices = decoded("blocks").fields.spec.matrices()
    assert max(rows * columns for rows, columns in matrices.values()) > BLOCK_SYMBOLS
    assert len([calls for calls in lengths if len(calls)]) >= 2


def escape_lengths(name: str, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    found: list[list[int]] = []

    def note(escapes: Escapes, half_width: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        found.append(escapes.length.tolist())
        return join_escapes(escapes, half_width)

    monkeypatch.setattr(symbol_decoder, "join_escapes", note)
    decode_symbols((VALID / f"{name}.hgs").read_bytes())
    return found


def test_escapes_of_large_symbols_have_more_than_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [length for calls in escape_lengths("large-symbols", monkeypatch) for length in calls]
    assert max(lengths) > MAX_UNIFORM_BITS
    assert any(length <= MAX_UNIFORM_BITS for length in lengths)


def test_large_symbols_have_the_widest_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    sigmas: set[int] = set()
    decode = SymbolDecoder.decode_gaussian

    def note(self: SymbolDecoder, mean16: IntArray, sigma_index: IntArray) -> Int64Array:
        sigmas.update(np.asarray(sigma_index).tolist())
        return decode(self, mean16, sigma_index)

    monkeypatch.setattr(SymbolDecoder, "decode_gaussian", note)
    decode_symbols((VALID / "large-symbols.hgs").read_bytes())
    assert NUM_SIGMAS - 1 in sigmas


def test_edges_of_far_neighbours_reach_both_bounds() -> None:
    edges = graph("far-neighbours").edges[graph("far-neighbours").neighbours >= 0]
    assert (edges.min(), edges.max()) == (-LIMIT, LIMIT)


def test_corners_span_the_lattice_and_refine_positions_most() -> None:
    found = decoded("corners")
    assert found.fields.position_bits == MAX_BITS
    assert found.coords.min(axis=0).tolist() == [0, 0, 0]
    assert found.coords.max(axis=0).tolist() == [(1 << MAX_BITS) - 1] * 3
    assert found.walked.halvings.max() == MAX_HALVINGS
    assert found.fields.lattice.base_points(found.coords).max() > found.fields.geometry.box[3]


def test_predictions_are_adapted_in_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """And some symbols are coded after that."""
    seen = np.zeros(3, dtype=np.int64)
    adapt = Adaptation.adapt

    def listen(self: Adaptation, channels: Int64Array, means: Int64Array, sigmas: Int64Array) -> Any:
        seen[:] += (self._chosen[channels, sigmas >> 3] != 0).sum(axis=0)
        return adapt(self, channels, means, sigmas)

    monkeypatch.setattr(Adaptation, "adapt", listen)
    for name in NAMES:
        decode_symbols((VALID / f"{name}.hgs").read_bytes())
    assert (seen > 10).all(), seen
