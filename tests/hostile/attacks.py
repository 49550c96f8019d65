"""Attacks on .hgs files, seeded: with checksums left as they were, and with all of them right again.

Case ``number`` of an attack is the same bytes for ever, as long as the corpus is: its generator is seeded by
both. What no attack does is right the hash of the result, which only a decoder can: see `readers`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgpack
import numpy as np

from hemgs_codec.sections import KNOWN
from hemgs_format.constants import MAGIC, MAX_POINTS, PROFILES
from hemgs_format.container import Container, layout, read_container
from hemgs_format.cursor import pack_varint
from hemgs_format.header import HEADER_BYTES
from hemgs_format.sections import Section
from tests.hostile.bombs import msgpack_bomb, zstandard_bomb
from tests.hostile.weights import extreme_networks, extreme_rendering
from tests.mutations import WRONG_VALUES, damaged_bytes, damaged_value, metadata_of, with_section, written

VECTORS = Path(__file__).parents[2] / "format" / "vectors" / "valid"
SEED = 4711
Generator = np.random.Generator
_FLOATS = (np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e300, 1e-310, 1e-45, -0.0, 0.0)


@cache
def corpus() -> dict[str, bytes]:
    """Return the files that are attacked: the valid vectors, by name."""
    return {path.stem: path.read_bytes() for path in sorted(VECTORS.glob("*.hgs"))}


def case(attack: str, number: int) -> tuple[str, bytes]:
    """Return a case's victim and bytes; small victims come oftener, for they decode faster."""
    rng = np.random.default_rng([SEED, zlib.crc32(attack.encode()), number])
    names = list(corpus())
    odds = np.array([_cheapness(corpus()[name]) for name in names])
    victim, donor = rng.choice(names, 2, p=odds / odds.sum())
    data = corpus()[str(victim)]
    changed = data
    while changed == data:
        changed = ATTACKS[attack](rng, data, corpus()[str(donor)])
    return str(victim), changed


def _cheapness(data: bytes) -> float:
    num_points = int.from_bytes(data[12:16], "little")
    return float(len(data) ** -1.5 / (20 + num_points))


def truncation(number: int) -> tuple[str, bytes]:
    """Return one of all truncations of the corpus."""
    for name, data in corpus().items():
        if number < len(data):
            return name, data[:number]
        number -= len(data)
    raise IndexError("there are no more truncations")


def num_truncations() -> int:
    """Return how many there are."""
    return sum(map(len, corpus().values()))


def _pick(rng: Generator, count: int) -> int:
    return int(rng.integers(0, count))


# Checksums as they were.


def flip_bits(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Flip one to three bits."""
    changed = bytearray(data)
    for _ in range(1 + _pick(rng, 3)):
        changed[_pick(rng, len(data))] ^= 1 << _pick(rng, 8)
    return bytes(changed)


def change_bytes(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Overwrite, insert, delete or repeat bytes."""
    return damaged_bytes(rng, data)


def move_bytes(rng: Generator, data: bytes, donor: bytes) -> bytes:
    """Swap two sections' bytes, or put another file's in the place of one."""
    spans = [data[e.offset : e.offset + e.size] for e in layout(data)]
    first, second = 2 + _pick(rng, len(spans) - 2), 2 + _pick(rng, len(spans) - 2)
    if rng.random() < 0.5:
        spans[first], spans[second] = spans[second], spans[first]
    else:
        others = [donor[e.offset : e.offset + e.size] for e in layout(donor)[2:]]
        spans[first] = others[_pick(rng, len(others))]
    return b"".join(spans)


def lie_in_front(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Change header or section table, but for the magic."""
    end = HEADER_BYTES + int.from_bytes(data[20:24], "little")
    front = damaged_bytes(rng, data[len(MAGIC) : end])
    return data[: len(MAGIC)] + front + data[end:]


# Checksums right again.


def _front_resealed(data: bytes) -> bytes:
    """Make the checksum of header and section table right."""
    end = HEADER_BYTES + int.from_bytes(data[20:24], "little")
    checksum = zlib.crc32(data[HEADER_BYTES:end], zlib.crc32(data[:24]))
    return data[:24] + checksum.to_bytes(4, "little") + data[HEADER_BYTES:]


def lie_in_front_resealed(rng: Generator, data: bytes, donor: bytes) -> bytes:
    """Change header or section table, and make their checksum right."""
    return _front_resealed(lie_in_front(rng, data, donor))


def lie_about_sizes(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """State other counts or sizes."""
    at = int(rng.choice([12, 16, 20]))
    right = int.from_bytes(data[at : at + 4], "little")
    lies = (
        0,
        1,
        right - 1,
        right + 1,
        2 * right,
        4 * len(data),
        MAX_POINTS,
        MAX_POINTS + 1,
        2**32 - 1,
    )
    lie = max(lies[_pick(rng, len(lies))], 0)
    changed = data[:at] + lie.to_bytes(4, "little") + data[at + 4 :]
    if rng.random() < 0.5:  # a first section as long as anything can be: META, of fewer than 128 kB
        size = layout(data)[2].size
        place = HEADER_BYTES + 5
        other = pack_varint(int(rng.choice([0, size + 1, len(data), 2**28, 2**32 - 1])))
        changed = data[:place] + other + data[place + len(pack_varint(size)) :]
        table_bytes = int.from_bytes(data[20:24], "little") + len(other) - len(pack_varint(size))
        changed = changed[:20] + table_bytes.to_bytes(4, "little") + changed[24:]
    return _front_resealed(changed)


def move_cuts(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Move bytes from one section to its neighbour, with the lengths to match."""
    container = read_container(data, known=KNOWN)
    sections = list(container.sections)
    at = _pick(rng, len(sections) - 1)
    both = sections[at].data + sections[at + 1].data
    cut = max(min(len(sections[at].data) + int(rng.choice([-8, -4, -1, 1, 4, 8])), len(both)), 0)
    sections[at] = Section(sections[at].id, both[:cut])
    sections[at + 1] = Section(sections[at + 1].id, both[cut:])
    return written(replace(container, sections=tuple(sections)), data)


def exchange_sections(rng: Generator, data: bytes, donor: bytes) -> bytes:
    """Swap, drop, repeat or rename sections, take another file's, or state another profile."""
    container = read_container(data, known=KNOWN)
    sections, others = list(container.sections), read_container(donor, known=KNOWN).sections
    first, second = _pick(rng, len(sections)), _pick(rng, len(sections))
    kind = _pick(rng, 6)
    if kind == 0:
        sections[first], sections[second] = sections[second], sections[first]
    elif kind == 1:
        del sections[first]
    elif kind == 2:
        sections.insert(second, sections[first])
    elif kind == 3:
        sections[first] = others[_pick(rng, len(others))]
    elif kind == 4:
        same = [section for section in others if section.id == sections[first].id]
        sections[first] = same[0] if same else Section("ZZZZ", sections[first].data)
    else:
        return written(replace(container, profile=PROFILES[1 - PROFILES.index(container.profile)]), data)
    return written(replace(container, sections=tuple(sections)), data)


def change_payloads(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Change one section's bytes; mostly its length stays, for entropy-coded data is whole words."""
    container = read_container(data, known=KNOWN)
    at = _pick(rng, len(container.sections))
    section = container.sections[at]
    payload = damaged_bytes(rng, section.data)
    if rng.random() < 0.7:
        payload = payload[: len(section.data)].ljust(len(section.data), b"\0")
    return _with(container, at, payload, data)


def flip_payload_bits(rng: Generator, data: bytes, donor: bytes) -> bytes:
    """Flip bits of one section."""
    container = read_container(data, known=KNOWN)
    at = _pick(rng, len(container.sections))
    payload = container.sections[at].data
    return _with(container, at, flip_bits(rng, payload, donor) if payload else b"\0", data)


def _with(container: Container, at: int, payload: bytes, data: bytes) -> bytes:
    sections = list(container.sections)
    sections[at] = Section(sections[at].id, payload)
    return written(replace(container, sections=tuple(sections)), data)


def change_metadata(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Change, replace or drop values of META."""
    fields = metadata_of(data)
    key = sorted(fields)[_pick(rng, len(fields))]
    if rng.random() < 0.5:
        fields.update(damaged_value(rng, fields))
    elif rng.random() < 0.8:
        fields[key] = WRONG_VALUES[_pick(rng, len(WRONG_VALUES))]
    else:
        del fields[key]
    return with_section(data, "META", bytes(msgpack.packb(fields)))


def spoil_floats(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Put NaN, infinity, huge and tiny numbers wherever META holds floats."""
    fields = metadata_of(data)
    value = _FLOATS[_pick(rng, len(_FLOATS))]
    kind = _pick(rng, 3)
    if kind == 0:
        fields["origin"] = [value if rng.random() < 0.5 else x for x in fields["origin"]]
    elif kind == 1:
        fields["unit"] = float(value)
    else:
        key = ("offsets", "scales")[_pick(rng, 2)]
        floats = np.frombuffer(fields[key], "<f4").copy()
        with np.errstate(over="ignore"):
            floats[rng.random(len(floats)) < 0.5] = np.float32(value)
        fields[key] = floats.tobytes()
    return with_section(data, "META", bytes(msgpack.packb(fields)))


def bomb_metadata(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Put a msgpack bomb in META, or instead of it."""
    container = read_container(data, known=KNOWN)
    return _with(container, 0, msgpack_bomb(rng, container.sections[0].data), data)


def bomb_with_zstandard(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Put a zstandard bomb in the place of a section."""
    container = read_container(data, known=KNOWN)
    return _with(container, _pick(rng, len(container.sections)), zstandard_bomb(rng), data)


def overflow(rng: Generator, data: bytes, _donor: bytes) -> bytes:
    """Give networks, rendering networks or runs what comes nearest to overflows."""
    container = read_container(data, known=KNOWN)
    ids = [section.id for section in container.sections]
    kind = rng.random()
    if kind < 0.5:
        return with_section(data, "NETS", extreme_networks(rng, data))
    if kind < 0.7 and "MLPS" in ids:
        return with_section(data, "MLPS", extreme_rendering(rng, data))
    runs = [place for place, section_id in enumerate(ids) if section_id.startswith("RUN")]
    at = runs[_pick(rng, len(runs))]
    size = (len(container.sections[at].data) - 1) // 4 * 4
    words = (b"\xff" * size, bytes(size), rng.bytes(size))[_pick(rng, 3)]
    return _with(container, at, container.sections[at].data[:1] + words, data)


UNSEALED: dict[str, Callable[[Generator, bytes, bytes], bytes]] = {
    "bits flipped": flip_bits,
    "bytes changed": change_bytes,
    "sections moved": move_bytes,
    "header or table changed": lie_in_front,
}
SEALED: dict[str, Callable[[Generator, bytes, bytes], bytes]] = {
    "sealed: bits flipped": flip_payload_bits,
    "sealed: bytes changed": change_payloads,
    "sealed: sections exchanged": exchange_sections,
    "sealed: cuts moved": move_cuts,
    "sealed: header or table changed": lie_in_front_resealed,
    "sealed: lies about sizes": lie_about_sizes,
    "sealed: metadata changed": change_metadata,
    "sealed: NaN, infinity, huge": spoil_floats,
    "sealed: msgpack bombs": bomb_metadata,
    "sealed: zstandard bombs": bomb_with_zstandard,
    "sealed: overflows provoked": overflow,
}
ATTACKS = UNSEALED | SEALED
TRUNCATED = "truncated"
