"""Section table to bytes and back (SPEC: "Section table").

The table has one entry per run of sections with the same id: the id, how many there are, and for each its
length and checksum. So each further run of an attribute costs six bytes, not ten.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from hemgs_format.constants import MAX_SECTIONS
from hemgs_format.cursor import Cursor, pack_varint
from hemgs_format.errors import CorruptError, LimitError

_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{3}", re.ASCII)


@dataclass(frozen=True)
class Section:
    """A named piece of a file.

    Attributes
    ----------
    id
        Four ASCII letters or digits, a letter first. Upper case first: critical, a reader that doesn't know
        it must refuse the file. Lower case first: skippable.
    data
        The payload.
    """

    id: str
    data: bytes


class Entry(NamedTuple):
    """What the table says about one section."""

    id: str
    length: int
    crc32: int


def is_critical(section_id: str) -> bool:
    """Whether a reader that doesn't know the section must refuse the file."""
    return section_id[0].isupper()


def pack_table(sections: Sequence[Section]) -> bytes:
    """Spell the table of sections in file order.

    Raises
    ------
    LimitError
        Too many sections, one too long, or an id that isn't one.
    """
    if len(sections) > MAX_SECTIONS:
        raise LimitError(f"{len(sections)} sections, expected at most {MAX_SECTIONS}")
    table = bytearray()
    for section_id, group in groupby(sections, key=lambda section: section.id):
        if not _ID.fullmatch(section_id):
            raise LimitError(f"section id {section_id!r}, expected four letters or digits, a letter first")
        members = list(group)
        table += section_id.encode("ascii") + pack_varint(len(members))
        for section in members:
            if len(section.data) >> 32:
                raise LimitError(
                    f'section "{section_id}" has {len(section.data)} bytes, expected below 2**32'
                )
            table += pack_varint(len(section.data)) + zlib.crc32(section.data).to_bytes(4, "little")
    return bytes(table)


def parse_table(table: bytes | memoryview) -> list[Entry]:
    """Read a section table.

    Returns
    -------
    list of Entry
        In file order.

    Raises
    ------
    CorruptError
        An id or number is spelt wrongly, or two neighbouring entries have one id.
    TruncatedError
        The table ends inside an entry.
    LimitError
        Too many sections.
    """
    cursor = Cursor(table, "section table")
    entries: list[Entry] = []
    previous = ""
    while cursor.remaining:
        offset = cursor.offset
        section_id = cursor.take(4).decode("latin-1")
        if not _ID.fullmatch(section_id):
            raise CorruptError(f"section table: {section_id!r} at byte {offset} isn't a section id")
        if section_id == previous:
            raise CorruptError(f'section table: second entry "{section_id}" at byte {offset}, expected one')
        previous = section_id
        count = cursor.varint()
        if not count:
            raise CorruptError(f'section table: entry "{section_id}" at byte {offset} has no sections')
        if len(entries) + count > MAX_SECTIONS:
            raise LimitError(f"{len(entries) + count} sections, expected at most {MAX_SECTIONS}")
        entries.extend(Entry(section_id, cursor.varint(), cursor.u32()) for _ in range(count))
    return entries
