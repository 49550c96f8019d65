from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_format.cursor import Cursor, pack_varint
from hemgs_format.errors import CorruptError, TruncatedError


def test_values_are_little_endian_and_in_turn() -> None:
    cursor = Cursor(bytes([1, 2, 3, 4, 5, 6, 7]), "test")
    assert (cursor.u8(), cursor.u32()) == (1, 0x05040302)
    assert (cursor.take(1), cursor.remaining, cursor.offset) == (b"\x06", 1, 6)


@given(st.integers(0, 2**32 - 1))
def test_varints_round_trip_in_their_fewest_bytes(value: int) -> None:
    packed = pack_varint(value)
    assert len(packed) == max(1, -(-value.bit_length() // 7))
    assert Cursor(packed, "test").varint() == value


@pytest.mark.parametrize("data", [b"\x80\x00", b"\xff\xff\xff\xff\x10", b"\x80\x80\x80\x80\x80\x01"])
def test_overlong_and_oversize_varints_raise_corrupt_error(data: bytes) -> None:
    with pytest.raises(CorruptError, match="at byte 0"):
        Cursor(data, "test").varint()


def test_numbers_beyond_32_bits_have_no_varint() -> None:
    for value in (-1, 2**32):
        with pytest.raises(ValueError, match="varint"):
            pack_varint(value)


def test_reading_beyond_the_end_raises_truncated_error_with_the_place() -> None:
    cursor = Cursor(b"abc", "some table")
    cursor.take(2)
    with pytest.raises(TruncatedError, match="some table: 4 bytes wanted at byte 2, 1 left"):
        cursor.u32()
    with pytest.raises(TruncatedError):
        Cursor(b"\x80", "test").varint()


def test_unread_bytes_raise_corrupt_error() -> None:
    cursor = Cursor(b"ab", "test")
    cursor.u8()
    with pytest.raises(CorruptError, match="1 bytes too many"):
        cursor.finish()
    cursor.u8()
    cursor.finish()
