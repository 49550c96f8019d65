"""Sizes as people write them."""

from __future__ import annotations

import re

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
