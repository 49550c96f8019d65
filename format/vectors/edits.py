"""Edits of a valid file, checksums mended: what invalid conformance files are made with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import msgpack
import numpy as np

from hemgs_codec.coding.digest import digest_of
from hemgs_codec.decoder import Decoded, decode_symbols
from hemgs_codec.sections import KNOWN
from hemgs_format.container import read_container, write_container
from hemgs_format.metadata import Value, pack_metadata, unpack_metadata
from hemgs_format.sections import Section

_HEADER = 28
_TABLE_BYTES = 20
_CHECKSUM = 24


def patched(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Replace header bytes, and mend the checksum."""

    def apply(data: bytes) -> bytes:
        table = data[_HEADER : _HEADER + int.from_bytes(data[_TABLE_BYTES:_CHECKSUM], "little")]
        head = data[:offset] + value + data[offset + len(value) : _CHECKSUM]
        crc = zlib.crc32(table, zlib.crc32(head))
        return head + crc.to_bytes(4, "little") + data[_HEADER:]

    return apply


def with_table(edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Edit the section table, and mend its length and checksum."""

    def apply(data: bytes) -> bytes:
        end = _HEADER + int.from_bytes(data[_TABLE_BYTES:_CHECKSUM], "little")
        table = edit(data[_HEADER:end])
        head = data[:_TABLE_BYTES] + len(table).to_bytes(4, "little")
        crc = zlib.crc32(table, zlib.crc32(head))
        return head + crc.to_bytes(4, "little") + table + data[end:]

    return apply


def with_sections(edit: Callable[[list[Section]], list[Section]]) -> Callable[[bytes], bytes]:
    """Edit the list of sections."""

    def apply(data: bytes) -> bytes:
        container = read_container(data, known=KNOWN)
        return write_container(replace(container, sections=tuple(edit(list(container.sections)))))

    return apply


def with_data(section_id: str, edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Edit the data of the first section with an id."""

    def apply(sections: list[Section]) -> list[Section]:
        at = next(i for i, section in enumerate(sections) if section.id == section_id)
        return [*sections[:at], Section(section_id, edit(sections[at].data)), *sections[at + 1 :]]

    return with_sections(apply)


def with_stale_keys(**values: Value) -> Callable[[bytes], bytes]:
    """Replace values of META, and leave the hash as it was."""
    return with_data("META", lambda data: pack_metadata({**unpack_metadata(data), **values}))


def with_keys(**values: Value) -> Callable[[bytes], bytes]:
    """Replace values of META, and mend the hash."""
    return _with_pairs(lambda pairs: [*((key, v) for key, v in pairs if key not in values), *values.items()])


def with_float(key: str, place: int, value: float) -> Callable[[bytes], bytes]:
    """Replace one of the floats that a key of META holds, and mend the hash."""

    def edit(data: bytes) -> bytes:
        numbers = np.frombuffer(cast("bytes", metadata_of(data)[key]), "<f4").copy()
        numbers[place] = value
        return with_keys(**{key: numbers.tobytes()})(data)

    return edit


def without_key(key: str) -> Callable[[bytes], bytes]:
    """Leave a key out of META, and mend the hash."""
    return _with_pairs(lambda pairs: [pair for pair in pairs if pair[0] != key])


def appended_pair(key: object, value: object) -> Callable[[bytes], bytes]:
    """Add a pair to META's map that `pack_metadata` would refuse to write, and mend the hash."""
    return _with_pairs(lambda pairs: [*pairs, (key, value)])


def metadata_of(data: bytes) -> dict[str, Value]:
    """Return a file's META."""
    return unpack_metadata(read_container(data, known=KNOWN).sections[0].data)


Pairs = list[tuple[object, object]]


def _spelt(pairs: Pairs) -> bytes:
    """Spell a map, its pairs in the order of their keys; texts before others, which no valid map has."""
    body = [
        cast("bytes", msgpack.packb(key)) + cast("bytes", msgpack.packb(value))
        for key, value in sorted(pairs, key=lambda pair: (not isinstance(pair[0], str), str(pair[0])))
    ]
    return cast("bytes", msgpack.Packer().pack_map_header(len(body))) + b"".join(body)


def _with_pairs(edit: Callable[[Pairs], Pairs]) -> Callable[[bytes], bytes]:
    """Edit META's map, and mend the hash: over the new map and the integers of the valid file.

    A reader that doesn't mind the broken rule finds nothing else to complain about, but where integers depend
    on it.
    """
    return lambda data: hashed(decode_symbols(data), edit)(data)


def hashed(
    decoded: Decoded, edit: Callable[[Pairs], Pairs] = lambda pairs: pairs
) -> Callable[[bytes], bytes]:
    """Mend the hash of a file that holds these integers."""

    def apply(data: bytes) -> bytes:
        pairs = edit([(key, v) for key, v in metadata_of(data).items() if key != "sha256"])
        digest = digest_of(
            _spelt(list(dict(pairs).items())),  # a key that is there twice counts once
            decoded.coords,
            decoded.walked.symbols,
            decoded.walked.parts,
            decoded.fields.spec.groups,
            b"" if decoded.networks is None else decoded.networks.tobytes(),
        )
        return with_data("META", lambda _: _spelt([*pairs, ("sha256", digest)]))(data)

    return apply


def swap_first_two(sections: list[Section]) -> list[Section]:
    """Swap the first two sections."""
    return [sections[1], sections[0], *sections[2:]]


def without(section_id: str) -> Callable[[bytes], bytes]:
    """Leave out the sections with an id."""
    return with_sections(lambda sections: [s for s in sections if s.id != section_id])
