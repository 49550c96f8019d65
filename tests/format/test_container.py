from __future__ import annotations

import contextlib
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_format import (
    Container,
    CorruptError,
    HgsError,
    LimitError,
    NotHgsError,
    Section,
    TruncatedError,
    UnsupportedVersionError,
    layout,
    read_container,
    write_container,
)
from hemgs_format.constants import MAX_POINTS, MAX_POINTS_PER_BYTE, MAX_SECTIONS
from hemgs_format.header import HEADER_BYTES, Header, pack_header

SECTIONS = (
    Section("META", b"\x80"),
    Section("RUN0", b"first"),
    Section("RUN0", b""),
    Section("RUN0", bytes(range(200))),
    Section("note", b"hello"),
)
SCENE = Container("gaussian", 1000, 1234, SECTIONS)
KNOWN = frozenset({"META", "RUN0", "note"})
DATA = write_container(SCENE)

ids = st.from_regex(r"[A-Za-z][A-Za-z0-9]{3}", fullmatch=True)
containers = st.builds(
    Container,
    st.sampled_from(["gaussian", "anchor"]),
    st.integers(0, 1000),
    st.integers(0, MAX_POINTS),
    st.lists(st.builds(Section, ids, st.binary(max_size=300))).map(tuple),
)


def with_table(table: bytes, payload: bytes = b"", num_points: int = 0) -> bytes:
    return pack_header(Header("gaussian", num_points, 0, len(table)), table) + table + payload


def entry(section_id: bytes, *payloads: bytes) -> bytes:
    parts = (bytes([len(p)]) + zlib.crc32(p).to_bytes(4, "little") for p in payloads)
    return section_id + bytes([len(payloads)]) + b"".join(parts)


def resealed(data: bytes, offset: int, value: int) -> bytes:
    """Change one byte of the header and make its checksum right again."""
    changed = bytearray(data)
    changed[offset] = value
    end = HEADER_BYTES + int.from_bytes(data[20:24], "little")
    crc = zlib.crc32(changed[HEADER_BYTES:end], zlib.crc32(changed[:24]))
    changed[24:28] = crc.to_bytes(4, "little")
    return bytes(changed)


def test_what_was_written_is_read() -> None:
    assert read_container(DATA, known=KNOWN) == SCENE
    assert read_container(memoryview(DATA), known=KNOWN) == SCENE


@given(containers)
def test_any_container_round_trips_and_is_spelt_in_one_way(container: Container) -> None:
    data = write_container(container)
    known = frozenset(section.id for section in container.sections)
    again = read_container(data, known=known)
    assert again == replace(container, skipped=again.skipped)
    assert write_container(again) == data


@given(containers)
def test_layout_tiles_the_file(container: Container) -> None:
    data = write_container(container)
    offset = 0
    for extent in layout(data):
        assert extent.offset == offset
        offset += extent.size
    assert offset == len(data)


def test_layout_names_every_section() -> None:
    assert [extent.id for extent in layout(DATA)] == ["header", "table", *(s.id for s in SECTIONS)]


def test_first_bytes_are_the_header_of_the_spec() -> None:
    assert DATA[:12].hex(" ") == "89 48 47 53 0d 0a 1a 0a 00 01 00 00"
    assert DATA[12:24].hex(" ") == "e8 03 00 00 d2 04 00 00 29 00 00 00"


def test_a_further_run_costs_six_table_bytes() -> None:
    more = replace(SCENE, sections=(*SECTIONS[:4], Section("RUN0", b"more"), *SECTIONS[4:]))
    assert len(write_container(more)) - len(DATA) == 1 + 4 + len(b"more")


def test_empty_file_raises_truncated_error() -> None:
    with pytest.raises(TruncatedError):
        read_container(b"", known=KNOWN)


def test_every_truncation_raises_truncated_error() -> None:
    for length in range(len(DATA)):
        with pytest.raises(TruncatedError):
            read_container(DATA[:length], known=KNOWN)
        with pytest.raises(TruncatedError):
            layout(DATA[:length])


def test_every_flipped_bit_raises_an_hgs_error() -> None:
    for position in range(len(DATA)):
        for bit in range(8):
            damaged = bytearray(DATA)
            damaged[position] ^= 1 << bit
            with pytest.raises(HgsError):
                read_container(bytes(damaged), known=KNOWN)


def test_other_magic_raises_not_hgs_error() -> None:
    for data in (b"ply\nformat binary", b"\x89PNG\r\n\x1a\n" + bytes(50), b"x", DATA.replace(b"\r\n", b"\n")):
        with pytest.raises(NotHgsError):
            read_container(data, known=KNOWN)


@pytest.mark.parametrize(("offset", "value", "needed"), [(8, 1, "1.1"), (9, 2, "0.2"), (9, 0, "0.0")])
def test_other_version_raises_unsupported_version_error_naming_the_package(
    offset: int, value: int, needed: str
) -> None:
    with pytest.raises(UnsupportedVersionError, match=f"use hemgs-codec {needed}"):
        read_container(resealed(DATA, offset, value), known=KNOWN)


def test_unknown_critical_section_raises_unsupported_version_error_naming_it() -> None:
    with pytest.raises(UnsupportedVersionError, match='"META"'):
        read_container(DATA, known=KNOWN - {"META"})


def test_unknown_skippable_section_is_skipped_and_listed() -> None:
    container = read_container(DATA, known=KNOWN - {"note"})
    assert container.sections == SECTIONS[:4]
    assert container.skipped == ("note",)


def test_damaged_payload_raises_corrupt_error_naming_section_and_offset() -> None:
    offset = DATA.index(b"first")
    with pytest.raises(CorruptError, match=f'section "RUN0" at byte {offset}'):
        read_container(DATA.replace(b"first", b"fIrst"), known=KNOWN)
    with pytest.raises(CorruptError, match='section "note"'):
        read_container(DATA.replace(b"hello", b"hallo"), known=KNOWN - {"note"})


def test_trailing_bytes_raise_corrupt_error() -> None:
    with pytest.raises(CorruptError, match="3 bytes follow"):
        read_container(DATA + b"abc", known=KNOWN)


def test_reserved_flags_and_unknown_profile_raise_corrupt_error() -> None:
    with pytest.raises(CorruptError, match="reserved"):
        read_container(resealed(DATA, 11, 1), known=KNOWN)
    with pytest.raises(CorruptError, match="profile"):
        read_container(resealed(DATA, 10, 2), known=KNOWN)


def test_huge_counts_raise_limit_error() -> None:
    for offset in (15, 19):  # the top byte of either count
        with pytest.raises(LimitError, match="expected at most"):
            read_container(resealed(DATA, offset, 255), known=KNOWN)
    with pytest.raises(LimitError, match="num_input"):
        write_container(replace(SCENE, num_input=MAX_POINTS + 1))
    with pytest.raises(LimitError, match="num_points"):
        write_container(replace(SCENE, num_points=-1, num_input=0))


def test_more_points_than_the_bytes_can_hold_raise_limit_error() -> None:
    with pytest.raises(LimitError, match="a byte"):
        read_container(with_table(b"", num_points=HEADER_BYTES * MAX_POINTS_PER_BYTE + 1), known=KNOWN)


def test_scenes_of_identical_points_are_padded_until_they_may_be_read() -> None:
    container = Container("gaussian", 1_000_000, 1_000_000, (Section("META", b"x"),))
    data = write_container(container)
    assert len(data) <= 1_000_000 // MAX_POINTS_PER_BYTE + 20
    assert read_container(data, known=KNOWN).sections == container.sections


def test_too_many_sections_raise_limit_error() -> None:
    with pytest.raises(LimitError):
        write_container(replace(SCENE, sections=(Section("RUN0", b""),) * (MAX_SECTIONS + 1)))
    with pytest.raises(LimitError, match="sections"):
        read_container(with_table(b"RUN0\xff\xff\xff\xff\x0f"), known=KNOWN)


@pytest.mark.parametrize("section_id", ["", "RUN", "RUN00", "0RUN", "R N0", "RUNé", "RUN\n"])
def test_ids_that_are_none_are_refused(section_id: str) -> None:
    with pytest.raises(LimitError, match="section id"):
        write_container(replace(SCENE, sections=(Section(section_id, b""),)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (entry(b"0RUN", b""), "isn't a section id"),
        (entry(b"R\xe9NO", b""), "isn't a section id"),
        (entry(b"RUN0"), "has no sections"),
        (entry(b"RUN0", b"") + entry(b"RUN0", b""), "expected one"),
        (b"RUN0\x81\x00\x00" + bytes(4), "no valid number"),
        (b"RUN0\xff\xff\xff\xff\x10", "no valid number"),
        (b"RUN0\xff\xff\xff\xff\xff\x00", "no valid number"),
    ],
)
def test_wrongly_spelt_tables_raise_corrupt_error(table: bytes, message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        read_container(with_table(table), known=KNOWN)


def test_a_table_that_ends_inside_an_entry_raises_truncated_error() -> None:
    table = entry(b"RUN0", b"")
    for length in range(1, len(table)):
        with pytest.raises(TruncatedError):
            read_container(with_table(table[:length]), known=KNOWN)


def test_lengths_beyond_the_file_raise_truncated_error_without_allocating() -> None:
    table = b"RUN0\x02" + (b"\xff\xff\xff\xff\x0f" + bytes(4)) * 2
    with pytest.raises(TruncatedError, match="RUN0"):
        read_container(with_table(table), known=KNOWN)


@given(st.binary(max_size=60))
def test_any_table_bytes_raise_nothing_but_hgs_errors(table: bytes) -> None:
    with contextlib.suppress(HgsError):
        read_container(with_table(table), known=KNOWN)
