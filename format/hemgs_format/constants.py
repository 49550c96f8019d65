"""Magic, version, profiles and limits of the format (SPEC: "Header", "Limits"); each number typed once.

Notes
-----
**Version rule.** A reader refuses a higher major version. A higher minor version adds only what older
readers may skip, so from 1.0 on a reader accepts it. While major is 0 a minor version may change anything,
so a reader refuses every minor version but its own. The package's first two version numbers are the
format's: the reader of format 0.2 is hemgs-codec 0.2.
"""

from __future__ import annotations

from typing import Literal, get_args

MAGIC = b"\x89HGS\r\n\x1a\n"
"""As PNG's: not text, and broken visibly by newline conversion, 7-bit transfer or ``type`` on Windows."""

MAJOR = 0
MINOR = 1

Profile = Literal["gaussian", "anchor"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
"""Stored as their index."""

MAX_POINTS = 1 << 26
"""67 million Gaussians or anchors: ten times the largest scenes in use, and 16 GB once decoded."""

MAX_POINTS_PER_BYTE = 4
"""Points per byte of the whole file, at most: a few bytes can't make a reader allocate gigabytes.

A reader needs some kilobytes a point, whatever its file holds. Real scenes take two bytes a point and more;
only scenes of identical points fall below two bits, and their files are padded with a `PADDING_ID` section.
"""

PADDING_ID = "zpad"
"""Skippable section of zeros."""

MAX_SECTIONS = 65_535
"""Sections of a file: at 2 kB a run, a file of 134 MB."""

MAX_METADATA_BYTES = 1 << 18
"""msgpack map, packed: unpacked objects take up to 60 times as much, so 16 MB."""

MAX_METADATA_DEPTH = 8
"""Maps and lists inside each other."""
