"""Metadata maps to msgpack and back: deterministic when written, strict when read (SPEC: "Metadata")."""

from __future__ import annotations

import math
from typing import TypeAlias, cast

import msgpack

from hemgs_format.constants import MAX_METADATA_BYTES, MAX_METADATA_DEPTH
from hemgs_format.errors import CorruptError, LimitError

Value: TypeAlias = "bool | int | float | str | bytes | list[Value] | dict[str, Value] | None"


def pack_metadata(metadata: dict[str, Value]) -> bytes:
    """Spell a map; keys are sorted at every level, so equal maps give equal bytes.

    Raises
    ------
    LimitError
        The map is too large or too deep.
    CorruptError
        It holds something that has no place in a file, such as a NaN or a key that isn't text.

    Examples
    --------
    >>> pack_metadata({"b": 1, "a": [True]}).hex()
    '82a16191c3a16201'
    """
    try:
        packed = cast("bytes", msgpack.packb(_checked(metadata, 1)))
    except OverflowError as error:
        raise LimitError("metadata: an integer is beyond 64 bits") from error
    if len(packed) > MAX_METADATA_BYTES:
        raise LimitError(f"metadata takes {len(packed)} bytes, expected at most {MAX_METADATA_BYTES}")
    return packed


def unpack_metadata(data: bytes | memoryview, *, max_bytes: int = MAX_METADATA_BYTES) -> dict[str, Value]:
    """Read a map.

    Parameters
    ----------
    data
        One msgpack map and nothing after it.
    max_bytes
        Refuse more than this before parsing.

    Raises
    ------
    LimitError
        `data` is too long.
    CorruptError
        Anything else that isn't one map of text keys to plain values: duplicate keys, extension types, NaN,
        infinity, too deep.
    """
    if len(data) > max_bytes:
        raise LimitError(f"metadata takes {len(data)} bytes, expected at most {max_bytes}")
    try:
        value = msgpack.unpackb(data, strict_map_key=True, object_pairs_hook=_unique, ext_hook=_no_extension)
    except CorruptError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise CorruptError(f"metadata isn't one valid msgpack value: {error}") from error
    if not isinstance(value, dict):
        raise CorruptError(f"metadata is a {type(value).__name__}, expected a map")
    return cast("dict[str, Value]", _checked(value, 1))


def _checked(value: object, depth: int) -> Value:
    """Return a value of allowed types only, maps in key order."""
    if isinstance(value, dict | list) and depth > MAX_METADATA_DEPTH:
        raise CorruptError(f"metadata is deeper than {MAX_METADATA_DEPTH} levels")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise CorruptError("metadata has a key that isn't text")
        return {key: _checked(value[key], depth + 1) for key in sorted(value)}
    if isinstance(value, list):
        return [_checked(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise CorruptError(f"metadata holds {value}, expected finite numbers")
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise CorruptError(f"metadata holds a {type(value).__name__}, expected plain values")


def _unique(pairs: list[tuple[object, object]]) -> dict[object, object]:
    """Build a map, refusing duplicate keys."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CorruptError("metadata has a duplicate key")
    return result


def _no_extension(code: int, data: bytes) -> object:
    """Refuse msgpack extension types."""
    raise CorruptError(f"metadata has extension type {code} of {len(data)} bytes, expected none")
