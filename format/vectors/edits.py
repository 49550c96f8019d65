"""Edits of a valid file, checksums mended: what invalid conformance files are made with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import msgpack
import numpy as np

from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.decoder import decode_symbols
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


def with_keys(**values: Value) -> Callable[[bytes], bytes]:
    """Replace values of META."""
    return with_data("META", lambda data: pack_metadata({**unpack_metadata(data), **values}))


def with_float(key: str, place: int, value: float) -> Callable[[bytes], bytes]:
    """Replace one of the floats that a key of META holds."""

    def edit(data: bytes) -> bytes:
        fields = unpack_metadata(data)
        numbers = np.frombuffer(cast("bytes", fields[key]), "<f4").copy()
        numbers[place] = value
        return pack_metadata({**fields, key: numbers.tobytes()})

    return with_data("META", edit)


def without_key(key: str) -> Callable[[bytes], bytes]:
    """Leave a key out of META."""

    def edit(data: bytes) -> bytes:
        return pack_metadata({k: v for k, v in unpack_metadata(data).items() if k != key})

    return with_data("META", edit)


def _map_header(count: int) -> bytes:
    return cast("bytes", msgpack.Packer().pack_map_header(count))


def _packed(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value))


def appended_pair(key: object, value: object) -> Callable[[bytes], bytes]:
    """Add a pair to META's map that `pack_metadata` would refuse to write."""

    def edit(data: bytes) -> bytes:
        count = len(unpack_metadata(data))
        body = data[len(_map_header(count)) :]
        return _map_header(count + 1) + body + _packed(key) + _packed(value)

    return with_data("META", edit)


def swap_first_two(sections: list[Section]) -> list[Section]:
    """Swap the first two sections."""
    return [sections[1], sections[0], *sections[2:]]


def without(section_id: str) -> Callable[[bytes], bytes]:
    """Leave out the sections with an id."""
    return with_sections(lambda sections: [s for s in sections if s.id != section_id])


def with_resealed_keys(**values: Value) -> Callable[[bytes], bytes]:
    """Replace values of META that change no symbol, and mend the hash."""

    def apply(data: bytes) -> bytes:
        decoded = decode_symbols(data)

        def edit(meta: bytes) -> bytes:
            metadata = {**unpack_metadata(meta), **values}
            metadata["sha256"] = symbols_digest(
                metadata,
                decoded.coords,
                decoded.walked.symbols,
                decoded.walked.parts,
                decoded.fields.spec.groups,
                b"" if decoded.networks is None else decoded.networks.tobytes(),
            )
            return pack_metadata(metadata)

        return with_data("META", edit)(data)

    return apply
