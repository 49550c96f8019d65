"""The invalid conformance files: each breaks one rule of SPEC.md, and nothing else, in a valid file.

Checksums, and the hash of the symbols where it can be known, are right unless they are what is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgpack

from hemgs_codec.coding.fields import unpack_fields
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.frozen import pack_networks, unpack_networks
from hemgs_codec.model.hashgrid import Level
from hemgs_format.constants import MAX_POINTS
from hemgs_format.cursor import pack_varint
from hemgs_format.errors import (
    CorruptError,
    HgsError,
    LimitError,
    NotHgsError,
    TruncatedError,
    UnsupportedVersionError,
)
from hemgs_format.sections import Section
from vectors.edits import (
    appended_pair,
    metadata_of,
    patched,
    swap_first_two,
    with_data,
    with_keys,
    with_sections,
    with_stale_keys,
    with_table,
    without,
    without_key,
)
from vectors.worked_example import RECIPE, worked_example

WORDS = b"\1\0\0\0" * 3  # a decoder reads up to two words ahead


@dataclass(frozen=True)
class Breakage:
    """A rule, how to break it, and what a reader says."""

    name: str
    rule: str
    error: type[HgsError]
    apply: Callable[[bytes], bytes]


def _shift_beyond_limit(data: bytes) -> bytes:
    """Shift a matrix of zeros too far, which changes nothing."""
    matrices = unpack_fields(metadata_of(data), "gaussian").spec.matrices()

    def edit(networks: bytes) -> bytes:
        weights, biases, shifts = unpack_networks(matrices, networks)
        name = next(name for name, matrix in weights.items() if not (matrix.any() or biases[name].any()))
        return pack_networks(weights, biases, {**shifts, name: MAX_SHIFT + 1})

    return with_data("NETS", edit)(data)


def _contexts_of_none(_: bytes) -> bytes:
    """Have networks for contexts, which all are empty: they are there, and what they say is 0."""
    return worked_example(replace(RECIPE, use_context=True))


def _level_of_one_axis(_: bytes) -> bytes:
    """Have a level of a grid along x; nothing looks at it, for nothing says how it is interpolated."""
    return worked_example(replace(RECIPE, levels=(Level((0,), 4, 16),)))


def _run_of_no_batches(data: bytes) -> bytes:
    return b"\0" + data[1:]


def _one_batch_more(data: bytes) -> bytes:
    return pack_varint(data[0] + 1) + data[1:]


# Applied to the worked example: no contexts, no grid, one batch a group.
PLAIN = (
    Breakage("wrong-magic", "Header: magic", NotHgsError, lambda d: b"\x88" + d[1:]),
    Breakage("line-ends-converted", "Header: magic", NotHgsError, lambda d: d.replace(b"\r\n", b"\n")),
    Breakage("truncated-header", "Header: 28 bytes", TruncatedError, lambda d: d[:20]),
    Breakage("higher-major", "Header: major", UnsupportedVersionError, patched(8, b"\x01")),
    Breakage("other-minor-of-major-0", "Header: minor", UnsupportedVersionError, patched(9, b"\x02")),
    Breakage("unknown-profile", "Header: profile", CorruptError, patched(10, b"\x02")),
    Breakage("sections-of-another-profile", "Sections", CorruptError, patched(10, b"\x01")),
    Breakage("reserved-flags", "Header: flags", CorruptError, patched(11, b"\x80")),
    Breakage("no-points", "Sections: num_points", CorruptError, patched(12, bytes(4))),
    Breakage(
        "points-beyond-limit", "Limits", LimitError, patched(16, (MAX_POINTS + 1).to_bytes(4, "little"))
    ),
    Breakage(
        "points-beyond-file-size",
        "Header: num_points",
        LimitError,
        patched(12, (10**6).to_bytes(4, "little")),
    ),
    Breakage("header-checksum", "Header: checksum", CorruptError, lambda d: d[:12] + b"\x03" + d[13:]),
    Breakage("table-beyond-file", "Header: table_bytes", TruncatedError, lambda d: d[:21] + b"\xff" + d[22:]),
    Breakage("table-ends-inside-entry", "Section table", TruncatedError, with_table(lambda t: t[:-1])),
    Breakage("table-id-not-ascii", "Section table: id", CorruptError, with_table(lambda t: b"\xff" + t[1:])),
    Breakage(
        "table-entry-twice", "Section table", CorruptError, with_table(lambda t: t[:11] + t[:11] + t[11:])
    ),
    Breakage(
        "table-entry-of-none", "Section table: count", CorruptError, with_table(lambda t: t + b"zpad\0")
    ),
    Breakage(
        "table-varint-too-long",
        "Conventions: varint",
        CorruptError,
        with_table(lambda t: t[:4] + b"\x81\0" + t[5:]),
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
        with_sections(lambda s: [*s, Section("WHAT", b"?")]),
    ),
    Breakage(
        "rendering-networks-of-gaussians",
        "Sections",
        CorruptError,
        with_sections(lambda s: [s[0], Section("MLPS", b""), *s[1:]]),
    ),
    Breakage("networks-missing", "Sections", CorruptError, without("NETS")),
    Breakage("sections-out-of-order", "Sections", CorruptError, with_sections(swap_first_two)),
    Breakage("metadata-key-missing", "META", CorruptError, without_key("unit")),
    Breakage("metadata-key-twice", "Metadata", CorruptError, appended_pair("bits", 6)),
    Breakage("metadata-key-not-text", "Metadata", CorruptError, appended_pair(b"bits", 6)),
    Breakage("metadata-nan", "Metadata", CorruptError, appended_pair("note", float("nan"))),
    Breakage("metadata-extension", "Metadata", CorruptError, appended_pair("note", msgpack.ExtType(1, b"?"))),
    Breakage("metadata-goes-on", "Metadata", CorruptError, with_data("META", lambda d: d + b"\xc0")),
    Breakage("metadata-float-for-integer", "META", CorruptError, with_keys(bits=6.0)),
    Breakage("metadata-out-of-range", "META: bits", CorruptError, with_keys(bits=22)),
    Breakage("order-out-of-range", "META: order", CorruptError, with_keys(order=3)),
    Breakage("context-beyond-limit", "META: context", CorruptError, with_keys(context=81)),
    Breakage("unit-not-positive", "META: unit", CorruptError, with_keys(unit=0.0)),
    Breakage("scale-negative", "META: scales", CorruptError, with_keys(scales=b"\0\0\x80\xbf" * 11)),
    Breakage("offsets-of-another-degree", "META: offsets", CorruptError, with_keys(offsets=bytes(52))),
    Breakage(
        "centroids-of-another-size",
        "META: centroids",
        CorruptError,
        with_keys(centroids=[b"", b"", b"", b"", b"", b"?"]),
    ),
    Breakage("centroids-of-another-degree", "META: centroids", CorruptError, with_keys(centroids=[b""] * 7)),
    Breakage("contexts-of-none", "META: net flags", CorruptError, _contexts_of_none),
    Breakage("fine-step-out-of-range", "META: fine", CorruptError, with_keys(fine=162)),
    Breakage("grid-level-of-one-axis", "META: grid", CorruptError, _level_of_one_axis),
    Breakage("grid-beyond-its-bytes", "HASH", LimitError, with_keys(grid=[[7, 6, 1 << 20]])),
    Breakage("networks-beyond-limit", "NETS", LimitError, with_keys(net=[256, 256, 16, 1, 3], context=1)),
    Breakage("lattice-beyond-base-units", "Lattice", CorruptError, with_keys(step=160)),
    Breakage("scene-beyond-float32", "Gaussian profile", CorruptError, with_keys(origin=[1e300, 0.0, 0.0])),
    Breakage("locations-not-words", "Locations", TruncatedError, with_data("LOCS", lambda d: d[:-1])),
    Breakage("locations-too-short", "Locations", LimitError, with_data("LOCS", lambda _: b"")),
    Breakage("locations-go-on", "Locations", CorruptError, with_data("LOCS", lambda d: d + WORDS)),
    Breakage("network-shift-beyond-limit", "NETS", CorruptError, _shift_beyond_limit),
    Breakage("networks-go-on", "Range coder", CorruptError, with_data("NETS", lambda d: d + WORDS)),
    Breakage("grid-without-levels", "HASH", CorruptError, with_data("HASH", lambda _: WORDS)),
    Breakage("run-missing", "Runs", CorruptError, without("RUN0")),
    Breakage("run-unused", "Runs", CorruptError, with_sections(lambda s: [*s, Section("RUN0", b"\1")])),
    Breakage("run-of-no-layer", "Runs", CorruptError, with_sections(lambda s: [*s, Section("RUN1", b"\1")])),
    Breakage("run-of-no-batches", "Runs", CorruptError, with_data("RUN0", _run_of_no_batches)),
    Breakage("run-beyond-its-layer", "Runs", CorruptError, with_data("RUN0", _one_batch_more)),
    Breakage("run-words-go-on", "Range coder", CorruptError, with_data("RUN0", lambda d: d + WORDS)),
    Breakage("run-not-words", "Range coder", TruncatedError, with_data("RUN0", lambda d: d[:-1])),
    Breakage("symbols-hash", "META: sha256", CorruptError, with_stale_keys(sha256=bytes(32))),
    Breakage("metadata-changed-after-hash", "META: sha256", CorruptError, with_stale_keys(unit=1.0)),
)

# Applied to the file ``one-gaussian``: every slice is constant.
CONSTANT = (
    Breakage("run-words-where-none", "Range coder", CorruptError, with_data("RUN0", lambda d: d + WORDS)),
)
