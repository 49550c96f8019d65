"""The invalid conformance files: each breaks one rule of SPEC.md, and nothing else, in a valid file.

Checksums, and the hash of the symbols where it can be known, are right unless they are what is broken.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import msgpack
import numpy as np

from hemgs_codec.range_coder import SymbolEncoder
from hemgs_codec.sections import KNOWN
from hemgs_format.constants import MAX_POINTS
from hemgs_format.container import read_container, write_container
from hemgs_format.cursor import pack_varint
from hemgs_format.errors import (
    CorruptError,
    HgsError,
    LimitError,
    NotHgsError,
    TruncatedError,
    UnsupportedVersionError,
)
from hemgs_format.metadata import Value, pack_metadata, unpack_metadata
from hemgs_format.sections import Section

_HEADER = 28
_TABLE_BYTES = 20
_CHECKSUM = 24
_WORDS = b"\1\0\0\0" * 3  # a decoder reads up to two words ahead


@dataclass(frozen=True)
class Breakage:
    """A rule, how to break it, and what a reader says."""

    name: str
    rule: str
    error: type[HgsError]
    apply: Callable[[bytes], bytes]


def _patched(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Replace header bytes, and mend the checksum."""

    def apply(data: bytes) -> bytes:
        table = data[_HEADER : _HEADER + int.from_bytes(data[_TABLE_BYTES:_CHECKSUM], "little")]
        head = data[:offset] + value + data[offset + len(value) : _CHECKSUM]
        crc = zlib.crc32(table, zlib.crc32(head))
        return head + crc.to_bytes(4, "little") + data[_HEADER:]

    return apply


def _with_table(edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Edit the section table, and mend its length and checksum."""

    def apply(data: bytes) -> bytes:
        end = _HEADER + int.from_bytes(data[_TABLE_BYTES:_CHECKSUM], "little")
        table = edit(data[_HEADER:end])
        head = data[:_TABLE_BYTES] + len(table).to_bytes(4, "little")
        crc = zlib.crc32(table, zlib.crc32(head))
        return head + crc.to_bytes(4, "little") + table + data[end:]

    return apply


def _with_sections(edit: Callable[[list[Section]], list[Section]]) -> Callable[[bytes], bytes]:
    """Edit the list of sections."""

    def apply(data: bytes) -> bytes:
        container = read_container(data, known=KNOWN)
        return write_container(replace(container, sections=tuple(edit(list(container.sections)))))

    return apply


def _with_data(section_id: str, edit: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Edit the data of the first section with an id."""

    def apply(sections: list[Section]) -> list[Section]:
        at = next(i for i, section in enumerate(sections) if section.id == section_id)
        return [*sections[:at], Section(section_id, edit(sections[at].data)), *sections[at + 1 :]]

    return _with_sections(apply)


def _with_keys(**values: Value) -> Callable[[bytes], bytes]:
    """Replace values of META."""
    return _with_data("META", lambda data: pack_metadata({**unpack_metadata(data), **values}))


def _without_key(key: str) -> Callable[[bytes], bytes]:
    """Leave a key out of META."""

    def edit(data: bytes) -> bytes:
        return pack_metadata({k: v for k, v in unpack_metadata(data).items() if k != key})

    return _with_data("META", edit)


def _map_header(count: int) -> bytes:
    return cast("bytes", msgpack.Packer().pack_map_header(count))


def _packed(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value))


def _appended_pair(key: object, value: object) -> Callable[[bytes], bytes]:
    """Add a pair to META's map that `pack_metadata` would refuse to write."""

    def edit(data: bytes) -> bytes:
        count = len(unpack_metadata(data))
        body = data[len(_map_header(count)) :]
        return _map_header(count + 1) + body + _packed(key) + _packed(value)

    return _with_data("META", edit)


def _swap_first_two(sections: list[Section]) -> list[Section]:
    return [sections[1], sections[0], *sections[2:]]


def _without(section_id: str) -> Callable[[bytes], bytes]:
    return _with_sections(lambda sections: [s for s in sections if s.id != section_id])


def _shift_of_31(_: bytes) -> bytes:
    """Networks that begin with a shift beyond the limit."""
    encoder = SymbolEncoder()
    encoder.encode_uniform(np.array([31]), 5)
    return encoder.finish()


def _run_of_no_batches(data: bytes) -> bytes:
    return b"\0" + data[1:]


def _one_batch_more(data: bytes) -> bytes:
    return pack_varint(data[0] + 1) + data[1:]


# Applied to the worked example: no contexts, no grid, one batch a group.
PLAIN = (
    Breakage("wrong-magic", "Header: magic", NotHgsError, lambda d: b"\x88" + d[1:]),
    Breakage("line-ends-converted", "Header: magic", NotHgsError, lambda d: d.replace(b"\r\n", b"\n")),
    Breakage("truncated-header", "Header: 28 bytes", TruncatedError, lambda d: d[:20]),
    Breakage("higher-major", "Header: major", UnsupportedVersionError, _patched(8, b"\x01")),
    Breakage("other-minor-of-major-0", "Header: minor", UnsupportedVersionError, _patched(9, b"\x02")),
    Breakage("unknown-profile", "Header: profile", CorruptError, _patched(10, b"\x02")),
    Breakage("sections-of-another-profile", "Sections", CorruptError, _patched(10, b"\x01")),
    Breakage("reserved-flags", "Header: flags", CorruptError, _patched(11, b"\x80")),
    Breakage("no-points", "Sections: num_points", CorruptError, _patched(12, bytes(4))),
    Breakage(
        "points-beyond-limit", "Limits", LimitError, _patched(16, (MAX_POINTS + 1).to_bytes(4, "little"))
    ),
    Breakage(
        "points-beyond-file-size",
        "Header: num_points",
        LimitError,
        _patched(12, (10**6).to_bytes(4, "little")),
    ),
    Breakage("header-checksum", "Header: checksum", CorruptError, lambda d: d[:12] + b"\x03" + d[13:]),
    Breakage("table-beyond-file", "Header: table_bytes", TruncatedError, lambda d: d[:21] + b"\xff" + d[22:]),
    Breakage("table-ends-inside-entry", "Section table", TruncatedError, _with_table(lambda t: t[:-1])),
    Breakage("table-id-not-ascii", "Section table: id", CorruptError, _with_table(lambda t: b"\xff" + t[1:])),
    Breakage(
        "table-entry-twice", "Section table", CorruptError, _with_table(lambda t: t[:11] + t[:11] + t[11:])
    ),
    Breakage(
        "table-entry-of-none", "Section table: count", CorruptError, _with_table(lambda t: t + b"zpad\0")
    ),
    Breakage(
        "table-varint-too-long",
        "Conventions: varint",
        CorruptError,
        _with_table(lambda t: t[:4] + b"\x81\0" + t[5:]),
    ),
    Breakage("truncated-last-section", "Container", TruncatedError, lambda d: d[:-1]),
    Breakage("bytes-after-last-section", "Container", CorruptError, lambda d: d + b"\0"),
    Breakage(
        "section-checksum", "Section table: checksum", CorruptError, lambda d: d[:-1] + bytes([d[-1] ^ 1])
    ),
    Breakage(
        "unknown-critical-section",
        "Section table: id",
        UnsupportedVersionError,
        _with_sections(lambda s: [*s, Section("WHAT", b"?")]),
    ),
    Breakage("networks-missing", "Sections", CorruptError, _without("NETS")),
    Breakage("sections-out-of-order", "Sections", CorruptError, _with_sections(_swap_first_two)),
    Breakage("metadata-key-missing", "META", CorruptError, _without_key("unit")),
    Breakage("metadata-key-twice", "Metadata", CorruptError, _appended_pair("bits", 6)),
    Breakage("metadata-key-not-text", "Metadata", CorruptError, _appended_pair(b"bits", 6)),
    Breakage("metadata-nan", "Metadata", CorruptError, _appended_pair("note", float("nan"))),
    Breakage(
        "metadata-extension", "Metadata", CorruptError, _appended_pair("note", msgpack.ExtType(1, b"?"))
    ),
    Breakage("metadata-goes-on", "Metadata", CorruptError, _with_data("META", lambda d: d + b"\xc0")),
    Breakage("metadata-float-for-integer", "META", CorruptError, _with_keys(bits=6.0)),
    Breakage("metadata-out-of-range", "META: bits", CorruptError, _with_keys(bits=22)),
    Breakage("unit-not-positive", "META: unit", CorruptError, _with_keys(unit=0.0)),
    Breakage("scale-negative", "META: scales", CorruptError, _with_keys(scales=b"\0\0\x80\xbf" * 10)),
    Breakage("offsets-of-another-degree", "META: offsets", CorruptError, _with_keys(offsets=bytes(44))),
    Breakage(
        "centroids-of-another-size",
        "META: centroids",
        CorruptError,
        _with_keys(centroids=[b"", b"", b"", b"?"]),
    ),
    Breakage(
        "centroids-of-another-degree", "META: centroids", CorruptError, _with_keys(centroids=[b"", b"", b""])
    ),
    Breakage("contexts-of-none", "META: net flags", CorruptError, _with_keys(net=[1, 1, 1, 1, 3])),
    Breakage("fine-step-out-of-range", "META: fine", CorruptError, _with_keys(fine=162)),
    Breakage("grid-level-of-one-axis", "META: grid", CorruptError, _with_keys(grid=[[1, 4, 16]])),
    Breakage("grid-beyond-its-bytes", "HASH", LimitError, _with_keys(grid=[[7, 6, 1 << 20]])),
    Breakage("networks-beyond-limit", "NETS", LimitError, _with_keys(net=[256, 256, 16, 1, 3], context=1)),
    Breakage("lattice-beyond-base-units", "Lattice", CorruptError, _with_keys(step=160)),
    Breakage("scene-beyond-float32", "Gaussian profile", CorruptError, _with_keys(origin=[1e300, 0.0, 0.0])),
    Breakage("locations-not-words", "Locations", TruncatedError, _with_data("LOCS", lambda d: d[:-1])),
    Breakage("locations-too-short", "Locations", LimitError, _with_data("LOCS", lambda _: b"")),
    Breakage("locations-go-on", "Locations", CorruptError, _with_data("LOCS", lambda d: d + _WORDS)),
    Breakage("network-shift-beyond-limit", "NETS", CorruptError, _with_data("NETS", _shift_of_31)),
    Breakage("networks-go-on", "Range coder", CorruptError, _with_data("NETS", lambda d: d + _WORDS)),
    Breakage("grid-without-levels", "HASH", CorruptError, _with_data("HASH", lambda _: _WORDS)),
    Breakage("run-missing", "Runs", CorruptError, _without("RUN3")),
    Breakage("run-unused", "Runs", CorruptError, _with_sections(lambda s: [*s, Section("RUN4", b"\1")])),
    Breakage("run-of-no-batches", "Runs", CorruptError, _with_data("RUN1", _run_of_no_batches)),
    Breakage("run-beyond-its-group", "Runs", CorruptError, _with_data("RUN1", _one_batch_more)),
    Breakage("run-words-go-on", "Range coder", CorruptError, _with_data("RUN0", lambda d: d + _WORDS)),
    Breakage("run-words-where-none", "Range coder", CorruptError, _with_data("RUN1", lambda d: d + _WORDS)),
    Breakage("run-not-words", "Range coder", TruncatedError, _with_data("RUN0", lambda d: d[:-1])),
    Breakage("symbols-hash", "META: sha256", CorruptError, _with_keys(sha256=bytes(32))),
    Breakage("metadata-changed-after-hash", "META: sha256", CorruptError, _with_keys(unit=1.0)),
)
