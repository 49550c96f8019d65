"""Typed look-ups in untrusted metadata (SPEC "META")."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import CorruptError


class MapReader:
    """Typed look-ups in an untrusted map; every failure is a CorruptError naming the key."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def get(self, key: str) -> Any:  # untrusted until checked by the callers
        """Return a value, of whatever type."""
        if key not in self.fields:
            raise CorruptError(f'metadata: key "{key}" is missing')
        return self.fields[key]

    def integer(self, key: str, low: int, high: int) -> int:
        """Return an integer of low .. high."""
        return checked_integer(self.get(key), f'metadata: "{key}"', low, high)

    def integers(self, key: str, limits: list[tuple[int, int]]) -> list[int]:
        """Return a list of integers, each within its limits."""
        values = self.get(key)
        if not isinstance(values, list) or len(values) != len(limits):
            raise CorruptError(f'metadata: "{key}" isn\'t a list of {len(limits)} integers')
        return [
            checked_integer(v, f'metadata: "{key}"', low, high)
            for v, (low, high) in zip(values, limits, strict=True)
        ]

    def number(self, key: str, value: Any) -> float:
        """Return a value that was found under a key, as a finite number."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise CorruptError(f'metadata: "{key}" is {value!r}, expected a finite number')
        return float(value)

    def floats(self, key: str, count: int) -> npt.NDArray[np.float32]:
        """Return as many finite f32le as bytes hold."""
        value = self.get(key)
        if not isinstance(value, bytes) or len(value) != 4 * count:
            raise CorruptError(f'metadata: "{key}" isn\'t {4 * count} bytes')
        array = np.frombuffer(value, "<f4").astype(np.float32)
        if not np.isfinite(array).all():
            raise CorruptError(f'metadata: "{key}" holds a NaN or infinity')
        return array


def checked_integer(value: Any, what: str, low: int, high: int) -> int:
    """Return value as an integer of low .. high, or raise CorruptError saying what it is."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise CorruptError(f"{what} is {value!r}, expected an integer of {low} .. {high}")
    return value
