from __future__ import annotations

import contextlib
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_format.constants import MAX_METADATA_BYTES, MAX_METADATA_DEPTH
from hemgs_format.errors import CorruptError, HgsError, LimitError
from hemgs_format.metadata import Value, pack_metadata, unpack_metadata

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=4), max_leaves=6
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(st.dictionaries(st.text(), values, max_size=5).filter(lambda m: depth(m) < MAX_METADATA_DEPTH))
def test_maps_round_trip(metadata: dict[str, Value]) -> None:
    assert unpack_metadata(pack_metadata(metadata)) == metadata


def test_equal_maps_give_equal_bytes() -> None:
    assert pack_metadata({"a": 1, "b": {"x": 1, "y": 2}}) == pack_metadata({"b": {"y": 2, "x": 1}, "a": 1})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "expected a map"),
        ({1: 2}, "one valid msgpack"),
        ({"a": {b"k": 2}}, "isn't text"),
        ({"a": math.nan}, "finite"),
        ({"a": [math.inf]}, "finite"),
        ({"a": msgpack.ExtType(5, b"xy")}, "extension"),
        ({"a": msgpack.Timestamp(1)}, "Timestamp"),
    ],
)
def test_values_that_have_no_place_in_a_file_raise_corrupt_error(value: Any, message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        unpack_metadata(msgpack.packb(value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        b"\x80\x80",
        b"\xc1",
        b"\x82\xa1a\x01\xa1a\x02",  # a key twice
        b"\x81\xa1\xff\x01",  # a key that isn't UTF-8
        b"\xdf\xff\xff\xff\xff",  # four billion pairs
        b"\x81\xa1a\xdd\xff\xff\xff\xff",  # four billion items
        b"\x81\xa1a\xc6\xff\xff\xff\xff",  # four billion bytes
        b"\x81\xa1a" + b"\x91" * 5000,
    ],
)
def test_damaged_msgpack_raises_corrupt_error(data: bytes) -> None:
    with pytest.raises(CorruptError):
        unpack_metadata(data)


def test_depth_is_limited_both_ways() -> None:
    nested: dict[str, Value] = {}
    for _ in range(MAX_METADATA_DEPTH - 1):
        nested = {"a": nested}
    assert unpack_metadata(pack_metadata(nested)) == nested
    with pytest.raises(CorruptError, match="deeper"):
        pack_metadata({"a": nested})
    with pytest.raises(CorruptError, match="deeper"):
        unpack_metadata(msgpack.packb({"a": nested}))


def test_the_levels_that_count_are_maps_and_lists_not_what_they_hold() -> None:
    nested: dict[str, Any] = {"a": None}
    for _ in range(MAX_METADATA_DEPTH - 1):
        nested = {"a": nested}
    assert unpack_metadata(pack_metadata(nested)) == nested


def test_size_is_limited_both_ways() -> None:
    with pytest.raises(LimitError):
        pack_metadata({"a": bytes(MAX_METADATA_BYTES)})
    with pytest.raises(LimitError):
        unpack_metadata(msgpack.packb({"a": bytes(MAX_METADATA_BYTES)}))
    with pytest.raises(LimitError):
        unpack_metadata(pack_metadata({"a": 1}), max_bytes=3)


def test_what_cannot_be_stored_is_refused_when_packing() -> None:
    with pytest.raises(CorruptError):
        pack_metadata({"a": math.nan})
    with pytest.raises(LimitError):
        pack_metadata({"a": 2**64})


@given(st.binary(max_size=80))
def test_any_bytes_raise_nothing_but_hgs_errors(data: bytes) -> None:
    with contextlib.suppress(HgsError):
        unpack_metadata(data)
