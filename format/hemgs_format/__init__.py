"""The .hgs container and its entropy-coding tables: NumPy, msgpack and zstandard, no torch.

What is in a file, section by section, is SPEC.md's; this package reads and writes the bytes around it.
"""

from __future__ import annotations

from hemgs_format.container import Container, Extent, layout, read_container, write_container
from hemgs_format.errors import (
    CorruptError,
    HgsError,
    LimitError,
    NotHgsError,
    SceneError,
    TruncatedError,
    UnsupportedVersionError,
)
from hemgs_format.sections import Section

__all__ = [
    "Container",
    "CorruptError",
    "Extent",
    "HgsError",
    "LimitError",
    "NotHgsError",
    "SceneError",
    "Section",
    "TruncatedError",
    "UnsupportedVersionError",
    "layout",
    "read_container",
    "write_container",
]
