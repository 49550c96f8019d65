"""Sizes and ratios as people write them."""

from __future__ import annotations

import math
import re
from typing import Literal

import click

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_size(
    context: click.Context,  # noqa: ARG001  click hands it to every callback
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> int | None:
    """Return the bytes that a text like 4MB, 1.5MiB or 900000 stands for."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", value)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise click.BadParameter(f"{value!r} isn't a size: expected one like 4MB, 1.5MiB or 900000")
    return int(float(match[1]) * unit)


def parse_ratio(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> Literal["auto"] | float | None:
    """Return auto, or the ratio that a text like 2 or 1.5x stands for."""
    if value is None:
        return None
    if value == "auto":
        return "auto"
    try:
        ratio = float(value.removesuffix("x"))
    except ValueError:
        ratio = math.nan
    if not 1 <= ratio < math.inf:
        raise click.BadParameter(f"{value!r} isn't auto or a ratio of at least 1")
    return ratio
