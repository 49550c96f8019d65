"""Fixed header to bytes and back (SPEC: "Header")."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from hemgs_format.constants import MAGIC, MAJOR, MAX_POINTS, MINOR, PROFILES, Profile
from hemgs_format.errors import (
    CorruptError,
    LimitError,
    NotHgsError,
    TruncatedError,
    UnsupportedVersionError,
)

# magic, major, minor, profile, flags, num_points, num_input, table_bytes; then the checksum.
_FIELDS = struct.Struct("<8sBBBBIII")
_CHECKSUM = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size
assert HEADER_BYTES == 28


@dataclass(frozen=True)
class Header:
    """What the header says.

    Attributes
    ----------
    profile
        Kind of scene.
    num_points
        Gaussians or anchors in the file.
    num_input
        Gaussians or anchors of the scene that was encoded: the divisor of bits per Gaussian.
    table_bytes
        Size of the section table, which follows the header.
    """

    profile: Profile
    num_points: int
    num_input: int
    table_bytes: int


def pack_header(header: Header, table: bytes) -> bytes:
    """Spell a header; its checksum covers the section table too.

    Raises
    ------
    LimitError
        A count is beyond the format.
    """
    _check_counts(header)
    fields = _FIELDS.pack(
        MAGIC,
        MAJOR,
        MINOR,
        PROFILES.index(header.profile),
        0,
        header.num_points,
        header.num_input,
        header.table_bytes,
    )
    return fields + _CHECKSUM.pack(zlib.crc32(table, zlib.crc32(fields)))


def parse_header(data: bytes | memoryview) -> Header:
    """Read and check the header and the checksum of the section table behind it.

    Parameters
    ----------
    data
        The whole file, or at least its header and section table.

    Raises
    ------
    NotHgsError
        Another magic.
    UnsupportedVersionError
        Another version.
    TruncatedError
        The header or the section table isn't complete.
    CorruptError
        Wrong checksum, profile or flags.
    LimitError
        A count is beyond the format.
    """
    view = memoryview(data)
    start = view[: len(MAGIC)].tobytes()
    if start != MAGIC[: len(start)]:
        raise NotHgsError(f"starts with {start!r}, expected {MAGIC!r}: not an .hgs file")
    if len(view) < HEADER_BYTES:
        raise TruncatedError(f"file of {len(view)} bytes ends inside its header of {HEADER_BYTES}: truncated")
    _, major, minor, profile, flags, num_points, num_input, table_bytes = _FIELDS.unpack_from(view)
    _check_version(major, minor)
    end = HEADER_BYTES + table_bytes
    if end > len(view):
        raise TruncatedError(f"section table ends at byte {end} of a file of {len(view)}: truncated")
    (stored,) = _CHECKSUM.unpack_from(view, _FIELDS.size)
    if zlib.crc32(view[HEADER_BYTES:end], zlib.crc32(view[: _FIELDS.size])) != stored:
        raise CorruptError(
            f"checksum of header and section table (bytes 0 .. {end - 1}) doesn't match: damaged"
        )
    if profile >= len(PROFILES):
        raise CorruptError(f"profile {profile} at byte 10, expected 0 .. {len(PROFILES) - 1}")
    if flags:
        raise CorruptError(f"flags {flags:#04x} at byte 11, expected 0: reserved")
    header = Header(PROFILES[profile], num_points, num_input, table_bytes)
    _check_counts(header)
    return header


def _check_version(major: int, minor: int) -> None:
    """Refuse versions by the rule in `constants`."""
    if major > MAJOR or (MAJOR == 0 and minor != MINOR):
        raise UnsupportedVersionError(
            f"file is of format {major}.{minor}, this reader knows {MAJOR}.{MINOR}: "
            f"use hemgs-codec {major}.{minor}"
        )


def _check_counts(header: Header) -> None:
    """Refuse counts beyond the format."""
    for name, count in (("num_points", header.num_points), ("num_input", header.num_input)):
        if not 0 <= count <= MAX_POINTS:
            raise LimitError(f"{name} is {count}, expected at most {MAX_POINTS}")
