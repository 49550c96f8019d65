"""Damage: ways to make a bad file out of a good one, at random or one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hemgs_codec.sections import KNOWN
from hemgs_format.container import Container, read_container, write_container
from hemgs_format.errors import HgsError
from hemgs_format.metadata import pack_metadata, unpack_metadata
from hemgs_format.sections import Section

WRONG_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 255, 2**31 - 1, 2**31, -(2**31), 2**62, 2**64 - 1, -(2**63),
    0.0, -1.5, 1e-300, 1e300, -1e308, "", "text", b"", b"bytes", bytes(1000), [], [0], [[]], {}, {"a": 1},
)  # fmt: skip


def metadata_of(data: bytes) -> dict[str, Any]:
    """Return META's map."""
    section = next(s for s in read_container(data, known=KNOWN).sections if s.id == "META")
    return dict(unpack_metadata(section.data))


def with_section(data: bytes, section_id: str, payload: bytes) -> bytes:
    """Replace the payload of the first section of an id; sizes and checksums are right again."""
    container = read_container(data, known=KNOWN)
    sections = list(container.sections)
    place = next(i for i, section in enumerate(sections) if section.id == section_id)
    sections[place] = Section(section_id, payload)
    return write_container(replace(container, sections=tuple(sections)))


def with_metadata(data: bytes, **changes: Any) -> bytes:
    """Change keys of META; checksums are right again, the hash in it isn't touched."""
    return with_section(data, "META", pack_metadata({**metadata_of(data), **changes}))


def metadata_mutations(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every key of META missing, and every value and list element replaced by every wrong one."""
    fields = metadata_of(data)
    for key, value in fields.items():
        without = {k: v for k, v in fields.items() if k != key}
        yield f"{key} missing", with_section(data, "META", pack_metadata(without))
        for wrong in WRONG_VALUES:
            yield f"{key} = {wrong!r:.20}", with_metadata(data, **{key: wrong})
            if isinstance(value, list):
                for i in range(len(value)):
                    changed = [*value[:i], wrong, *value[i + 1 :]]
                    yield f"{key}[{i}] = {wrong!r:.20}", with_metadata(data, **{key: changed})
        if isinstance(value, list):
            yield f"{key} doubled", with_metadata(data, **{key: value * 2})
        if isinstance(value, bytes):
            for wrong_bytes in (value[:-1], value + b"\0", bytes(len(value)), b"\xff" * len(value)):
                yield f"{key} = {wrong_bytes!r:.20}", with_metadata(data, **{key: wrong_bytes})


def damaged_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Flip, overwrite, insert, delete or repeat a few bytes, so that something changes."""
    changed = bytearray(data)
    least = int(rng.integers(1, 4))
    done = 0
    while done < least or changed == data:  # a zero may have been overwritten by a zero
        done += 1
        at = int(rng.integers(0, max(len(changed), 1)))
        span = int(rng.integers(1, 9))
        kind = int(rng.integers(0, 6))
        if not changed or kind == 0:
            changed[at:at] = rng.bytes(span)
        elif kind == 1:
            changed[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 2:
            changed[at : at + span] = rng.bytes(span)
        elif kind == 3:
            del changed[at : at + span]
        elif kind == 4:
            changed[at : at + span] = bytes([int(rng.choice([0, 1, 127, 128, 255]))]) * span
        else:
            changed[at:at] = changed[max(at - span, 0) : at]
    return bytes(changed)


def damaged_file(rng: np.random.Generator, data: bytes) -> bytes:
    """Damage what lies behind the checksums: a payload, META's values, counts, or the list of sections."""
    container = read_container(data, known=KNOWN)
    sections = list(container.sections)
    at = int(rng.integers(0, len(sections)))
    kind = rng.random()
    if kind < 0.7:
        section = sections[at]
        payload = damaged_bytes(rng, section.data)
        if (
            rng.random() < 0.6
        ):  # most entropy-coded data is whole words: keep it so, or nothing else is tested
            payload = payload[: len(section.data)].ljust(len(section.data), b"\0")
        sections[at] = Section(section.id, payload)
    elif kind < 0.85:
        return with_metadata(data, **damaged_value(rng, metadata_of(data)))
    elif kind < 0.9:
        del sections[at]
    elif kind < 0.95:
        sections.insert(int(rng.integers(0, len(sections) + 1)), sections[at])
    else:
        count = int(rng.choice([0, 1, container.num_points - 1, container.num_points + 1, 2**12, 2**26]))
        container = replace(container, num_points=count)
    return written(replace(container, sections=tuple(sections)), data)


def damaged_value(rng: np.random.Generator, fields: dict[str, Any]) -> dict[str, Any]:
    """Return one key of META with a changed value."""
    key = str(rng.choice(sorted(fields)))
    value = fields[key]
    if isinstance(value, bytes):
        return {key: damaged_bytes(rng, value)}
    if isinstance(value, list) and value:
        changed = list(value)
        changed[int(rng.integers(0, len(changed)))] = WRONG_VALUES[int(rng.integers(0, len(WRONG_VALUES)))]
        return {key: changed}
    if isinstance(value, int):
        return {key: value + int(rng.integers(-3, 4))}
    if isinstance(value, float):
        return {key: value * float(rng.choice([0.5, 1 + 1e-7, -1, 1e200]))}
    return {key: WRONG_VALUES[int(rng.integers(0, len(WRONG_VALUES)))]}


def written(container: Container, otherwise: bytes) -> bytes:
    """Return a container's bytes; where the writer itself refuses it, other bytes that are no file."""
    try:
        return write_container(container)
    except HgsError:  # a mutation that the writer itself refuses
        return otherwise[:-1]
