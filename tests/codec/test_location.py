from __future__ import annotations

from math import lgamma, log

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.location import (
    MAX_BITS,
    MAX_POINTS,
    POINTS_PER_BYTE,
    decode_locations,
    encode_locations,
    morton_sort,
)
from hemgs_format.errors import CorruptError, HgsError, LimitError, TruncatedError

Int64Array = npt.NDArray[np.int64]


def in_order(coords: Int64Array) -> Int64Array:
    return coords[morton_sort(coords)]


def uniform(seed: int, num_points: int, bits: int) -> Int64Array:
    """Uniform random points, sorted."""
    return in_order(np.random.default_rng(seed).integers(0, 1 << bits, (num_points, 3)))


def surface(num_points: int, bits: int) -> Int64Array:
    """A noisy sphere, sorted: structure at all scales, some duplicates at few bits."""
    rng = np.random.default_rng(7)
    normal = rng.normal(size=(num_points, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    radius = 0.45 + 0.003 * rng.normal(size=(num_points, 1))
    return in_order(((0.5 + normal * radius) * ((1 << bits) - 1)).astype(np.int64))


def uniform_bound(num_points: int, bits: int) -> float:
    """Bits a point that no code can beat on average: log2 of the number of sets, N distinct points."""
    return 3 * bits - lgamma(num_points + 1) / log(2) / num_points


@settings(max_examples=150, deadline=None)
@given(data=st.data(), bits=st.integers(1, MAX_BITS), num_points=st.integers(0, 60))
def test_any_points_come_back(data: st.DataObject, bits: int, num_points: int) -> None:
    spread = data.draw(st.integers(0, bits))
    seed = data.draw(st.integers(0, 2**32 - 1))
    corner = np.random.default_rng(seed).integers(0, (1 << bits) - (1 << spread) + 1, 3)
    coords = in_order(corner + uniform(seed, num_points, spread))
    stream = encode_locations(coords, bits)
    np.testing.assert_array_equal(decode_locations(stream, num_points, bits), coords)


@pytest.mark.parametrize("bits", [1, 2, 5, 10, 16, 21])
@pytest.mark.parametrize("num_points", [1, 2, 3, 30, 31, 100, 3000])
def test_surface_points_come_back(bits: int, num_points: int) -> None:
    coords = surface(num_points, bits)
    np.testing.assert_array_equal(decode_locations(encode_locations(coords, bits), num_points, bits), coords)


def test_no_points_take_no_bytes() -> None:
    assert encode_locations(np.empty((0, 3), np.int64), 16) == b""
    assert decode_locations(b"", 0, 16).shape == (0, 3)


def test_one_point_takes_two_words_at_16_bits() -> None:
    assert len(encode_locations(np.array([[1, 2, 65535]]), 16)) == 8


@pytest.mark.parametrize("num_points", [2, 31, 1000, 100_000])
def test_equal_points_cost_next_to_nothing_and_are_kept(num_points: int) -> None:
    coords = np.tile(np.array([[12345, 54321, 777]]), (num_points, 1))
    stream = encode_locations(coords, 16)
    assert len(stream) <= max(24, num_points // POINTS_PER_BYTE + 4)
    np.testing.assert_array_equal(decode_locations(stream, num_points, 16), coords)


def test_full_lattice_costs_next_to_nothing() -> None:
    coords = in_order(np.indices((16, 16, 16)).reshape(3, -1).T.astype(np.int64))
    stream = encode_locations(coords, 4)
    assert 8 * len(stream) / len(coords) < 2
    np.testing.assert_array_equal(decode_locations(stream, len(coords), 4), coords)


def test_same_points_give_same_bytes() -> None:
    coords = surface(2000, 14)
    assert encode_locations(coords, 14) == encode_locations(coords.copy(), 14)


@pytest.mark.parametrize(("num_points", "bits"), [(1000, 16), (20_000, 16), (20_000, 10), (5000, 21)])
def test_uniform_noise_costs_at_most_one_percent_above_the_bound(num_points: int, bits: int) -> None:
    stream = encode_locations(uniform(3, num_points, bits), bits)
    assert 8 * len(stream) / num_points < 1.01 * uniform_bound(num_points, bits)


def test_surface_costs_well_below_uniform() -> None:
    stream = encode_locations(surface(20_000, 12), 12)
    assert 8 * len(stream) / 20_000 < 0.85 * uniform_bound(20_000, 12)


@pytest.mark.parametrize("bits", [0, 22, -1])
def test_bits_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(LimitError, match="bits an axis"):
        encode_locations(np.zeros((1, 3), np.int64), bits)
    with pytest.raises(LimitError, match="bits an axis"):
        decode_locations(bytes(8), 1, bits)


def test_coordinate_beyond_its_bits_is_refused() -> None:
    with pytest.raises(LimitError, match="less than 2"):
        encode_locations(np.array([[0, 0, 16]]), 4)


def test_unsorted_points_are_refused() -> None:
    with pytest.raises(LimitError, match="Morton order"):
        encode_locations(np.array([[1, 0, 0], [0, 0, 0]]), 4)


def test_floats_are_refused() -> None:
    with pytest.raises(LimitError, match="expected integers"):
        encode_locations(np.zeros((1, 3)), 4)  # type: ignore[arg-type]


def test_more_points_than_bytes_could_hold_are_refused_before_allocating() -> None:
    with pytest.raises(LimitError, match="expected at least"):
        decode_locations(bytes(1024), 1024 * POINTS_PER_BYTE + 1, 16)
    with pytest.raises(LimitError, match="points, expected"):
        decode_locations(bytes(8), MAX_POINTS + 1, 16)
    with pytest.raises(LimitError, match="points, expected"):
        decode_locations(bytes(8), -1, 16)


def test_every_truncation_raises_truncated_or_limit_error() -> None:
    stream = encode_locations(surface(300, 12), 12)
    for length in range(len(stream)):
        with pytest.raises((TruncatedError, LimitError)):
            decode_locations(stream[:length], 300, 12)


def test_words_after_the_last_point_raise_corrupt_error() -> None:
    stream = encode_locations(surface(300, 12), 12)
    for extra in (bytes(8), b"\1\0\0\0" * 2, bytes(4000)):
        with pytest.raises(CorruptError, match="goes on"):
            decode_locations(stream + extra, 300, 12)
    with pytest.raises(CorruptError, match="no points"):
        decode_locations(bytes(4), 0, 12)


def test_padding_that_is_not_zero_raises_corrupt_error() -> None:
    stream = bytearray(encode_locations(np.zeros((10_000, 3), np.int64), 8))
    stream[-1] = 1
    with pytest.raises(CorruptError, match="goes on"):
        decode_locations(bytes(stream), 10_000, 8)


def test_mutated_streams_give_points_or_an_hgs_error() -> None:
    rng = np.random.default_rng(11)
    stream = encode_locations(surface(200, 12), 12)
    for _ in range(400):
        damaged = np.frombuffer(stream, np.uint8).copy()
        at = rng.integers(0, len(damaged), rng.integers(1, 4))
        damaged[at] = rng.integers(0, 256, len(at))
        num_points, bits = int(rng.integers(0, 2000)), int(rng.integers(1, 22))
        for n, b in ((200, 12), (num_points, bits)):
            try:
                coords = decode_locations(damaged.tobytes(), n, b)
            except HgsError:
                continue
            assert coords.shape == (n, 3)
            assert n == 0 or (coords.min() >= 0 and coords.max() < 1 << b)
            np.testing.assert_array_equal(morton_sort(coords), np.arange(n))


@pytest.mark.parametrize("byte", [0, 255])
def test_constant_bytes_end_quickly(byte: int) -> None:
    num_points = 4096 * POINTS_PER_BYTE
    try:
        coords = decode_locations(bytes([byte]) * 4096, num_points, 21)
    except HgsError:
        return
    assert coords.shape == (num_points, 3)
