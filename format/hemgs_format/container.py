"""A whole file: header, section table, sections (SPEC: "Container").

    | header, 28 bytes | section table | section | section | … |

Sections tile the rest of the file in table order: no gaps, no overlap, nothing after. All sizes are checked
against the file before anything is copied.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hemgs_format.constants import MAJOR, MAX_POINTS_PER_BYTE, MINOR, PADDING_ID, Profile
from hemgs_format.errors import CorruptError, LimitError, TruncatedError, UnsupportedVersionError
from hemgs_format.header import HEADER_BYTES, Header, pack_header, parse_header
from hemgs_format.sections import Entry, Section, is_critical, pack_table, parse_table


@dataclass(frozen=True)
class Container:
    """A file's contents.

    Attributes
    ----------
    profile
        Kind of scene.
    num_points
        Gaussians or anchors in the file.
    num_input
        Gaussians or anchors of the scene that was encoded.
    sections
        In file order; an id may repeat.
    skipped
        Ids of the skippable sections that the reader didn't know, in file order; a writer ignores them.
    """

    profile: Profile
    num_points: int
    num_input: int
    sections: tuple[Section, ...]
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prefix:
    """What the first bytes of a file hold.

    Attributes
    ----------
    container
        Of the sections that are wholly there.
    ids
        Of all sections of the file that the caller understands, in file order.
    cut
        The section that the bytes end in, with what there is of it, where the caller understands it.
    missing
        Where the sections lie that aren't wholly there, known or not, in file order.
    file_bytes
        Size of the whole file.
    """

    container: Container
    ids: tuple[str, ...]
    cut: Section | None
    missing: tuple[Extent, ...]
    file_bytes: int

    @property
    def verified_bytes(self) -> int:
        """How many of the first bytes have a checksum that was compared."""
        return self.missing[0].offset if self.missing else self.file_bytes


class Extent(NamedTuple):
    """A range of bytes of a file.

    Attributes
    ----------
    id
        Section id; ``header`` or ``table`` for the first two ranges.
    offset
        First byte.
    size
        Number of bytes.
    """

    id: str
    offset: int
    size: int


def write_container(container: Container) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    LimitError
        A count or size is beyond the format.

    Examples
    --------
    >>> data = write_container(Container("gaussian", 1, 1, (Section("DEMO", b"abc"),)))
    >>> len(data)
    41
    >>> read_container(data, known=frozenset({"DEMO"})).sections
    (Section(id='DEMO', data=b'abc'),)
    """
    sections = list(container.sections)
    needed = -(-container.num_points // MAX_POINTS_PER_BYTE)
    missing = needed - HEADER_BYTES - len(pack_table(sections)) - sum(len(s.data) for s in sections)
    if missing > 0:
        sections.append(Section(PADDING_ID, bytes(missing)))
    table = pack_table(sections)
    header = Header(container.profile, container.num_points, container.num_input, len(table))
    return b"".join([pack_header(header, table), table, *(section.data for section in sections)])


def read_container(
    data: bytes | memoryview, *, known: frozenset[str], max_points: int | None = None
) -> Container:
    """Read a file and check it: structure, limits and every checksum.

    Parameters
    ----------
    data
        The whole file.
    known
        Section ids that the caller understands.
    max_points
        Most points that the caller has memory for; None: as many as the format allows.

    Raises
    ------
    NotHgsError
        Another magic.
    UnsupportedVersionError
        Another version, or a critical section that isn't in `known`.
    TruncatedError
        The file ends before its last section does.
    CorruptError
        A checksum or a field is wrong, or bytes follow the last section.
    LimitError
        A count is beyond the format, or beyond `max_points`.
    """
    view = memoryview(data)
    header, entries = _parse_front(view, max_points=max_points)
    return _take(view, header, entries, known).container


def read_prefix(data: bytes | memoryview, *, known: frozenset[str], max_points: int | None = None) -> Prefix:
    """Read the first bytes of a file, or all of it, and check what is there: as `read_container`.

    Raises
    ------
    NotHgsError, UnsupportedVersionError, CorruptError, LimitError
        As `read_container`; sections that aren't there must be known too.
    TruncatedError
        The bytes end before the section table does.
    """
    view = memoryview(data)
    header, entries = _parse_front(view, is_whole=False, max_points=max_points)
    return _take(view, header, entries, known)


def _take(view: memoryview, header: Header, entries: Sequence[Entry], known: frozenset[str]) -> Prefix:
    """Check the sections that are there, and copy those that are known."""
    sections: list[Section] = []
    skipped: list[str] = []
    ids: list[str] = []
    missing: list[Extent] = []
    cut = None
    for entry, extent in zip(entries, _place(header, entries), strict=True):
        is_known = entry.id in known
        if not is_known and is_critical(entry.id):
            raise UnsupportedVersionError(
                f'critical section "{entry.id}" at byte {extent.offset} is unknown to this reader of '
                f"format {MAJOR}.{MINOR}: use a newer hemgs-codec"
            )
        if is_known:
            ids.append(entry.id)
        payload = view[extent.offset : extent.offset + extent.size]
        if len(payload) < extent.size:
            if not missing and is_known:
                cut = Section(entry.id, payload.tobytes())
            missing.append(extent)
            continue
        if zlib.crc32(payload) != entry.crc32:
            raise CorruptError(
                f'section "{entry.id}" at byte {extent.offset}: checksum of its {extent.size} bytes '
                f"doesn't match: damaged"
            )
        if is_known:
            sections.append(Section(entry.id, payload.tobytes()))
        else:
            skipped.append(entry.id)
    container = Container(
        header.profile, header.num_points, header.num_input, tuple(sections), tuple(skipped)
    )
    return Prefix(container, tuple(ids), cut, tuple(missing), _end(header, entries))


def layout(data: bytes | memoryview) -> list[Extent]:
    """List every byte range of a file: header, section table, each section, known or not.

    The sizes sum to the file's. Payload checksums aren't looked at.

    Raises
    ------
    NotHgsError, UnsupportedVersionError, TruncatedError, CorruptError, LimitError
        As `read_container`, but for payload checksums and unknown sections.
    """
    header, entries = _parse_front(memoryview(data))
    return [
        Extent("header", 0, HEADER_BYTES),
        Extent("table", HEADER_BYTES, header.table_bytes),
        *_place(header, entries),
    ]


def _parse_front(
    view: memoryview, *, is_whole: bool = True, max_points: int | None = None
) -> tuple[Header, list[Entry]]:
    """Read header and section table, and check that the sections fill the file, or that they go beyond it."""
    header = parse_header(view)
    if max_points is not None and header.num_points > max_points:
        raise LimitError(
            f"num_points at byte 12 is {header.num_points}, expected at most {max_points}: raise max_points "
            "(on the command line --max-points) for a file that you trust"
        )
    entries = parse_table(view[HEADER_BYTES : HEADER_BYTES + header.table_bytes])
    end = _end(header, entries)
    if is_whole:
        for extent in _place(header, entries):
            if extent.offset + extent.size > len(view):
                raise TruncatedError(
                    f'section "{extent.id}" at byte {extent.offset}: ends at byte '
                    f"{extent.offset + extent.size} of a file of {len(view)}: truncated"
                )
    if end < len(view):
        raise CorruptError(f"{len(view) - end} bytes follow the last section, which ends at byte {end}")
    if header.num_points > MAX_POINTS_PER_BYTE * end:
        raise LimitError(
            f"{header.num_points} points in {end} bytes, expected at most {MAX_POINTS_PER_BYTE} a byte"
        )
    return header, entries


def _end(header: Header, entries: Sequence[Entry]) -> int:
    """Return the size of the whole file."""
    return HEADER_BYTES + header.table_bytes + sum(entry.length for entry in entries)


def _place(header: Header, entries: Sequence[Entry]) -> list[Extent]:
    """Give each section its place in the file."""
    extents = []
    offset = HEADER_BYTES + header.table_bytes
    for entry in entries:
        extents.append(Extent(entry.id, offset, entry.length))
        offset += entry.length
    return extents
