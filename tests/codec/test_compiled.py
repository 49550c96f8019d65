"""What loops are made of is exact: quotients by floats, bits by one instruction."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.compiled import compiled, count_bits, divide_floor


@compiled
def bits_of(value: int) -> int:
    return count_bits(value)


@settings(deadline=None)  # the first one compiles
@given(st.integers(-(2**62), 2**62), st.integers(1, 2**62))
def test_a_quotient_is_rounded_down(dividend: int, divisor: int) -> None:
    assert divide_floor(dividend, divisor) == dividend // divisor


@settings(deadline=None)
@given(st.integers(-(2**23), 2**23), st.integers(1, 2**29), st.integers(-1, 1))
def test_a_quotient_next_to_a_whole_one_is_too(quotient: int, divisor: int, beside: int) -> None:
    """The float of it is as near to a whole number as it gets."""
    dividend = quotient * divisor + beside
    assert divide_floor(dividend, divisor) == dividend // divisor


@settings(deadline=None)
@given(st.integers(0, 2**62))
def test_bits_are_counted(value: int) -> None:
    assert bits_of(value) == value.bit_length()
