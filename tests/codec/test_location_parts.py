from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_codec.location import MAX_BITS, morton_decode, morton_encode, morton_sort, tables
from hemgs_codec.location.coder import code_bit, open_decoder
from hemgs_codec.location.features import half_octaves
from hemgs_codec.range_coder import SymbolEncoder
from hemgs_format.errors import LimitError

POINTS = st.lists(st.tuples(*[st.integers(0, (1 << MAX_BITS) - 1)] * 3), min_size=1, max_size=20)


def interleave(point: tuple[int, int, int]) -> int:
    """Morton code, bit by bit."""
    x, y, z = point
    return sum(
        ((x >> b & 1) << (3 * b + 2)) | ((y >> b & 1) << (3 * b + 1)) | ((z >> b & 1) << (3 * b))
        for b in range(MAX_BITS)
    )


@given(POINTS)
def test_morton_codes_interleave_and_come_apart(points: list[tuple[int, int, int]]) -> None:
    coords = np.array(points, np.int64)
    codes = morton_encode(coords)
    assert codes.tolist() == [interleave(point) for point in points]
    np.testing.assert_array_equal(morton_decode(codes), coords)


def test_equal_points_keep_their_order() -> None:
    coords = np.array([[1, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    assert morton_sort(coords).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize(
    "coords",
    [np.array([[0, 0, 1 << 21]]), np.array([[0, 0, -1]]), np.zeros((2, 2), np.int64), np.zeros((1, 3))],
)
def test_coords_without_a_morton_code_are_refused(coords: npt.NDArray[np.int64]) -> None:
    with pytest.raises(LimitError):
        morton_encode(coords)


@pytest.mark.parametrize("num_bits", [1, 2, 5, 40, 3000])
def test_bits_coded_in_bulk_come_back_one_by_one(num_bits: int) -> None:
    rng = np.random.default_rng(num_bits)
    weights = np.clip((2.0 ** rng.uniform(0, 24, num_bits)).astype(np.int64), 1, (1 << 24) - 1)
    bits = (rng.random(num_bits) < weights / 2**24).astype(np.int64)
    encoder = SymbolEncoder()
    encoder.encode_binary(bits, weights)
    words = np.frombuffer(encoder.finish(), "<u4").astype(np.uint32)
    channel = open_decoder(words)
    assert [code_bit(channel, 0, int(w)) for w in weights] == bits.tolist()
    assert channel.cursor[1] == 0
    assert len(words) <= channel.cursor[0] <= len(words) + 1


def test_half_octaves_rise_by_two_an_octave() -> None:
    assert [half_octaves(v) for v in (0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 1 << 40)] == [
        0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 80,
    ]  # fmt: skip


def test_tables_are_those_of_the_format() -> None:
    digest = hashlib.sha256()
    for table in (
        tables.SQUASH,
        tables.STRETCH,
        tables.RATE,
        tables.TRUST,
        tables.KERNEL,
        tables.BINOMIAL_BELOW,
    ):
        digest.update(table.astype("<i8").tobytes())
    assert digest.hexdigest() == "3887c7399fc01b3fd3ca10e8d4a8dde3858eb7b09cdb88f8ce5900d42b36a188"


def test_squash_undoes_stretch() -> None:
    for i in (100, 2048, 4000):
        squashed = int(tables.SQUASH[tables.STRETCH[i] + tables.STRETCH_LIMIT])
        assert abs(squashed - 16 * i - 8) <= 64


def test_near_a_tie_decimals_decide() -> None:
    assert tables.round_near(2.5 + 1e-9, lambda: Decimal("2.4999999999")) == 2
    assert tables.round_near(2.5 - 1e-9, lambda: Decimal("2.5000000001")) == 3
    assert tables.round_near(-1.5, lambda: Decimal("-1.5000000001")) == -2
    assert tables.round_near(2.5001, lambda: Decimal(0)) == 3  # nobody asks
