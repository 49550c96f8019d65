"""JSON that is checked as it is read: every complaint names the file and the key."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import SceneError

MAX_BYTES = 100_000_000


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    SceneError
        It isn't JSON, or is larger than 100 MB.
    """
    if path.stat().st_size > MAX_BYTES:
        raise SceneError(f"{path} has {path.stat().st_size} bytes: no camera file is larger than {MAX_BYTES}")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SceneError(f"{path} isn't JSON: {error}") from error


def number(entry: Any, key: str, where: str, default: float | None = None) -> float:
    """Return a finite number of a JSON object."""
    value = entry.get(key, default) if isinstance(entry, dict) else None
    # As a comparison, since an integer of JSON may be too large for a float; NaN fails it too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise SceneError(f"{where}: {key} is {value!r:.40}, expected a number")
    return float(value)


def matrix(entry: Any, key: str, where: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return an array of numbers of a JSON object."""
    value = entry.get(key) if isinstance(entry, dict) else None
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.shape != shape or not np.isfinite(array).all():
        raise SceneError(f"{where}: {key} isn't an array of {' by '.join(map(str, shape))} finite numbers")
    return array
