"""Decode `.hgs` files: a second decoder, written from SPEC.md alone.

It follows SPEC.md section by section, and each part names its section. It prefers plain to fast: small files
take seconds, those of real scenes hours. It needs numpy and msgpack, but nothing of the package.

    python format/reference/hgs_decode.py FILE.hgs [-o OUT.ply] [--prior FILE.hgp ...] [--json]

As a module: `decode(data, priors)` takes the bytes of a file and those of prior files, and returns `Decoded`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import struct
import sys
import zlib
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

# ----------------------------------------------------------------------------------------------------------
# SPEC "Conventions"
# ----------------------------------------------------------------------------------------------------------


class HgsError(ValueError):
    """A file was refused.

    Parameters
    ----------
    name
        The name that SPEC gives to such errors, as `CorruptError`.
    message
        What was wrong.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


def corrupt(message: str) -> HgsError:
    """Return the error of a file that breaks a rule."""
    return HgsError("CorruptError", message)


def truncated(message: str) -> HgsError:
    """Return the error of a file that ends too early."""
    return HgsError("TruncatedError", message)


def beyond(message: str) -> HgsError:
    """Return the error of a quantity beyond its limit."""
    return HgsError("LimitError", message)


def unsupported(message: str) -> HgsError:
    """Return the error of a file that needs another reader, or a prior that isn't here."""
    return HgsError("UnsupportedVersionError", message)


def clamp(value: int, low: int, high: int) -> int:
    """Return the value, moved into low .. high."""
    return min(max(value, low), high)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the varint at a place, and the place behind it."""
    value = 0
    for count in range(5):
        if at + count >= len(data):
            raise truncated("the data end inside a varint")
        byte = data[at + count]
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            if byte == 0 and count > 0:
                raise corrupt("a varint isn't spelt in its fewest bytes")
            if value >= 2**32:
                raise corrupt("a varint is 2^32 or more")
            return value, at + count + 1
    raise corrupt("a varint goes on after five bytes")


def checked(table: Sequence[int] | Ints, digest: str, dtype: str = "<i8") -> list[int]:
    """Return a table as a list, once its SHA-256 is the one that SPEC states."""
    found = hashlib.sha256(np.asarray(table, dtype=dtype).tobytes()).hexdigest()
    if found != digest:
        raise AssertionError(f"a table of {len(table)} entries was computed wrongly")
    return [int(entry) for entry in table]


def integer_root(value: int, power: int) -> int:
    """Return the largest integer whose power (2, 4, 8 or 16) is at most the value."""
    while power > 1:
        value = math.isqrt(value)
        power //= 2
    return value


# ----------------------------------------------------------------------------------------------------------
# SPEC "Container"
# ----------------------------------------------------------------------------------------------------------

MAGIC = b"\x89HGS\r\n\x1a\n"
HEADER = struct.Struct("<8sBBBBIIII")
GAUSSIAN, ANCHOR = 0, 1


@dataclass(frozen=True)
class Container:
    """The header, and the sections as (id, data) in the order of the file."""

    profile: int
    num_points: int
    num_input: int
    table_bytes: int
    sections: list[tuple[str, bytes]]

    def only(self, section_id: str) -> bytes:
        """Return the data of a section that's there once."""
        return next(data for found, data in self.sections if found == section_id)


def read_container(data: bytes) -> Container:
    """Check header, section table and checksums, and cut the file into its sections."""
    # "Header": in the order of the document.
    if not data.startswith(MAGIC[: len(data)]):
        raise HgsError("NotHgsError", "the file doesn't begin as .hgs files do")
    if len(data) < HEADER.size:
        raise truncated(f"the file has {len(data)} bytes, its header has {HEADER.size}")
    _, major, minor, profile, flags, num_points, num_input, table_bytes, checksum = HEADER.unpack_from(data)
    if (major, minor) != (0, 1):
        raise unsupported(f"the file has format {major}.{minor}: a package {major}.{minor} reads it")
    if HEADER.size + table_bytes > len(data):
        raise truncated("the section table goes beyond the file")
    table = data[HEADER.size : HEADER.size + table_bytes]
    if zlib.crc32(data[:24] + table) != checksum:
        raise corrupt("the checksum of header and section table is wrong")
    if profile not in (GAUSSIAN, ANCHOR):
        raise corrupt(f"there is no profile {profile}")
    if flags != 0:
        raise corrupt("reserved flags are set")
    if max(num_points, num_input) > 2**26:
        raise beyond(f"{max(num_points, num_input)} points are more than 2^26")
    if num_points > 4 * len(data):
        raise beyond(f"{num_points} points are more than 4 a byte of a file of {len(data)}")
    return Container(
        profile, num_points, num_input, table_bytes, _cut(data, table, HEADER.size + table_bytes)
    )


def _cut(data: bytes, table: bytes, start: int) -> list[tuple[str, bytes]]:
    """Read the section table, and cut the file as it says."""
    entries: list[tuple[str, int, int]] = []
    at, last_id = 0, ""
    while at < len(table):
        raw_id = table[at : at + 4]
        if len(raw_id) < 4:
            raise truncated("the section table ends inside an id")
        if not re.fullmatch(rb"[A-Za-z][A-Za-z0-9]{3}", raw_id):
            raise corrupt(f"{raw_id!r} isn't the id of a section")
        section_id = raw_id.decode("ascii")
        if section_id == last_id:
            raise corrupt(f"two neighbouring entries have the id {section_id}")
        last_id = section_id
        count, at = read_varint(table, at + 4)
        if not 1 <= count <= 65535:
            raise corrupt(f"an entry counts {count} sections of id {section_id}")
        for _ in range(count):
            length, at = read_varint(table, at)
            if at + 4 > len(table):
                raise truncated("the section table ends inside an entry")
            entries.append((section_id, length, int.from_bytes(table[at : at + 4], "little")))
            at += 4
        if len(entries) > 65535:
            raise beyond("the file has more than 65535 sections")
    end = start + sum(length for _, length, _ in entries)
    if end > len(data):
        raise truncated(f"the sections end at {end}, the file at {len(data)}")
    if end < len(data):
        raise corrupt(f"there are {len(data) - end} bytes after the last section")
    sections = []
    for section_id, length, checksum in entries:
        section = data[start : start + length]
        if zlib.crc32(section) != checksum:
            raise corrupt(f"the checksum of a section {section_id} is wrong")
        sections.append((section_id, section))
        start += length
    return sections


# ----------------------------------------------------------------------------------------------------------
# SPEC "Metadata"
# ----------------------------------------------------------------------------------------------------------


class _Unpacker:
    """Read msgpack under SPEC's rules. Every item takes a byte at least, so counts can't make it allocate."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise corrupt("the metadata end inside a value")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, code: str) -> Any:
        return struct.unpack(">" + code, self.take(struct.calcsize(code)))[0]

    def value(self, level: int) -> Any:
        """Read one value, of which maps and lists are on the given level."""
        tag = self.number("B")
        if tag < 0x80:
            return tag
        if tag < 0x90:
            return self.map(tag & 15, level)
        if tag < 0xA0:
            return self.list(tag & 15, level)
        if tag < 0xC0:
            return self.text(tag & 31)
        if tag >= 0xE0:
            return tag - 256
        if tag in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[tag]
        if 0xC4 <= tag <= 0xC6:
            return self.take(self.number("BHI"[tag - 0xC4]))
        if tag in (0xCA, 0xCB):
            real = self.number("f" if tag == 0xCA else "d")
            if not math.isfinite(real):
                raise corrupt("a float of the metadata isn't finite")
            return real
        if 0xCC <= tag <= 0xD3:
            return self.number("BHIQbhiq"[tag - 0xCC])
        if 0xD9 <= tag <= 0xDB:
            return self.text(self.number("BHI"[tag - 0xD9]))
        if tag in (0xDC, 0xDD):
            return self.list(self.number("HI"[tag - 0xDC]), level)
        if tag in (0xDE, 0xDF):
            return self.map(self.number("HI"[tag - 0xDE]), level)
        raise corrupt(f"the metadata have a value of tag 0x{tag:02X}")

    def text(self, count: int) -> str:
        try:
            return self.take(count).decode("utf-8")
        except UnicodeDecodeError:
            raise corrupt("a text of the metadata isn't UTF-8") from None

    def list(self, count: int, level: int) -> list[Any]:
        if level > 8:
            raise corrupt("the metadata have more than 8 levels")
        return [self.value(level + 1) for _ in range(count)]

    def map(self, count: int, level: int) -> dict[str, Any]:
        if level > 8:
            raise corrupt("the metadata have more than 8 levels")
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self.value(level + 1)
            if not isinstance(key, str):
                raise corrupt("a key of the metadata isn't text")
            if key in found:
                raise corrupt(f"the metadata have the key {key!r} twice")
            found[key] = self.value(level + 1)
        return found


def read_metadata(data: bytes) -> dict[str, Any]:
    """Return the one map that a section of metadata holds."""
    if len(data) > 2**18:
        raise beyond(f"{len(data)} bytes of metadata are more than 2^18")
    unpacker = _Unpacker(data)
    found = unpacker.value(1)
    if not isinstance(found, dict):
        raise corrupt("the metadata aren't a map")
    if unpacker.at != len(data):
        raise corrupt("the metadata go on after their map")
    return found


def canonical(value: Any) -> bytes:
    """Spell metadata canonically (SPEC "META", sha256): sorted keys, shortest forms, floats of 64 bits."""

    def in_order(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: in_order(item[key]) for key in sorted(item)}
        if isinstance(item, list):
            return [in_order(entry) for entry in item]
        return item

    packed: bytes = msgpack.packb(in_order(value))
    return packed


# ----------------------------------------------------------------------------------------------------------
# SPEC "Sections"
# ----------------------------------------------------------------------------------------------------------


def check_sections(container: Container) -> None:
    """Refuse unknown critical sections, and any order but SPEC's."""
    known = {"META", "LOCS", "NETS", "HASH", "MLPS", *(f"RUN{layer}" for layer in range(4))}
    ids = []
    for section_id, _ in container.sections:
        if section_id in known:
            ids.append(section_id)
        elif section_id[0].isupper():
            raise unsupported(f"the critical section {section_id} is unknown")
    first = ["META", *["MLPS"] * (container.profile == ANCHOR), "LOCS", "NETS", "HASH"]
    runs = ids[len(first) :]
    if ids[: len(first)] != first or runs != sorted(runs) or not all(name.startswith("RUN") for name in runs):
        raise corrupt(f"sections are missing, twice or out of order: {' '.join(ids[:8])} …")
    if container.num_points < 1:
        raise corrupt("the file has no points")


# ----------------------------------------------------------------------------------------------------------
# SPEC "META", with the groups of "Gaussian profile" and "Anchor profile"
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slice:
    """Consecutive channels of a group, start .. stop − 1, with the step channel of each of them."""

    start: int
    stop: int
    steps: list[int]
    offset: float
    scale: float

    @property
    def constant(self) -> bool:
        """Whether nothing of it is coded."""
        return self.scale == 0

    @property
    def own_steps(self) -> list[int]:
        """The step channels of its channels, ascending, each once."""
        return sorted(set(self.steps))


@dataclass(frozen=True)
class Group:
    """Channels that are coded together. Only `positions` has none."""

    number: int
    name: str
    num_steps: int
    slices: list[Slice]
    octaves: list[int]
    tilts: list[list[int]]
    centroids: bytes
    gated: bool = False

    @property
    def channels(self) -> int:
        """V of SPEC."""
        return self.slices[-1].stop if self.slices else 0

    @property
    def positions(self) -> bool:
        """Whether it codes parts of lattice cells."""
        return self.name == "positions"

    @property
    def flags(self) -> bool:
        """Whether its symbols are 0 or 1."""
        return self.name == "masks"

    @property
    def constant(self) -> bool:
        """Whether it has no matrices. `positions` always has some."""
        return not self.positions and all(part.constant for part in self.slices)


class GroupShape(NamedTuple):
    """What a profile says of a group: the step channels of each slice's channels."""

    name: str
    slices: list[list[int]]

    @property
    def num_steps(self) -> int:
        """S of SPEC: the largest step channel plus one, and one for `positions`."""
        return max((step for part in self.slices for step in part), default=0) + 1


def gaussian_shapes(degree: int) -> list[GroupShape]:
    """Return the groups of SPEC "Gaussian profile"."""
    shapes = [
        GroupShape("importance", [[0]]),
        GroupShape("opacity", [[0]]),
        GroupShape("scales", [[0], [0], [1]]),
        GroupShape("positions", []),
        GroupShape("rotation", [[0], [1], [2]]),
        GroupShape("sh0", [[0], [1], [1]]),
    ]
    shapes += [
        GroupShape(f"sh{band}", [[0] * (2 * band + 1), [1] * (4 * band + 2)]) for band in range(1, degree + 1)
    ]
    return shapes


def anchor_shapes(features: int, slots: int) -> list[GroupShape]:
    """Return the groups of SPEC "Anchor profile"."""

    def cut(steps: list[int], ends: list[int]) -> list[list[int]]:
        starts = [0, *ends[:-1]]
        return [steps[start:end] for start, end in zip(starts, ends, strict=True) if end > start]

    parts = cut(list(range(features)), [features // 10, 3 * features // 10, 6 * features // 10, features])
    of_offsets = [6 + slot for slot in range(slots) for _ in range(3)]
    return [
        GroupShape("importance", [[0]]),
        GroupShape("masks", cut([0] * slots, [(slots + 1) // 2, slots])),
        GroupShape("features", [[number] * len(part) for number, part in enumerate(parts)]),
        GroupShape(
            "scaling+offsets",
            [[0, 1, 2], [3, 4, 5], *cut(of_offsets, [3 * (slots // 4), 3 * (slots // 2), 3 * slots])],
        ),
    ]


@dataclass(frozen=True)
class Meta:
    """What the section `META` says, checked."""

    map: dict[str, Any]
    profile: int
    groups: list[Group]
    origin: list[float]
    unit: float
    prior: tuple[bytes, str] | None
    hidden: int
    slice_hidden: int
    heads: int
    hash_features: int
    contextual: bool  # net flags bit 0
    sees_earlier: bool  # net flags bit 1
    adapts: bool  # net flags bit 2
    grid: list[tuple[int, int, int]] = field(default_factory=list)

    def __getitem__(self, key: str) -> int:
        number: int = self.map[key]
        return number


def is_integer(value: Any, low: int, high: int) -> bool:
    """Tell whether a value of metadata is an integer in low .. high. Booleans aren't integers."""
    return type(value) is int and low <= value <= high


def get(found: dict[str, Any], key: str, kind: type) -> Any:
    """Return the value of a key that must be there, and of one type."""
    if key not in found:
        raise corrupt(f"the metadata lack {key!r}")
    if type(found[key]) is not kind:
        raise corrupt(f"{key!r} of the metadata isn't {kind.__name__}")
    return found[key]


INTEGERS = {
    "lambda": (-5953, -1527),
    "step": (0, 160),
    "bits": (1, 21),
    "order": (0, 2),
    "context": (0, 80),
    "window": (1, 255),
    "voxel": (0, 25),
}
INTEGERS_OF_PROFILE = (
    {"sh": (0, 3), "fine": (-161, 161)},
    {"features": (1, 256), "slots": (1, 64), "render": (0, 15)},
)


def read_meta(data: bytes, profile: int) -> Meta:
    """Check the metadata of a scene."""
    found = read_metadata(data)
    for key, (low, high) in (INTEGERS | INTEGERS_OF_PROFILE[profile]).items():
        if not is_integer(get(found, key, int), low, high):
            raise corrupt(f"{key!r} of the metadata isn't in {low} .. {high}")

    origin = get(found, "origin", list)
    if len(origin) != 3 or any(type(number) not in (int, float) for number in origin):
        raise corrupt("'origin' isn't a list of 3 numbers")
    unit: Any = found.get("unit")
    if type(unit) not in (int, float) or not unit > 0:
        raise corrupt("'unit' is missing, or isn't a number above 0")
    box = get(found, "box", list)
    if len(box) != 4 or not all(is_integer(number, -(2**30), 2**30) for number in box) or box[3] < 1:
        raise corrupt("'box' isn't a list of 4 integers in their ranges")
    net = get(found, "net", list)
    most = (256, 256, 16, 16)
    if (
        len(net) != 5
        or not all(is_integer(net[k], 1, most[k]) for k in range(4))
        or not is_integer(net[4], 0, 7)
    ):
        raise corrupt("'net' isn't a list of 5 integers in their ranges")
    if net[4] & 1 and found["context"] == 0:
        raise corrupt("there is a network for contexts, but no contexts")
    if len(get(found, "sha256", bytes)) != 32:
        raise corrupt("'sha256' hasn't 32 bytes")

    grid = get(found, "grid", list)
    if len(grid) > 32:
        raise corrupt("'grid' has more than 32 levels")
    for level in grid:
        if (
            type(level) is not list
            or len(level) != 3
            or not (
                is_integer(level[0], 1, 7) and is_integer(level[1], 0, 12) and is_integer(level[2], 1, 2**20)
            )
            or level[0].bit_count() < 2
        ):
            raise corrupt("a level of 'grid' isn't [axes, log2 of resolution, entries] in their ranges")

    prior = None
    if "prior" in found:
        prior = get(found, "prior", list)
        if len(prior) != 2 or type(prior[0]) is not bytes or len(prior[0]) != 8 or type(prior[1]) is not str:
            raise corrupt("'prior' isn't a list of 8 bytes and text")
        if net[4] & 3 != 3:
            raise corrupt("a file with a prior lacks net flag bits 0 or 1")

    return Meta(
        map=found,
        profile=profile,
        groups=_read_groups(found, profile, prior is not None),
        origin=[float(number) for number in origin],
        unit=float(unit),
        prior=tuple(prior) if prior else None,
        hidden=net[0],
        slice_hidden=net[1],
        heads=net[2],
        hash_features=net[3],
        contextual=bool(net[4] & 1),
        sees_earlier=bool(net[4] & 2),
        adapts=bool(net[4] & 4),
        grid=[tuple(level) for level in grid],
    )


def _read_groups(found: dict[str, Any], profile: int, with_prior: bool) -> list[Group]:
    """Read `offsets`, `scales`, `octaves`, `tilts` and `centroids`, and share them out among the groups."""
    if profile == GAUSSIAN:
        shapes = gaussian_shapes(found["sh"])
    else:
        shapes = anchor_shapes(found["features"], found["slots"])
    num_slices = sum(len(shape.slices) for shape in shapes)
    num_steps = sum(shape.num_steps for shape in shapes)
    reals: dict[str, list[float]] = {}
    for key in ("offsets", "scales"):
        raw = get(found, key, bytes)
        if len(raw) != 4 * num_slices:
            raise corrupt(f"{key!r} has {len(raw)} bytes for {num_slices} slices")
        reals[key] = np.frombuffer(raw, "<f4").astype(np.float64).tolist()
        if not all(math.isfinite(real) for real in reals[key]):
            raise corrupt(f"a value of {key!r} isn't finite")
    if min(reals["scales"]) < 0:
        raise corrupt("a scale is negative")
    octaves = [0] * num_steps
    if with_prior:
        raw = get(found, "octaves", bytes)
        if len(raw) != num_steps:
            raise corrupt(f"'octaves' has {len(raw)} bytes for {num_steps} step channels")
        octaves = np.frombuffer(raw, np.int8).tolist()
    tilts: list[list[int]] = []
    if with_prior and "tilts" in found:
        raw = get(found, "tilts", bytes)
        if len(raw) != 10 * num_steps:
            raise corrupt(f"'tilts' has {len(raw)} bytes for {num_steps} step channels")
        tilts = np.frombuffer(raw, np.int8).reshape(num_steps, 10).tolist()
    centroids = get(found, "centroids", list) or [b""] * len(shapes)
    if len(centroids) != len(shapes):
        raise corrupt(f"'centroids' has {len(centroids)} tables for {len(shapes)} groups")
    if not all(type(table) is bytes and len(table) in (0, 64) for table in centroids):
        raise corrupt("a table of 'centroids' hasn't 0 or 64 bytes")

    groups = []
    at = step_at = 0
    for number, shape in enumerate(shapes):
        slices, start = [], 0
        for steps in shape.slices:
            slices.append(Slice(start, start + len(steps), steps, reals["offsets"][at], reals["scales"][at]))
            start += len(steps)
            at += 1
        group = Group(
            number,
            shape.name,
            shape.num_steps,
            slices,
            octaves[step_at : step_at + shape.num_steps],
            tilts[step_at : step_at + shape.num_steps],
            centroids[number],
            gated=shape.name == "scaling+offsets",
        )
        step_at += shape.num_steps
        if group.flags:
            if any((part.offset, part.scale) not in ((0, 1), (0, 0), (1, 0)) for part in slices):
                raise corrupt("offset and scale of a slice of flags aren't 0 and 1, or 0 or 1 and 0")
            if group.centroids:
                raise corrupt("a group of flags has centroids")
        groups.append(group)
    return groups


# ----------------------------------------------------------------------------------------------------------
# SPEC "Lattice"
# ----------------------------------------------------------------------------------------------------------


@cache
def lattice_table() -> list[int]:
    """LATTICE[j], j = 0 .. 160."""
    table = [integer_root(2 ** (j + 32), 8) for j in range(161)]
    return checked(table, "33577a39ef9e0e20b943858a0a859763db36093671162ead266fbf838790fb37")


def base_coordinates(meta: Meta, lattice: Ints) -> Ints:
    """Return lattice coordinates (N, 3) in base units."""
    base = lattice * lattice_table()[meta["step"]]
    if base.max() >= 2**26:
        raise corrupt("a point lies beyond 2^26 base units")
    return base


def world_positions(meta: Meta, lattice: Ints, halvings: Ints, parts: Ints) -> Floats:
    """Return the middles of parts of cells in the world, (N, 3) f32."""
    k = (np.int64(1) << halvings)[:, None]
    in_cells = (2 * k * lattice + 2 * parts + 1 - k).astype(np.float64) / (2 * k).astype(np.float64)
    step = np.float64(lattice_table()[meta["step"]]) * np.float64(meta.unit)
    return to_f32(in_cells * step + np.array(meta.origin, dtype=np.float64))


def to_f32(reals: npt.NDArray[np.float64]) -> Floats:
    """Round reconstructed values to f32, once. What f32 can't hold is an error."""
    return checked_values(reals.astype(np.float32))


def checked_values(values: Floats) -> Floats:
    """Return reconstructed values, if they are finite."""
    if not np.isfinite(values).all():
        raise corrupt("a reconstructed value is beyond f32")
    return values


# ----------------------------------------------------------------------------------------------------------
# SPEC "NETS"
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatrixShape:
    """Name and size of a matrix, and whether it has biases."""

    name: str
    rows: int
    columns: int
    biased: bool = True


@dataclass(frozen=True)
class Matrix:
    """Weights (rows, columns) in 2^−shift, and biases in 1/256."""

    weights: Ints
    biases: Ints
    shift: int

    def check(self, name: str) -> None:
        """Refuse sums that don't fit (SPEC "Arithmetic")."""
        largest = 16383 * int(np.abs(self.weights).sum(axis=0).max())
        largest += int(np.abs(self.biases).max()) << (self.shift + 2)
        if 64 * largest >= 2**53:
            raise corrupt(f"sums of the matrix {name} may reach 2^53")


def read_values(coder: RangeDecoder, count: int, largest: int) -> Ints:
    """Read a list of values of `NETS` or `MLPS`."""
    sigma = coder.uniform(7)
    values = coder.gaussian(np.zeros(count, np.int64), np.full(count, sigma))
    if np.abs(values).max() > largest:
        raise corrupt(f"a weight or bias is beyond {largest}")
    return values


def check_size(shapes: Sequence[MatrixShape]) -> None:
    """Refuse models of more than 2^19 weights and biases."""
    size = sum((shape.rows + 1) * shape.columns for shape in shapes)
    if size > 2**19:
        raise beyond(f"{size} weights and biases are more than 2^19")


def read_matrices(data: bytes, shapes: Sequence[MatrixShape], section_id: str) -> dict[str, Matrix]:
    """Read a section `NETS` without a prior, or `PNTS`."""
    coder = RangeDecoder(data, section_id)
    matrices = {}
    for shape in shapes:
        shift = coder.uniform(5)
        if shift > 20:
            raise corrupt(f"the matrix {shape.name} has the shift {shift}")
        weights = read_values(coder, shape.rows * shape.columns, 32767)
        biases = (
            read_values(coder, shape.columns, 32767) if shape.biased else np.zeros(shape.columns, np.int64)
        )
        matrices[shape.name] = Matrix(weights.reshape(shape.rows, shape.columns), biases, shift)
        matrices[shape.name].check(shape.name)
    coder.finish()
    return matrices


KINDS = ("prior", "step", "key", "query", "edge", "score", "hidden", "out", "skip")


def read_differences(
    data: bytes, shapes: Sequence[MatrixShape], prior: dict[str, Matrix]
) -> dict[str, Matrix]:
    """Read a section `NETS` with a prior (SPEC "Differences")."""
    coder = BitCoder(data, "NETS")
    lists = DifferenceDecoder(coder)
    matrices = {}
    for shape in shapes:
        base = prior[shape.name]
        of_hash = np.zeros((shape.rows - len(base.weights), shape.columns), np.int64)
        weights, biases = np.vstack([of_hash, base.weights]), base.biases
        if data:
            kind = 2 * KINDS.index(shape.name.rpartition(".")[2])
            weights = weights + lists.read(kind, weights)
            if shape.biased:
                biases = biases + lists.read(kind + 1, biases[None])[0]
        matrices[shape.name] = Matrix(weights, biases, base.shift)
    coder.finish()
    for name, matrix in matrices.items():
        if max(np.abs(matrix.weights).max(), np.abs(matrix.biases).max()) > 32767:
            raise corrupt(f"a weight or bias of {name} is beyond 32767")
        matrix.check(name)
    return matrices


class DifferenceDecoder:
    """Lists of differences, one after the other."""

    def __init__(self, coder: BitCoder) -> None:
        self.coder = coder
        self.mixer = Mixer(coder)
        self.number = -1

    def read(self, kind: int, base: Ints) -> Ints:
        """Read the next list (rows, columns), of differences from a prior's weights or biases."""
        self.number += 1
        mixed, own = self.mixer.mixed, self.number
        differences = np.zeros(base.shape, np.int64)
        if mixed([(("any", kind), 1)], 0) == 0:
            return differences
        node = 1
        for _ in range(4):
            node = 2 * node + mixed([(("shift", kind, node), 1)], 1)
        shift = node - 16
        for (r, c), p in np.ndenumerate(base):
            size = min(half_octaves((4 * abs(int(p))) >> shift), 15)
            places = (("list", own), ("row", own, r), ("column", own, c), ("place", kind, size))
            if mixed([(place, 1) for place in places], 7 + kind) == 0:
                continue
            side = 0 if p == 0 else 1 if p > 0 else 2
            signs = (("sign", kind, side), ("row's sign", own, r), ("column's sign", own, c))
            negative = mixed([(sign, 1) for sign in signs], 2)
            n = self._length(kind, size) << shift
            differences[r, c] = -n if negative else n
        return differences

    def _length(self, kind: int, size: int) -> int:
        n = 1
        while n <= 15:
            names = (("more of list", self.number, n), ("more of kind", kind, n), ("more of size", size, n))
            if self.mixer.mixed([(name, 1) for name in names], min(n, 4) + 2) == 0:
                return n
            n += 1
        rest = 0
        for _ in range(16):
            rest = 2 * rest + self.coder.bit(2**23)
        return 16 + rest


# ----------------------------------------------------------------------------------------------------------
# SPEC "HASH"
# ----------------------------------------------------------------------------------------------------------


def check_grid_size(meta: Meta, data: bytes) -> None:
    """Refuse hash grids beyond SPEC's limits."""
    values = sum(entries for _, _, entries in meta.grid) * meta.hash_features
    if values > min(2**24, 2048 * (len(data) + 8)):
        raise beyond(f"{values} values of the hash grid are too many for {len(data)} bytes")


def read_grid(meta: Meta, data: bytes) -> list[Ints]:
    """Return the values of each level of the hash grid, (entries, F), each +1 or −1."""
    coder = RangeDecoder(data, "HASH")
    levels = []
    for _, _, entries in meta.grid:
        share = coder.uniform(8)
        if share == 0:
            raise corrupt("a level of the hash grid has the share 0")
        bits = [coder.binary(share << 16) for _ in range(entries * meta.hash_features)]
        levels.append(2 * np.array(bits, np.int64).reshape(entries, meta.hash_features) - 1)
    coder.finish()
    return levels


# ----------------------------------------------------------------------------------------------------------
# SPEC "MLPS", with the layers of "Anchor profile"
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer of a rendering network: its integers and their two shifts."""

    name: str
    weights: Ints
    weights_shift: int
    biases: Ints
    biases_shift: int


def layer_shapes(features: int, slots: int, render: int) -> list[tuple[str, int, int]]:
    """Return (name, inputs, outputs) of each layer."""
    shapes = []
    for bit, (name, outputs) in enumerate((("opacity", 1), ("covariance", 7), ("colour", 3))):
        shapes.append((f"{name}.hidden", features + 3 + (render >> bit & 1), features))
        shapes.append((f"{name}.out", features, outputs * slots))
    if render & 8:
        shapes += [("bank.hidden", 4, features), ("bank.out", features, 3)]
    return shapes


def read_layers(meta: Meta, data: bytes) -> list[Layer]:
    """Read the rendering networks."""
    coder = RangeDecoder(data, "MLPS")
    layers = []
    for name, inputs, outputs in layer_shapes(meta["features"], meta["slots"], meta["render"]):
        weights_shift = coder.uniform(5)
        weights = read_values(coder, inputs * outputs, 16777215).reshape(inputs, outputs)
        biases_shift = coder.uniform(5)
        layers.append(
            Layer(name, weights, weights_shift, read_values(coder, outputs, 16777215), biases_shift)
        )
    coder.finish()
    return layers


# ----------------------------------------------------------------------------------------------------------
# SPEC "Runs"
# ----------------------------------------------------------------------------------------------------------


def group_layers(meta: Meta) -> list[list[Group]]:
    """Return the groups of each layer: of Gaussians those of bands 1, 2, 3 have a layer each."""
    first = 6 if meta.profile == GAUSSIAN else len(meta.groups)
    return [meta.groups[:first], *([group] for group in meta.groups[first:])]


class Runs:
    """The runs of a layer, batch after batch.

    Parameters
    ----------
    sections
        The data of the layer's runs, in the order of the file.
    name
        Their id.
    """

    def __init__(self, sections: list[bytes], name: str) -> None:
        self.sections = iter(sections)
        self.name = name
        self.left = 0
        self.coder: RangeDecoder | None = None

    def next_batch(self) -> RangeDecoder:
        """Return the range coder that the next batch is read from."""
        if self.left == 0:
            self._finish_run()
            data = next(self.sections, None)
            if data is None:
                raise corrupt(f"a run {self.name} is missing")
            self.left, at = read_varint(data, 0)
            if self.left == 0:
                raise corrupt(f"a run {self.name} has no batches")
            self.coder = RangeDecoder(data[at:], self.name)
        self.left -= 1
        assert self.coder is not None
        return self.coder

    def finish(self) -> None:
        """Refuse what is left after the last batch."""
        if self.left > 0:
            raise corrupt(f"a run {self.name} goes on after the last batch")
        self._finish_run()
        if next(self.sections, None) is not None:
            raise corrupt(f"a run {self.name} isn't used")

    def _finish_run(self) -> None:
        if self.coder is not None:
            self.coder.finish()


# ----------------------------------------------------------------------------------------------------------
# SPEC "Entropy decoding"
# ----------------------------------------------------------------------------------------------------------


@cache
def normal_table() -> list[int]:
    """T[k] = round(2^32 (Φ(k / 256) − 1/2)), k = 0 .. 1664."""
    table = []
    with localcontext(prec=30):
        # Φ(x) − 1/2 = exp(−x² / 2) / √(2 π) · (x + x³ / 3 + x⁵ / (3 · 5) + …), all terms above 0.
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582")
        for k in range(1665):
            x = Decimal(k) / 256
            term = total = x
            odd = 1
            while term > Decimal("1e-25"):
                odd += 2
                term = term * x * x / odd
                total += term
            table.append(round((-x * x / 2).exp() / (2 * pi).sqrt() * total * 2**32))
    return checked(table, "a9168ed1ef3e7c9b40457dee8a88109708121b930fc559fe75dbefe44711093a", "<u4")


@cache
def inverse_sigma() -> list[int]:
    """V[j] = round(2^(32 − j/8)), j = 0 .. 7."""
    return [(integer_root(2 ** (8 * 33 - j), 8) + 1) // 2 for j in range(8)]


def normal_share(a: int, i: int) -> int:
    """G(a, i): 2^32 (Φ(x / σ) − 1/2), x = a / 16."""
    table = normal_table()
    z = (abs(a) * inverse_sigma()[i % 8]) >> (i // 8)
    k, t = z >> 24, z & (2**24 - 1)
    if k >= 1664:
        g = 2**31
    else:
        g = table[k] + (((table[k + 1] - table[k]) * t + 2**23) >> 24)
    return -g if a < 0 else g


def half_width(i: int) -> int:
    """H of the tables of σ index i = 0 .. 55."""
    return 8 if i <= 38 else 16 if i <= 47 else 32


def gaussian_row(i: int, f: int) -> list[int]:
    """row(i, f): the weights of σ index i and mean f sixteenths."""
    half = half_width(i)
    w = [
        max(16, (normal_share(16 * r + 8 - f, i) - normal_share(16 * r - 8 - f, i) + 128) >> 8)
        for r in range(-half, half + 1)
    ]
    tails = 2**32 - (normal_share(16 * half + 8 - f, i) - normal_share(-16 * half - 8 - f, i))
    w.append(max(1024, (tails + 128) >> 8))
    w[w.index(max(w))] += 2**24 - sum(w)
    return w


@cache
def gaussian_left(i: int, f: int) -> list[int]:
    """left[0 .. K] of row(i, f)."""
    left = [0]
    for weight in gaussian_row(i, f):
        left.append(left[-1] + weight)
    return left


class RangeDecoder:
    """SPEC "Range coder": one stream of u32 words.

    Parameters
    ----------
    data
        The bytes of the stream.
    name
        The section that it's from, for messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if len(data) % 4:
            raise truncated(f"the stream of {name} has {len(data)} bytes, not whole words")
        self.name = name
        self.words: list[int] = np.frombuffer(data, "<u4").tolist()
        self.words_read = 0
        self.used = False
        self.range = 2**64 - 1
        self.offset = self._word() << 32 | self._word()

    def _word(self) -> int:
        self.words_read += 1
        return self.words[self.words_read - 1] if self.words_read <= len(self.words) else 0

    def _find(self) -> tuple[int, int]:
        """Return scale and q."""
        self.used = True
        scale = self.range >> 24
        q = self.offset // scale
        if q >= 2**24:
            raise corrupt(f"the data of {self.name} are impossible")
        return scale, q

    def _take(self, scale: int, left: int, weight: int) -> None:
        self.offset -= scale * left
        self.range = scale * weight
        if self.range < 2**32:
            self.range <<= 32
            self.offset = self.offset << 32 | self._word()

    def entry(self, left: list[int]) -> int:
        """Read one symbol of a table, given as left[0 .. K]."""
        scale, q = self._find()
        j = bisect_right(left, q) - 1
        self._take(scale, left[j], left[j + 1] - left[j])
        return j

    def uniform(self, bits: int) -> int:
        """Read a uniform value of at most 16 bits (SPEC "Uniform values")."""
        if bits == 0:
            return 0
        scale, q = self._find()
        j = q >> (24 - bits)
        self._take(scale, j << (24 - bits), 1 << (24 - bits))
        return j

    def uniform_list(self, bits: Sequence[int]) -> list[int]:
        """Read a list of uniform values of up to 32 bits: first what is above 16 bits, then the rest."""
        if not any(bits):
            return [0] * len(bits)
        tops = [self.uniform(max(count - 16, 0)) for count in bits]
        return [top << 16 | self.uniform(min(count, 16)) for top, count in zip(tops, bits, strict=True)]

    def binary(self, one: int) -> int:
        """Read a bit with the given weight of being 1 (SPEC "Binary values")."""
        scale, q = self._find()
        zero = 2**24 - one
        if q < zero:
            self._take(scale, 0, zero)
            return 0
        self._take(scale, zero, one)
        return 1

    def gaussian(self, means: Ints, sigmas: Ints) -> Ints:
        """decode_gaussian of SPEC: means in sixteenths, and σ indices."""
        blocks = [
            self._gaussian_block(means[at : at + 65536].tolist(), sigmas[at : at + 65536].tolist())
            for at in range(0, len(means), 65536)
        ]
        return np.array([symbol for block in blocks for symbol in block], dtype=np.int64)

    def _gaussian_block(self, means: list[int], sigmas: list[int]) -> list[int]:
        low_bits, tables, centres = [], [], []  # step 1
        for mean, sigma in zip(means, sigmas, strict=True):
            k = (sigma - 56) // 8 + 1 if sigma >= 56 else 0
            coarse = (mean - 8 * (2**k - 1)) >> k
            centre = (coarse + 8) >> 4
            low_bits.append(k)
            tables.append((sigma - 8 * k, coarse - 16 * centre))
            centres.append(centre)

        residuals = [0] * len(means)  # step 2
        for half in (8, 16, 32):
            members = [n for n, (i, _) in enumerate(tables) if half_width(i) == half]
            escapes = []
            for n in members:
                e = self.entry(gaussian_left(*tables[n]))
                residuals[n] = e - half
                if e == 2 * half + 1:
                    escapes.append(n)
            signs = [self.uniform(1) for _ in escapes]
            lengths = [self.uniform(5) for _ in escapes]
            rests = self.uniform_list(lengths)
            for n, sign, length, rest in zip(escapes, signs, lengths, rests, strict=True):
                residuals[n] = (half + 2**length + rest) * (-1 if sign else 1)

        lows = self.uniform_list(low_bits)  # step 3
        symbols = [  # step 4
            ((c + r) << k) + low for c, r, k, low in zip(centres, residuals, low_bits, lows, strict=True)
        ]
        if any(abs(symbol) > 2**30 for symbol in symbols):
            raise corrupt(f"a symbol of {self.name} is beyond 2^30")
        return symbols

    def finish(self, least: int = 0) -> None:
        """Refuse other words than an encoder writes; words of 0 may fill them up to a least number."""
        written = 0
        if self.used:
            written = self.words_read - 1 if self.range - self.offset >= 2**32 else self.words_read
        if len(self.words) < written:
            raise truncated(f"the stream of {self.name} has {len(self.words)} words of {written}")
        if len(self.words) != max(written, least) or any(self.words[written:]):
            raise corrupt(f"the stream of {self.name} goes on after its last symbol")
        low_word = self.words[self.words_read - 1] if self.words_read <= len(self.words) else 0
        if self.used and (self.offset >= 2**32 or low_word != 0):
            raise corrupt(f"the stream of {self.name} doesn't end as encoders end it")


# ----------------------------------------------------------------------------------------------------------
# SPEC "Locations"
# ----------------------------------------------------------------------------------------------------------


def half_octaves(v: int) -> int:
    """Return two steps an octave, v ≥ 0."""
    if v < 4:
        return v
    n = v.bit_length()
    return 2 * n - 2 + ((v >> (n - 2)) & 1)


class _Tables:
    """SPEC "Constants"."""

    def __init__(self) -> None:
        with localcontext(prec=25):
            squash = [
                clamp(round(65536 / (1 + (Decimal(-x) / 256).exp())), 1, 65535) for x in range(-3071, 3072)
            ]
            above = [round(256 * (Decimal(2 * i + 1) / (8191 - 2 * i)).ln()) for i in range(2048, 4096)]
            stretch = [-entry for entry in reversed(above)] + above
        rate = [655360 // (10 * n + 16) for n in range(1024)]
        trust = [512 * (n + 1) // (2 * n + 5) for n in range(16)] + [256]
        kernel = [0] + [2**34 // u**2 for u in range(1, 8192)]
        below = [[sum(math.comb(n, j) for j in range(k)) for k in range(32)] for n in range(31)]
        flat = [entry for row in below for entry in row]
        self.squash = checked(squash, "fba3ad83c9ea03ab77546a169f92dcbede1d1ab681cf0481dc98f23927d20713")
        self.stretch = checked(stretch, "73a73389b407d0fd7084e53dec43b3844ae0fb2381efa582d1d55f97133f1ff3")
        self.rate = checked(rate, "d375b5bb413cae637a5b8ea3f610cbc61ba19e33cdca8220acba9cffb6db8a7e")
        self.trust = checked(trust, "40240fecfb651e9f4588b7fbbe6244d64ee1686cf51fce67fa838fffc978610b")
        self.kernel = checked(kernel, "30006b2e25c09d2d4937ec04b92eeab05b935d71dae22921f1a97879c355c73e")
        checked(flat, "1a97d2c77cacd69f26fffdaaf89ad89960248cfff42d7906db325e4df366a33e")
        self.below = below


@cache
def location_tables() -> _Tables:
    """Return the tables of the location stream."""
    return _Tables()


class BitCoder(RangeDecoder):
    """SPEC "Decoding a bit": the range coder, and when a stream of mixed bits is truncated."""

    def bit(self, one: int) -> int:
        """Read a bit with the given weight of being 1."""
        try:
            bit = self.binary(one)
        except HgsError:
            if self.words_read > len(self.words):
                raise truncated(f"the data of {self.name} end too early") from None
            raise
        if self.words_read > len(self.words) + 1:
            raise truncated(f"the data of {self.name} end too early")
        return bit


class Evidence(NamedTuple):
    """What SPEC "Evidence" says about a split, and where the split is."""

    axis: int
    v: int
    fitted: int
    side_fit: int
    distance: int
    variance: int
    side_pull: int
    ratio: int
    mass: int
    n_node: int
    num_boxes: int
    num_masses: int


class Fit(NamedTuple):
    """The plane through a node's neighbours (SPEC "Gathering")."""

    m: int
    f: int
    e: int
    sums: list[int]
    products: list[list[int]]
    ridge: int


Vector = tuple[int, int, int]
Input = tuple["Hashable", int]  # (context, sign), or (None, a fixed opinion)


def cls(n: int) -> int:
    """Return the class of a number of points."""
    return n if n <= 4 else 5 if n <= 8 else 6 if n <= 16 else 7


class Mixer:
    """SPEC "Mixing": bits whose probabilities adapt."""

    def __init__(self, coder: BitCoder) -> None:
        self.coder = coder
        self.tables = location_tables()
        self.prob: dict[Hashable, int] = defaultdict(lambda: 2**21)
        self.age: dict[Hashable, int] = defaultdict(int)
        self.weight: dict[int, list[int]] = defaultdict(lambda: [16384] * 5)

    def mixed(self, inputs: Sequence[Input], mixing_set: int) -> int:
        """decode_mixed of SPEC."""
        tables, weight = self.tables, self.weight[mixing_set]
        opinions, total = [], 0
        for k, (c, g) in enumerate(inputs):
            if c is None:
                opinion = g
            else:
                opinion = g * ((tables.stretch[self.prob[c] >> 10] * tables.trust[min(self.age[c], 16)]) >> 8)
            opinions.append(opinion)
            total += weight[k] * opinion
        p = tables.squash[clamp(total >> 16, -3071, 3071) + 3071]
        bit = self.coder.bit(p * 256)
        error = 65536 * bit - p
        for k, (c, g) in enumerate(inputs):
            weight[k] += (opinions[k] * error + 16384) >> 15
            if c is not None:
                target = bit if g == 1 else 1 - bit
                move = ((2**22 * target - self.prob[c]) * tables.rate[self.age[c]]) >> 16
                self.prob[c] = clamp(self.prob[c] + move, 64, 2**22 - 64)
                self.age[c] = min(self.age[c] + 1, 1023)
        return bit


class SplitDecoder(Mixer):
    """SPEC "Contexts": how many points of a box are in its upper half."""

    def split(self, n: int, at: Evidence) -> int:
        """decode_split of SPEC."""
        if n > 1 and self._both(n, at) == 1:
            return self._share(n, at)
        return n if self._side(n, at) == 1 else 0

    def _side(self, n: int, at: Evidence) -> int:
        few = min(n, 3)
        agree = 1 if at.side_pull == at.side_fit else 0
        inputs = [
            (few + 4 * (at.axis + 3 * at.v), 1),
            (288 + (at.distance * 24 + at.variance) * 4 + few, at.side_fit),
            (1824 + (at.ratio * 16 + at.mass) * 4 + few, at.side_pull),
            (
                2848 + (((at.ratio >> 1) * 2 + agree) * 24 + at.variance) * 8 + (at.distance >> 1),
                at.side_pull,
            ),
        ]
        return self.mixed(inputs, (0 if n == 1 else 1) + 2 * at.fitted + 4 * (at.variance >> 2))

    def _both(self, n: int, at: Evidence) -> int:
        inputs = [
            (5920 + cls(n) + 8 * (at.axis + 3 * at.v), 1),
            (6448 + (at.distance * 24 + at.variance) * 8 + cls(n), 1),
            (9520 + (at.ratio * 16 + at.mass) * 8 + cls(n), 1),
            (11568 + (min(half_octaves(at.n_node), 15) * 16 + at.mass) * 8 + cls(n), 1),
            (
                13616 + ((at.axis * 4 + min(at.num_boxes - 1, 3)) * 8 + cls(n)) * 16 + min(at.num_masses, 15),
                1,
            ),
        ]
        return self.mixed(inputs, 24 + cls(n))

    def _share(self, n: int, at: Evidence) -> int:
        low, high, depth = 1, n - 1, 0
        pull = (at.ratio >> 1) * at.side_pull + 8
        lean = min(at.distance >> 1, 7) * at.side_fit + 8
        while low < high:
            mid, shallow = (low + high) // 2, min(depth, 3)
            fixed = 0
            if n <= 30:
                below = self.tables.below[n]
                chance = ((below[high + 1] - below[mid + 1]) * 4096) // (below[high + 1] - below[low])
                fixed = self.tables.stretch[chance]
            inputs = [
                (15152 + (n * 32 + mid if n <= 30 else 992 + min(depth, 31)), 1),
                (16176 + ((n * 14 + mid) * 16 if n <= 14 else 3600 + shallow * 32) + pull, 1),
                (19920 + ((shallow * 8 + cls(n)) * 16 + lean) * 8 + (at.variance >> 2), 1),
                (None, fixed),
            ]
            if self.mixed(inputs, 32 + shallow) == 1:
                low = mid + 1
            else:
                high = mid
            depth += 1
        return low


class Octree:
    """SPEC "Walk": levels of nodes, from one node to the points."""

    def __init__(self, coder: BitCoder, num_points: int, bits: int) -> None:
        self.splits = SplitDecoder(coder)
        self.corners: list[Vector] = [(0, 0, 0)]
        self.counts = [num_points]
        self.neighbours: list[list[int]] = [[]]
        for v in range(bits, 0, -1):
            self._split_level(v)

    def _split_level(self, v: int) -> None:
        h = 2 ** (v - 1)
        self.middle = [tuple(2 * x + 2**v for x in corner) for corner in self.corners]
        self.children: list[list[tuple[Vector, int]]] = [[] for _ in self.corners]
        for i, (corner, n_node) in enumerate(zip(self.corners, self.counts, strict=True)):
            self.children[i] = [
                (tuple(x + h * (octant >> axis & 1) for axis, x in enumerate(corner)), n)
                for octant, n in self._split_node(i, v, n_node)
            ]
            m = len(self.children[i])
            self.middle[i] = tuple(
                sum(2 * c[axis] + h for c, _ in self.children[i]) // m for axis in range(3)
            )
        firsts = np.cumsum([0] + [len(children) for children in self.children]).tolist()
        neighbours = []
        if v > 1:
            for i, near in enumerate(self.neighbours):
                family = [k for o in (i, *near) for k in range(firsts[o], firsts[o + 1])]
                neighbours += self._nearest(i, family, firsts, v)
        self.corners = [c for children in self.children for c, _ in children]
        self.counts = [n for children in self.children for _, n in children]
        self.neighbours = neighbours

    def _nearest(self, i: int, family: list[int], firsts: list[int], v: int) -> list[list[int]]:
        """Return the neighbours of each child of node i (SPEC "Neighbours")."""
        at = {
            k: self.children[o][k - firsts[o]][0]
            for o in (i, *self.neighbours[i])
            for k in range(firsts[o], firsts[o + 1])
        }
        lists = []
        for k in range(firsts[i], firsts[i + 1]):
            ranked = sorted(
                (sum(((x - y) >> (v - 1)) ** 2 for x, y in zip(at[o], at[k], strict=True)), o)
                for o in family
                if o != k
            )
            lists.append([o for _, o in ranked[:10]])
        return lists

    def _split_node(self, i: int, v: int, n_node: int) -> list[tuple[int, int]]:
        """Return (octant, points) of each child."""
        masses, fit = self._gather(i, v)
        boxes = [(0, n_node)]
        for axis in range(3):
            halves: list[tuple[int, int]] = []
            for j, (octant, n) in enumerate(boxes):
                near = [
                    *masses,
                    *((centre_of(half, axis + 1), count) for half, count in halves),
                    *((centre_of(box, axis), count) for box, count in boxes[j + 1 :]),
                ]
                where = evidence(axis, centre_of(octant, axis), near, fit)
                at = Evidence(axis, v, *where, n_node, len(boxes), len(masses))
                upper = self.splits.split(n, at)
                if upper < n:
                    halves.append((octant, n - upper))
                if upper > 0:
                    halves.append((octant + 2**axis, upper))
            boxes = halves
        return boxes

    def _gather(self, i: int, v: int) -> tuple[list[tuple[Vector, int]], Fit | None]:
        """Return the masses about a node, and the fit (SPEC "Gathering")."""
        centre = [2 * x + 2**v for x in self.corners[i]]
        h = 2 ** (v - 1)

        def units(point: Iterable[int]) -> Vector:
            x, y, z = (
                clamp(((t - c) * 32) >> v, -(2**20), 2**20) for t, c in zip(point, centre, strict=True)
            )
            return x, y, z

        offsets, masses = [], []
        for o in self.neighbours[i]:
            d = units(self.middle[o])
            offsets.append(d)
            if max(map(abs, d)) > 400:
                continue
            if o > i:
                masses.append((d, self.counts[o]))
            else:
                masses += [(units(2 * x + h for x in corner), n) for corner, n in self.children[o]]
        return masses, fit_plane(offsets[:6])


def centre_of(octant: int, axes: int) -> Vector:
    """Return the centre of a box that was halved on the first axes."""
    x, y, z = (0 if c >= axes else 16 if octant >> c & 1 else -16 for c in range(3))
    return x, y, z


def fit_plane(offsets: list[Vector]) -> Fit | None:
    """fit() of SPEC "Gathering"."""
    m = len(offsets)
    if m < 3:
        return None
    far = max(1, max(abs(x) for d in offsets for x in d))
    f = max(0, far.bit_length() - 10)
    q = [[x >> f for x in d] for d in offsets]
    sums = [sum(d[a] for d in q) for a in range(3)]
    products = [[m * sum(d[a] * d[b] for d in q) - sums[a] * sums[b] for b in range(3)] for a in range(3)]
    trace = products[0][0] + products[1][1] + products[2][2]
    ridge = (trace >> 8) + ((300 * m * m) >> (2 * f)) + 1
    e = max(0, (trace + 3 * ridge).bit_length() - 24)
    return Fit(m, f, e, sums, [[p >> e for p in row] for row in products], max(ridge >> e, 1))


def evidence(
    a: int, centre: Vector, masses: list[tuple[Vector, int]], fit: Fit | None
) -> tuple[int, int, int, int, int, int, int]:
    """Return fitted, side_fit, distance, variance, side_pull, ratio and mass (SPEC "Evidence")."""
    fitted, side_fit, distance, variance = 0, 1, 0, 0
    if fit is not None:
        m, f, p = fit.m, fit.f, fit.products
        b, c = (a + 1) % 3, (a + 2) % 3
        bb, cc, bc = p[b][b] + fit.ridge, p[c][c] + fit.ridge, p[b][c]
        det = max(bb * cc - bc * bc, 1)
        gb = clamp(((p[a][b] * cc - p[a][c] * bc) * 1024) // det, -8192, 8192)
        gc = clamp(((p[a][c] * bb - p[a][b] * bc) * 1024) // det, -8192, 8192)
        tb, tc = m * (centre[b] >> f) - fit.sums[b], m * (centre[c] >> f) - fit.sums[c]
        estimate = ((fit.sums[a] + ((gb * tb + gc * tc) >> 10)) * 2**f) // m
        rest = max(p[a][a] - ((gb * p[a][b] + gc * p[a][c]) >> 10), 0)
        spread = ((rest * 2**fit.e) // (m * m)) * 2 ** (2 * f)
        fitted = 1
        side_fit = 1 if estimate >= 0 else -1
        distance = min(half_octaves(abs(estimate) >> 1), 15)
        variance = min(half_octaves(spread >> 5), 23)
    kernel = location_tables().kernel
    lower = upper = 0
    for d, n in masses:
        x, y, z = d[0] - centre[0], d[1] - centre[1], d[2] - centre[2]
        s = 256 + x * x + y * y + z * z
        t = 32 * (d[a] - centre[a])
        near_lower, near_upper = ((s + t) >> 4) + 10, ((s - t) >> 4) + 10
        if near_lower < 8192:
            lower += n * kernel[near_lower]
        if near_upper < 8192:
            upper += n * kernel[near_upper]
    side_pull = 1 if upper >= lower else -1
    ratio = (15 * abs(upper - lower)) // (lower + upper + 1)
    mass = min(half_octaves((lower + upper) >> 12) >> 1, 15)
    return fitted, side_fit, distance, variance, side_pull, ratio, mass


def read_locations(data: bytes, num_points: int, bits: int) -> Ints:
    """Return the lattice coordinates in Morton order, (N, 3)."""
    least = -(-num_points // 256)
    if len(data) % 4:
        raise truncated(f"the locations have {len(data)} bytes, not whole words")
    if len(data) < 4 * least:
        raise beyond(f"{num_points} points need {4 * least} bytes of locations, there are {len(data)}")
    coder = BitCoder(data, "LOCS")
    tree = Octree(coder, num_points, bits)
    coder.finish(least)
    return np.repeat(np.array(tree.corners, np.int64), tree.counts, axis=0)


# ----------------------------------------------------------------------------------------------------------
# SPEC "Order and contexts"
# ----------------------------------------------------------------------------------------------------------


def mix_hash(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """hash(x) of SPEC, modulo 2^64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def coding_order(meta: Meta, lattice: Ints, base: Ints) -> tuple[Ints, Ints]:
    """Return the Morton index of each rank, and the number of ranks that its context may have: 0, 1, ….

    The context of an anchor is made of those that come before it, and before its wave or its tier.
    """
    num = len(lattice)
    ranks = np.arange(num)
    hashes = mix_hash(np.arange(num, dtype=np.uint64))
    if meta["order"] == 1:
        return np.lexsort((ranks, lattice[:, 0], lattice[:, 1], lattice[:, 2])), ranks
    if meta["order"] == 0:
        starts = [0]
        while starts[-1] < num:
            starts.append(starts[-1] + starts[-1] // 8 + 1)
        wave = np.searchsorted(starts, ranks, side="right") - 1
        return np.argsort(hashes), np.array(starts)[wave]
    tier = np.full(num, 2)
    for number in (1, 0):
        # np.unique finds the first, so the least Morton index, of each cube.
        _, first = np.unique(base // 2 ** (meta["voxel"] + 2 - number), axis=0, return_index=True)
        tier[first] = number
    order = np.lexsort((hashes, tier))
    return order, np.searchsorted(tier[order], tier[order])


@cache
def log_table() -> list[int]:
    """LOG[k] = floor(256 log2(1 + k / 128)), k = 0 .. 127."""
    table = [((128 + k) ** 256).bit_length() - 1793 for k in range(128)]
    return checked(table, "c2d793a321f750a33c675cb707833efc59586a3850afe03e474989182a0e87be")


def bit_length(x: Ints) -> Ints:
    """Return bitlen of each x ≥ 0, exactly."""
    length = np.zeros_like(x)
    for bits in (32, 16, 8, 4, 2, 1):
        big = x >= np.int64(1) << bits
        length[big] += bits
        x = np.where(big, x >> bits, x)
    return length + (x > 0)


def log2(x: Ints) -> Ints:
    """LOG2 of each x ≥ 1."""
    t = bit_length(x) - 1
    m = np.where(t >= 7, x >> np.maximum(t - 7, 0), x << np.maximum(7 - t, 0))
    return np.asarray(256 * t + np.array(log_table())[m - 128])


@dataclass(frozen=True)
class Contexts:
    """The contexts of all anchors, by rank.

    Parameters
    ----------
    members
        Ranks, (N, most), −1 where there is none.
    size
        How many each has, (N).
    batches
        Ranks of each batch, in coding order.
    geometry
        The two features of each anchor, (N, 2).
    edges
        The four features of each member, (N, most, 4).
    """

    members: Ints
    size: Ints
    batches: list[Ints]
    geometry: Ints
    edges: Ints


def find_contexts(meta: Meta, base: Ints, limits: Ints) -> Contexts:
    """Find contexts and batches of anchors with base coordinates by rank, and their features."""
    num, most = len(base), meta["context"]
    growth = np.zeros(num, np.int64)
    if meta["order"] == 0:
        for octave in range(1, 16):
            growth += (np.arange(num) + 1) * 4**octave <= num
    voxel = np.minimum(meta["voxel"] + growth, 30)
    reach = (meta["window"] // 2) << voxel

    members = np.full((num, most), -1)
    size, depth = np.zeros(num, np.int64), np.zeros(num, np.int64)
    by_axis = np.ascontiguousarray(base.T)
    for i in range(num):
        away = by_axis[:, : limits[i]] - by_axis[:, i, None]
        inside = np.flatnonzero(np.abs(away).max(axis=0) <= reach[i])
        squares = (away[:, inside] ** 2).sum(axis=0)
        chosen = inside[np.argsort(squares, kind="stable")[:most]]
        size[i] = len(chosen)
        members[i, : size[i]] = chosen
        if size[i]:
            depth[i] = depth[chosen].max() + 1

    batches: list[Ints] = []
    if not meta.contextual:
        depth[:] = 0
    for level in range(depth.max() + 1):
        # np.array_split gives the first parts one more, as SPEC does.
        level_members = np.flatnonzero(depth == level)
        batches += np.array_split(level_members, -(-len(level_members) // 4096))

    geometry = np.stack([(voxel - meta["voxel"]) * 256, size * 1024 // max(most, 1)], axis=1)
    away = base[members] - base[:, None]
    length = log2((away**2).sum(axis=2) + (np.int64(1) << np.maximum(2 * voxel - 8, 0))[:, None])
    edges = np.concatenate(
        [(away << 8) >> voxel[:, None, None], (length - 512 * voxel[:, None])[:, :, None]], axis=2
    )
    return Contexts(members, size, batches, geometry, np.clip(edges, -16383, 16383))


# ----------------------------------------------------------------------------------------------------------
# SPEC "Hash grid"
# ----------------------------------------------------------------------------------------------------------

PRIMES = (1, 2654435761, 805459861)


def hash_features(meta: Meta, grid: list[Ints], base: Ints) -> Ints:
    """Return the hash features of anchors, (N, levels · F)."""
    box = np.array(meta.map["box"], np.int64)
    u = np.clip(((base - box[:3]) << 16) // box[3], 0, 65535)
    features = [np.zeros((len(base), 0), np.int64)]
    for (axis_bits, q, entries), values in zip(meta.grid, grid, strict=True):
        axes = [axis for axis in range(3) if axis_bits >> axis & 1]
        dense = (2**q + 1) ** len(axes) <= entries
        cell = u[:, axes] >> (16 - q)
        fraction = ((u[:, axes] - (cell << (16 - q))) << 8) >> (16 - q)
        total = np.zeros((len(base), meta.hash_features), np.int64)
        for corner in range(2 ** len(axes)):
            weight = np.ones(len(base), np.int64)
            entry = np.zeros(len(base), np.int64)
            for a in range(len(axes)):
                upper = corner >> a & 1
                weight *= fraction[:, a] if upper else 256 - fraction[:, a]
                place = cell[:, a] + upper
                if dense:
                    entry += place * (2**q + 1) ** a
                else:
                    entry ^= (place * PRIMES[a]) % 2**32
            total += weight[:, None] * values[entry % entries]
        features.append(total >> (8 * len(axes) - 10))
    return np.concatenate(features, axis=1)


# ----------------------------------------------------------------------------------------------------------
# SPEC "Networks"
# ----------------------------------------------------------------------------------------------------------


@cache
def step_table() -> list[int]:
    """STEP[j], j = 0 .. 127."""
    table = [integer_root(2 ** (j + 48), 8) for j in range(128)]
    return checked(table, "ce8acd0a1f53f556ac50bea251635d1ceb14ce136acfc0d03110c7d473c59e6a")


@cache
def attention_table() -> list[int]:
    """ATTENTION[j], j = 0 .. 255."""
    table = [integer_root(2 ** (256 - j), 16) for j in range(256)]
    return checked(table, "565b1435acee899cbb305c6f03e520ba93b0fc3c18f0cd8f30be433e25dcfb08")


def matrix_shapes(meta: Meta, num_location: int, num_geometry: int) -> list[MatrixShape]:
    """Return the matrices of a scene, in the order of SPEC "Matrices"."""
    shapes = []
    hidden, heads = meta.hidden, meta.heads
    earlier = 0
    for group in meta.groups:
        before = earlier if meta.sees_earlier else 0
        earlier += group.channels
        if group.constant:
            continue
        g = group.number
        shapes.append(MatrixShape(f"{g}.prior", num_location + before + 1, hidden))
        if not group.flags:
            shapes.append(MatrixShape(f"{g}.step", hidden + 1, group.num_steps))
        if group.positions:
            continue
        if meta.contextual:
            shapes += [
                MatrixShape(f"{g}.key", before + group.channels, hidden),
                MatrixShape(f"{g}.query", num_geometry + before, hidden),
                MatrixShape(f"{g}.edge", 4, hidden + heads),
                MatrixShape(f"{g}.score", hidden, heads),
            ]
        for k, part in enumerate(group.slices):
            width = part.stop - part.start
            own = part.start if meta.sees_earlier else 0
            rows = hidden + len(part.own_steps) + own
            if meta.contextual:
                rows += hidden + heads * width
            shapes.append(MatrixShape(f"{g}.{k}.hidden", rows, meta.slice_hidden))
            shapes.append(MatrixShape(f"{g}.{k}.out", meta.slice_hidden + own, 2 * width))
            if meta.contextual:
                shapes.append(MatrixShape(f"{g}.{k}.skip", heads, width, biased=False))
    return shapes


def linear_sum(matrix: Matrix, inputs: Sequence[Ints]) -> Ints:
    """sum(x) of SPEC "Arithmetic", for inputs that are joined along their last axis."""
    return (matrix.biases << (matrix.shift + 2)) + np.concatenate(inputs, axis=-1) @ matrix.weights


def linear(matrix: Matrix, *inputs: Ints) -> Ints:
    """linear(x) of SPEC "Arithmetic"."""
    return np.asarray(np.clip(linear_sum(matrix, inputs) >> matrix.shift, -16383, 16383))


def relu(matrix: Matrix, *inputs: Ints) -> Ints:
    """relu(x) of SPEC "Arithmetic"."""
    return np.asarray(np.clip(linear_sum(matrix, inputs) >> matrix.shift, 0, 16383))


def wide(matrix: Matrix, *inputs: Ints) -> Ints:
    """wide(x) of SPEC "Arithmetic"."""
    return (linear_sum(matrix, inputs) << 6) >> matrix.shift


# ----------------------------------------------------------------------------------------------------------
# SPEC "Priors"
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prior:
    """The networks of a prior file."""

    since: str
    hidden: int
    slice_hidden: int
    heads: int
    num_features: int
    down: list[int]
    up: list[int]
    matrices: dict[str, Matrix]
    layers: dict[str, Matrix]


def prior_id(container: Container) -> bytes:
    """Return the id of a prior."""
    digest = hashlib.sha256()
    for _, data in container.sections:
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()[:8]


def open_prior(data: bytes) -> Container:
    """Read the container of a prior file."""
    container = read_container(data)
    if [section_id for section_id, _ in container.sections] != ["PRIO", "NETS", "PNTS"]:
        raise corrupt("a prior hasn't the sections PRIO, NETS, PNTS")
    if container.profile != GAUSSIAN or container.num_points or container.num_input:
        raise corrupt("a prior has another profile than 0, or points")
    return container


def read_prior(container: Container) -> Prior:
    """Read and check a prior."""
    found = read_metadata(container.only("PRIO"))
    since, corpus = get(found, "since", str), get(found, "corpus", list)
    net, points = get(found, "net", list), get(found, "points", list)
    if not all(type(digest) is bytes and len(digest) == 32 for digest in corpus):
        raise corrupt("an entry of 'corpus' hasn't 32 bytes")
    if len(net) != 3 or not all(is_integer(net[k], 1, (256, 256, 16)[k]) for k in range(3)):
        raise corrupt("'net' of a prior isn't a list of 3 integers in their ranges")
    if len(points) not in (3, 5, 7, 9) or not all(is_integer(width, 1, 256) for width in points):
        raise corrupt("'points' of a prior isn't a list of 3, 5, 7 or 9 integers in 1 .. 256")
    num_levels = len(points) // 2
    down, up = points[1 : 1 + num_levels], points[1 + num_levels :]

    groups = []
    for number, shape in enumerate(gaussian_shapes(3)):
        slices, start = [], 0
        for steps in shape.slices:
            slices.append(Slice(start, start + len(steps), steps, 0.0, 1.0))
            start += len(steps)
        groups.append(Group(number, shape.name, shape.num_steps, slices, [], [], b""))
    scene = Meta(found, GAUSSIAN, groups, [], 0.0, None, net[0], net[1], net[2], 1, True, True, True)
    num_geometry = 2 + points[0]
    shapes = matrix_shapes(scene, num_geometry, num_geometry)
    check_size(shapes)
    return Prior(
        since,
        net[0],
        net[1],
        net[2],
        points[0],
        down,
        up,
        read_matrices(container.only("NETS"), shapes, "NETS"),
        read_matrices(container.only("PNTS"), layer_matrix_shapes(points[0], down, up), "PNTS"),
    )


def find_prior(meta: Meta, priors: Iterable[bytes]) -> Prior | None:
    """Return the prior that a scene names, once it fits the scene."""
    if meta.prior is None:
        return None
    wanted, since = meta.prior
    if meta.profile != GAUSSIAN:
        raise corrupt("priors of this version are for scenes of Gaussians")
    for container in map(open_prior, priors):
        if prior_id(container) == wanted:
            break
    else:
        raise unsupported(f"the file needs the prior {wanted.hex()}, which the package has since {since}")
    prior = read_prior(container)
    if since != prior.since:
        raise corrupt(f"the file says that its prior is there since {since}; it is since {prior.since}")
    if (meta.hidden, meta.slice_hidden, meta.heads) != (prior.hidden, prior.slice_hidden, prior.heads):
        raise corrupt("the file's networks are of other sizes than its prior's")
    return prior


# SPEC "Points"


class PointLevel(NamedTuple):
    """A level of points: what its layers see. All indices are into the level's own points."""

    inputs: Ints  # (n, 13)
    centres: Ints  # (m)
    groups: list[Ints]  # of each centre
    edges: list[Ints]  # of each centre, (members, 4)
    parents: list[Ints]  # of each point, numbered as points of the next level
    shares: list[Ints]  # of each point, in 1/1024


def ratio(d: Ints, s: int) -> Ints:
    """ratio(d, s) of SPEC, for squared distances d and a local scale."""
    return np.where(d == 0, -2048, np.clip(log2(np.maximum(d, 1)) - s, -2048, 16383))


def within(x: Ints, s: int) -> Ints:
    """within(x, s) of SPEC, for coordinate differences x and a local scale."""
    scaled = ((x << 10) * attention_table()[(s >> 5) & 15]) >> (16 + (s >> 9))
    return np.asarray(np.clip(scaled, -16383, 16383))


def squared_distances(points: Ints, to: Ints) -> Ints:
    """Return |p − to|² of each point."""
    return np.asarray(((points - to) ** 2).sum(axis=1))


def find_centres(points: Ints) -> Ints:
    """Return the centres of each tile, ascending."""
    centres: list[int] = []
    for first in range(0, len(points), 1024):
        tile = points[first : first + 1024]
        far = np.full(len(tile), 2**62)
        current = 0
        for _ in range((len(tile) + 3) // 4):
            centres.append(first + current)
            far = np.minimum(far, squared_distances(tile, tile[current]))
            far[current] = -1  # so that it is never again the greatest; distances are 0 at least
            current = int(far.argmax())  # of equal ones, the lowest
    return np.array(sorted(centres), np.int64)


def nearest(points: Ints, to: Ints, count: int) -> Ints:
    """Return the indices of the nearest points, by (squared distance, index)."""
    return np.argsort(squared_distances(points, to), kind="stable")[:count]


def make_level(points: Ints, voxel: int) -> PointLevel:
    """Find what the layers of a level see."""
    centres = find_centres(points)
    scales, inputs, near_lists = [], [], []
    for i, point in enumerate(points):
        near = nearest(points, point, 17)
        near = near[near != i][:16]  # the point itself may be missing, where more than 17 are at its place
        near_lists.append(near)
        v = points[near] - point
        d = (v**2).sum(axis=1)
        k, z = len(d), int((d == 0).sum())
        scale = int(log2(d[z + (k - z - 1) // 2])) if k > z else 512 * voxel
        scales.append(scale)
        row = [clamp(scale - 512 * voxel, -16383, 16383), -2048, -2048, *[0] * 10]
        if k > 0:
            row[1:3] = ratio(d[[0, k - 1]], scale).tolist()
            row[3] = 64 * z
            row[4:7] = (within(v, scale).sum(axis=0) // k).tolist()
            pairs = v[:, [0, 1, 2, 0, 0, 1]] * v[:, [0, 1, 2, 1, 2, 2]]
            apart = d > 0
            row[7:13] = (((pairs[apart] << 10) // d[apart, None]).sum(axis=0) // k).tolist()
        inputs.append(row)

    groups, edges = [], []
    for c in centres.tolist():
        members = near_lists[c] if len(near_lists[c]) else np.array([c])
        away = points[members] - points[c]
        lengths = ratio((away**2).sum(axis=1), scales[c])
        groups.append(members)
        edges.append(np.concatenate([within(away, scales[c]), lengths[:, None]], axis=1))

    parents, shares = [], []
    place = {c: number for number, c in enumerate(centres.tolist())}
    for i, point in enumerate(points):
        if i in place:
            parents.append(np.array([place[i]]))
            shares.append(np.array([1024]))
            continue
        chosen = nearest(points[centres], point, 3)
        d = squared_distances(points[centres[chosen]], point)
        part = np.where(d == 0, 512, (d[0] << 9) // np.maximum(d, 1))
        share = (part << 10) // part.sum()
        share[0] = 1024 - share[1:].sum()
        parents.append(chosen)
        shares.append(share)
    return PointLevel(np.array(inputs, np.int64), centres, groups, edges, parents, shares)


# SPEC "Layers"


def layer_matrix_shapes(num_features: int, down: list[int], up: list[int]) -> list[MatrixShape]:
    """Return the matrices of a PointNet++."""
    shapes = []
    for level in range(len(down)):
        known = 13 + (down[level - 1] if level else 0)
        around = up[level + 1] if level + 1 < len(up) else down[level]
        shapes += [
            MatrixShape(f"{level}.key", known, down[level]),
            MatrixShape(f"{level}.query", known, down[level]),
            MatrixShape(f"{level}.edge", 4, down[level]),
            MatrixShape(f"{level}.group", down[level], down[level]),
            MatrixShape(f"{level}.up", around + known, up[level]),
        ]
    return [*shapes, MatrixShape("out", up[0], num_features)]


def point_features(layers: dict[str, Matrix], num_levels: int, points: Ints, voxel: int) -> Ints:
    """Return the point features of anchors with base coordinates in Morton order, (N, X)."""
    levels, known = [], []
    feature = np.zeros((len(points), 0), np.int64)
    for number in range(num_levels):
        level = make_level(points, voxel)
        levels.append(level)
        known.append(np.concatenate([feature, level.inputs], axis=1))
        key = linear(layers[f"{number}.key"], known[-1])
        query = linear(layers[f"{number}.query"], known[-1])
        features = []
        for c, members, edge in zip(level.centres, level.groups, level.edges, strict=True):
            joined = np.clip(key[members] + query[c] + linear(layers[f"{number}.edge"], edge), 0, 16383)
            features.append(relu(layers[f"{number}.group"], joined).max(axis=0))
        feature = np.array(features)
        points = points[level.centres]
    for number in range(num_levels - 1, -1, -1):
        level = levels[number]
        around = np.array(
            [
                (share[:, None] * feature[parents]).sum(axis=0) >> 10
                for parents, share in zip(level.parents, level.shares, strict=True)
            ]
        )
        feature = relu(layers[f"{number}.up"], around, known[number])
    return linear(layers["out"], feature)


# ----------------------------------------------------------------------------------------------------------
# SPEC "Decoding order", with "Prediction"
# ----------------------------------------------------------------------------------------------------------


@dataclass
class Coded:
    """What is known of a group, all by rank: symbols and what was predicted of them, (N, channels)."""

    symbols: Ints
    values: Ints
    activations: Ints
    steps: Ints
    means: Ints
    sigmas: Ints
    coded: npt.NDArray[np.bool_]

    @classmethod
    def zeros(cls, num: int, channels: int) -> Coded:
        """Return a group of which nothing is known yet."""
        symbols, values, activations, steps, means, sigmas = np.zeros((6, num, channels), np.int64)
        return cls(symbols, values, activations, steps, means, sigmas, np.zeros((num, channels), dtype=bool))


SHIFTS = np.arange(-12, 13, 2)
GAINS = np.array([-8, -4, -2, 0, 2, 4])
BIASES = np.array([-4, -2, 0, 2, 4])


@cache
def gaussian_costs() -> Ints:
    """Return cost(d, i) of distances 0 .. 511 and σ indices 0 .. 55, (512, 56)."""
    shares = [
        [max(normal_share(d + 8, i) - normal_share(d - 8, i), 4096) for i in range(56)] for d in range(512)
    ]
    return 8192 - log2(np.array(shares))


def cost(symbol: Ints, mean: Ints, sigma: Ints) -> Ints:
    """Return what symbols would cost, in 1/256 bit: arrays that broadcast to one shape."""
    k = np.maximum(0, (sigma - 48) // 8)
    d = np.minimum(np.abs(16 * symbol - mean) >> k, 511)
    return np.asarray(gaussian_costs()[d, sigma - 8 * k] + 256 * k)


class Adaptation:
    """SPEC "Adaptation": the sums of a group with so many channels."""

    def __init__(self, channels: int) -> None:
        kinds = (SHIFTS, GAINS, BIASES)
        self.sums = [np.zeros((channels, 16, len(kind)), np.int64) for kind in kinds]
        self.chosen = np.zeros((channels, 16, 3), np.int64)

    def adapt(self, w: Ints, mean: Ints, sigma: Ints) -> tuple[Ints, Ints]:
        """Return mean16 and sigma of symbols, each of channel w, from the predicted ones."""
        shift, gain, bias = self.chosen[w, sigma // 8].T
        sigma = np.clip(sigma + shift, 0, 127)
        return mean + drawn(gain, mean) + moved(bias, sigma), sigma

    def observe(self, w: Ints, symbol: Ints, mean: Ints, sigma: Ints) -> None:
        """Add what symbols would have cost, and choose anew."""
        of = w, sigma // 8
        shift, gain, bias = self.chosen[of].T[:, :, None]
        symbol, mean, sigma = symbol[:, None], mean[:, None], sigma[:, None]
        used = np.clip(sigma + shift, 0, 127)
        with_gain = mean + drawn(gain, mean)
        costs = (
            cost(symbol, with_gain + moved(bias, used), np.clip(sigma + SHIFTS, 0, 127)),
            cost(symbol, mean + drawn(GAINS, mean) + moved(bias, used), used),
            cost(symbol, with_gain + moved(BIASES, used), used),
        )
        for number, kind in enumerate((SHIFTS, GAINS, BIASES)):
            np.add.at(self.sums[number], of, costs[number])
            least = np.argmin(self.sums[number] + 2048 * (kind != 0), axis=2)
            self.chosen[:, :, number] = kind[least]


def drawn(gain: Ints, mean: Ints) -> Ints:
    """Return what a gain adds to means."""
    return (gain * mean + 8) >> 4


def moved(bias: Ints, sigma: Ints) -> Ints:
    """Return what a bias adds to means."""
    return np.asarray((bias * np.array(step_table())[sigma] + 512) >> 10)


class GroupDecoder:
    """Decode the groups of a scene.

    Parameters
    ----------
    meta
        The scene's metadata.
    matrices
        Its networks.
    location
        Location features by rank, (N, L).
    geometry
        Geometry by rank, (N, G).
    contexts
        Contexts and batches.
    """

    def __init__(
        self, meta: Meta, matrices: dict[str, Matrix], location: Ints, geometry: Ints, contexts: Contexts
    ) -> None:
        self.meta = meta
        self.matrices = matrices
        self.location = location
        self.geometry = geometry
        self.contexts = contexts
        self.num = len(location)
        self.halvings = np.zeros(self.num, np.int64)
        self.parts = np.zeros((self.num, 3), np.int64)
        self.lam = 4 * (meta["lambda"] + 2295) // 3
        self.slope = 2 * (meta["lambda"] + 2295)
        self.done = [Coded.zeros(self.num, group.channels) for group in meta.groups]
        self.keys = [np.zeros((self.num, meta.hidden), np.int64) for _ in meta.groups]
        self.adaptations = [Adaptation(group.channels) for group in meta.groups]

    def layer(self, groups: list[Group], runs: Runs) -> None:
        """Decode the groups of one layer, the next one."""
        for batch in self.contexts.batches:
            coder = runs.next_batch()
            for group in groups:
                if group.constant:
                    continue
                earlier = self._earlier(group, batch)
                prior, index = self._start(group, batch, earlier)
                if group.positions:
                    self._positions_batch(batch, index[:, 0], coder)
                else:
                    self._batch(group, batch, coder, earlier, prior, index)
        runs.finish()

    def _earlier(self, group: Group, batch: Ints) -> Ints:
        """Return the activations (n, E) of the groups before."""
        seen = self.done[: group.number] if self.meta.sees_earlier else []
        before = [found.activations[batch] for found in seen]
        return np.concatenate([np.zeros((len(batch), 0), np.int64), *before], axis=1)

    def _start(self, group: Group, batch: Ints, earlier: Ints) -> tuple[Ints, Ints]:
        """Compute what doesn't depend on the group's own values: prior (n, H) and step indices (n, S)."""
        g = group.number
        lam = np.full((len(batch), 1), self.lam)
        prior = relu(self.matrices[f"{g}.prior"], self.location[batch], earlier, lam)
        if group.flags:
            return prior, np.full((len(batch), group.num_steps), 80)
        o = linear(self.matrices[f"{g}.step"], prior, lam)
        if group.tilts:
            first = np.concatenate([self.done[h].activations[batch] for h in range(3)], axis=1)
            features = np.concatenate([first, (first * first) >> 10], axis=1)
            o = o + ((features @ np.array(group.tilts).T) >> 6)
        return prior, np.clip(((o + self.slope) >> 7) + 80 + np.array(group.octaves), 0, 127)

    def _positions_batch(self, batch: Ints, index: Ints, coder: RangeDecoder) -> None:
        for n, i in enumerate(batch.tolist()):
            wanted = self.meta["step"] - self.meta["fine"] - (int(index[n]) - 80) + 4
            h = clamp(wanted >> 3, 0, 12)
            self.halvings[i] = h
            self.parts[i] = [coder.uniform(h) for _ in range(3)]

    def _batch(
        self, group: Group, batch: Ints, coder: RangeDecoder, earlier: Ints, prior: Ints, index: Ints
    ) -> None:
        g, m = group.number, self.matrices
        coded = self.done[g]
        pooled, attended = self._attend(group, batch, earlier, coded)
        steps = np.array(step_table())
        for k, part in enumerate(group.slices):
            if part.constant:
                continue
            channels = slice(part.start, part.stop)
            width = part.stop - part.start
            own = coded.activations[batch, : part.start if self.meta.sees_earlier else 0]
            step = 64 * (index[:, part.own_steps] - 80)
            inputs = [prior, step, own]
            if self.meta.contextual:
                inputs += [pooled, attended[:, :, channels].reshape(len(batch), -1)]
            out = wide(m[f"{g}.{k}.out"], relu(m[f"{g}.{k}.hidden"], *inputs), own)
            mean, logsigma = out[:, :width], out[:, width:]
            if self.meta.contextual:
                skip = m[f"{g}.{k}.skip"]
                by_head = (attended[:, :, channels] * skip.weights).sum(axis=1)
                mean = mean + ((by_head << 6) >> skip.shift)
            j = index[:, part.steps]
            mean16 = (16 * np.clip(mean, -(2**26), 2**26) + steps[j] // 2) // steps[j]
            sigma = np.clip(((logsigma + 4096) >> 13) - (j - 80) + 32, 0, 127)

            open_ = self._open(group, batch, channels)
            symbols = np.zeros((len(batch), width), np.int64)
            w, predicted = np.nonzero(open_)[1] + part.start, (mean16[open_], sigma[open_])
            if self.meta.adapts:
                mean16[open_], sigma[open_] = self.adaptations[g].adapt(w, *predicted)
            symbols[open_] = coder.gaussian(mean16[open_], sigma[open_])
            if self.meta.adapts:
                self.adaptations[g].observe(w, symbols[open_], *predicted)
            if group.flags and not np.isin(symbols, (0, 1)).all():
                raise corrupt("a flag is neither 0 nor 1")
            values = symbols * steps[j]
            coded.symbols[batch, channels] = symbols
            coded.values[batch, channels] = values
            coded.activations[batch, channels] = np.clip((values + 32) >> 6, -8192, 8192)
            coded.steps[batch, channels] = j
            coded.means[batch, channels] = mean16
            coded.sigmas[batch, channels] = sigma
            coded.coded[batch, channels] = open_
        if self.meta.contextual:
            self.keys[g][batch] = linear(m[f"{g}.key"], earlier, coded.activations[batch])

    def _attend(self, group: Group, batch: Ints, earlier: Ints, coded: Coded) -> tuple[Ints, Ints]:
        """Return pooled (n, H) and attended (n, M, V) of a batch (SPEC "Prediction")."""
        g, m, meta = group.number, self.matrices, self.meta
        pooled = np.zeros((len(batch), meta.hidden), np.int64)
        attended = np.zeros((len(batch), meta.heads, group.channels), np.int64)
        if not meta.contextual:
            return pooled, attended
        table = np.array(attention_table())
        query = linear(m[f"{g}.query"], self.geometry[batch], earlier)
        for n, i in enumerate(batch.tolist()):
            size = int(self.contexts.size[i])
            if size == 0:
                continue
            members = self.contexts.members[i, :size]
            edge = linear(m[f"{g}.edge"], self.contexts.edges[i, :size])
            near, bias = edge[:, : meta.hidden], edge[:, meta.hidden :]
            joined = np.clip(self.keys[g][members] + query[n] + near, 0, 16383)
            score = linear(m[f"{g}.score"], joined) + bias
            pooled[n] = joined.sum(axis=0) // size
            weight = table[np.minimum((score.max(axis=0) - score) >> 6, 255)]
            own = coded.activations[members]
            attended[n] = (weight.T @ own) // weight.sum(axis=0)[:, None]
        return pooled, attended

    def _open(self, group: Group, batch: Ints, channels: slice) -> npt.NDArray[np.bool_]:
        """Tell which symbols of a slice no gate shuts, (n, W) (SPEC "Gates")."""
        open_ = np.ones((len(batch), channels.stop - channels.start), dtype=bool)
        if group.gated and channels.start >= 6:
            slots = (np.arange(channels.start, channels.stop) - 6) // 3
            open_ = self.masks()[batch][:, slots]
        return open_

    def masks(self) -> npt.NDArray[np.bool_]:
        """Return which slots are in use, (N, K) by rank."""
        offsets = [part.offset for part in self.meta.groups[1].slices for _ in part.steps]
        return np.asarray(self.done[1].symbols + np.array(offsets, np.int64) == 1)


# ----------------------------------------------------------------------------------------------------------
# SPEC "Reconstruction"
# ----------------------------------------------------------------------------------------------------------

DISTANCES = (2, 4, 6, 8, 12, 20, 36)


def move_to_centroids(group: Group, coded: Coded) -> Ints:
    """Return a group's values, moved as its table says (SPEC "Centroids")."""
    if not group.centroids or not group.channels:
        return coded.values
    table = np.frombuffer(group.centroids, np.int8).astype(np.int64)
    toward = coded.means - 16 * coded.symbols
    distance = np.searchsorted(DISTANCES, np.abs(toward), side="right")
    width = np.maximum(coded.sigmas - 8, 0) // 4
    place = np.minimum(8 * width + distance, 63)
    shift = np.sign(toward) * ((table[place] * np.array(step_table())[coded.steps] + 128) >> 8)
    return coded.values + np.where(coded.coded & (width < 8), shift, 0)


def attributes(group: Group, coded: Coded) -> Floats:
    """Return the attributes of a group by rank, (N, channels) f32 (SPEC "Channels").

    They may be infinite: what is reconstructed from them mustn't.
    """
    scale = np.array([part.scale for part in group.slices for _ in part.steps])
    offset = np.array([part.offset for part in group.slices for _ in part.steps])
    values = move_to_centroids(group, coded).astype(np.float64)
    return np.asarray((values * (scale * 2.0**-16) + offset).astype(np.float32))


# SPEC "Gaussian profile"


def decompand(t: npt.NDArray[np.float64]) -> Floats:
    """Return opacity logits."""
    h = np.minimum(np.maximum(t, 0) / 3, 1 - 2.0**-8)
    return to_f32(np.where(t <= 0, t, 3 * (h / np.sqrt(1 - h * h))))


def quaternions(xyz: npt.NDArray[np.float64]) -> Floats:
    """Return quaternions wxyz, (N, 4)."""
    x, y, z = xyz.T
    s = x * x + y * y + z * z
    w = np.sqrt(np.maximum(1 - s, 0))
    length = np.sqrt(np.maximum(s, 1))
    found = to_f32(np.stack([w, x / length, y / length, z / length], axis=1))
    if not found.any(axis=1).all():
        raise corrupt("a quaternion is zero")
    return found


def colours(coefficients: npt.NDArray[np.float64]) -> Floats:
    """Return RGB of coefficients Y, C1, C2, given and returned as (N, n, 3)."""
    y, c1, c2 = (coefficients[:, :, k] for k in range(3))
    a, b, c, d = 1 / np.sqrt(3.0), 1 / np.sqrt(2.0), 1 / np.sqrt(6.0), 2 / np.sqrt(6.0)
    red = a * y + b * c1 + -c * c2
    green = a * y + 0 * c1 + d * c2
    blue = a * y + -b * c1 + -c * c2
    return to_f32(np.stack([red, green, blue], axis=2))


def gaussian_arrays(meta: Meta, of_group: dict[str, Floats], means: Floats) -> dict[str, Any]:
    """Return the scene's arrays."""
    reals = {name: array.astype(np.float64) for name, array in of_group.items()}
    num = len(means)
    bands = [
        # Channels are all Y, then all C1, then all C2.
        colours(reals[f"sh{band}"].reshape(num, 3, -1).transpose(0, 2, 1))
        for band in range(1, meta["sh"] + 1)
    ]
    return {
        "means": means,
        "log_scales": checked_values(of_group["scales"]),
        "quats": quaternions(reals["rotation"]),
        "opacity_logits": decompand(reals["opacity"][:, 0]),
        "sh0": colours(reals["sh0"].reshape(num, 1, 3))[:, 0],
        "shN": np.concatenate([np.zeros((num, 0, 3), np.float32), *bands], axis=1),
    }


# SPEC "Anchor profile"


def anchor_arrays(
    of_group: dict[str, Floats], positions: Floats, masks: npt.NDArray[np.bool_], layers: list[Layer]
) -> dict[str, Any]:
    """Return the anchors' arrays, and those of their networks."""
    last = checked_values(of_group["scaling+offsets"])
    offsets = last[:, 6:].reshape(*masks.shape, 3)
    arrays = {
        "anchors": positions,
        "features": checked_values(of_group["features"]),
        "log_scales": last[:, :6],
        "offsets": np.where(masks[:, :, None], offsets, np.float32(0)),
        "masks": masks,
    }
    for layer in layers:
        arrays[f"{layer.name}.weights"] = to_f32(
            np.asarray(layer.weights * 2.0**-layer.weights_shift, np.float64)
        )
        arrays[f"{layer.name}.biases"] = to_f32(
            np.asarray(layer.biases * 2.0**-layer.biases_shift, np.float64)
        )
    return arrays


# ----------------------------------------------------------------------------------------------------------
# All of it
# ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Decoded:
    """A decoded file.

    Parameters
    ----------
    container
        Header and sections.
    meta
        Metadata.
    lattice
        Lattice coordinates in Morton order, (N, 3) i64.
    symbols
        Of each group by rank, (N, channels) i64; of `positions` the parts, (N, 3).
    symbols_sha256
        The hash of META's `sha256`, in hexadecimal.
    arrays
        What the file holds, by name. Of Gaussians: f32 `means` (N, 3), `log_scales` (N, 3), `quats` (N, 4),
        `opacity_logits` (N), `sh0` (N, 3), `shN` (N, coefficients, 3). Of anchors: f32 `anchors` (N, 3),
        `features` (N, D), `log_scales` (N, 6), `offsets` (N, K, 3), bool `masks` (N, K), and f32 weights
        (inputs, outputs) and biases of the rendering networks.
    """

    container: Container
    meta: Meta
    lattice: Ints
    symbols: list[Ints]
    symbols_sha256: str
    arrays: dict[str, Any]


def result_hash(meta: Meta, lattice: Ints, symbols: list[Ints], layers: list[Layer]) -> bytes:
    """Return the hash that META's `sha256` holds."""
    digest = hashlib.sha256(canonical({key: entry for key, entry in meta.map.items() if key != "sha256"}))
    digest.update(lattice.astype("<i8").tobytes())
    for found in symbols:
        digest.update(found.astype("<i4").tobytes())
    for layer in layers:
        for shift, integers in ((layer.weights_shift, layer.weights), (layer.biases_shift, layer.biases)):
            digest.update(shift.to_bytes(4, "little") + integers.astype("<i4").tobytes())
    return digest.digest()


def decode(data: bytes, priors: Iterable[bytes] = ()) -> Decoded:
    """Decode a file.

    Parameters
    ----------
    data
        The bytes of a `.hgs` file.
    priors
        The bytes of the `.hgp` files that are there.

    Returns
    -------
    Decoded
        Symbols and arrays.

    Raises
    ------
    HgsError
        The file is invalid, or needs what isn't there.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # to_f32 looks for infinities itself
        return _decode(data, priors)


def _decode(data: bytes, priors: Iterable[bytes]) -> Decoded:
    container = read_container(data)
    check_sections(container)
    meta = read_meta(container.only("META"), container.profile)
    layers_of_groups = group_layers(meta)
    for section_id, _ in container.sections:
        if section_id.startswith("RUN") and int(section_id[3]) >= len(layers_of_groups):
            raise corrupt(f"a run {section_id} is of no layer")
    prior = find_prior(meta, priors)

    # Sizes are checked before what they need is allocated.
    num_geometry = 2 + (prior.num_features if prior else 0)
    shapes = matrix_shapes(meta, len(meta.grid) * meta.hash_features + num_geometry, num_geometry)
    check_size(shapes)
    check_grid_size(meta, container.only("HASH"))
    lattice = read_locations(container.only("LOCS"), container.num_points, meta["bits"])
    base = base_coordinates(meta, lattice)
    if prior:
        matrices = read_differences(container.only("NETS"), shapes, prior.matrices)
    else:
        matrices = read_matrices(container.only("NETS"), shapes, "NETS")
    grid = read_grid(meta, container.only("HASH"))
    layers = read_layers(meta, container.only("MLPS")) if meta.profile == ANCHOR else []

    order, limits = coding_order(meta, lattice, base)
    base_by_rank = base[order]
    contexts = find_contexts(meta, base_by_rank, limits)
    geometry = contexts.geometry
    if prior:
        features = point_features(prior.layers, len(prior.down), base, meta["voxel"])
        geometry = np.concatenate([geometry, features[order]], axis=1)
    location = np.concatenate([hash_features(meta, grid, base_by_rank), geometry], axis=1)

    decoder = GroupDecoder(meta, matrices, location, geometry, contexts)
    for number, groups in enumerate(layers_of_groups):
        name = f"RUN{number}"
        decoder.layer(groups, Runs([part for found, part in container.sections if found == name], name))

    symbols = [
        decoder.parts if group.positions else coded.symbols
        for group, coded in zip(meta.groups, decoder.done, strict=True)
    ]
    digest = result_hash(meta, lattice, symbols, layers)
    if digest != meta.map["sha256"]:
        raise corrupt("what was decoded hasn't the hash that the file states")

    # Back from coding order to Morton order.
    morton = np.argsort(order)
    of_group = {
        group.name: attributes(group, coded)[morton]
        for group, coded in zip(meta.groups, decoder.done, strict=True)
        if group.channels and group.name != "importance"
    }
    positions = world_positions(meta, lattice, decoder.halvings[morton], decoder.parts[morton])
    if meta.profile == GAUSSIAN:
        arrays = gaussian_arrays(meta, of_group, positions)
    else:
        arrays = anchor_arrays(of_group, positions, decoder.masks()[morton], layers)
    return Decoded(container, meta, lattice, symbols, digest.hex(), arrays)


# ----------------------------------------------------------------------------------------------------------
# Command line
# ----------------------------------------------------------------------------------------------------------


def summary(decoded: Decoded) -> dict[str, Any]:
    """Return counts and hashes, under the names that the conformance files use."""
    container, meta = decoded.container, decoded.meta
    sections = {"header": HEADER.size, "table": container.table_bytes}
    for section_id, data in container.sections:
        sections[section_id] = sections.get(section_id, 0) + len(data)
    found: dict[str, Any] = {"bytes": sum(sections.values())}
    if meta.profile == GAUSSIAN:
        found |= {"num_gaussians": container.num_points, "sh_degree": meta["sh"]}
    else:
        found |= {
            "num_anchors": container.num_points,
            "features": meta["features"],
            "slots": meta["slots"],
            "distances": [bool(meta["render"] >> bit & 1) for bit in range(3)],
            "feature_bank": bool(meta["render"] & 8),
        }
    # Row-major f32, masks too.
    hashes = {
        name: hashlib.sha256(array.astype("<f4").tobytes()).hexdigest()
        for name, array in decoded.arrays.items()
    }
    return found | {
        "sections": sections,
        "symbols_sha256": decoded.symbols_sha256,
        "arrays_sha256": hashes,
    }


def ply(decoded: Decoded) -> bytes:
    """Return the Gaussians as a PLY file with the properties of the original 3DGS implementation."""
    if decoded.meta.profile != GAUSSIAN:
        raise unsupported("anchors make Gaussians for a camera only, so there is no PLY file of them")
    arrays = decoded.arrays
    num = len(arrays["means"])
    rest = arrays["shN"].transpose(0, 2, 1).reshape(num, -1)  # all of red, of green, of blue
    columns = {name: arrays["means"][:, k] for k, name in enumerate("xyz")}
    columns |= {name: np.zeros(num, np.float32) for name in ("nx", "ny", "nz")}
    columns |= {f"f_dc_{k}": arrays["sh0"][:, k] for k in range(3)}
    columns |= {f"f_rest_{k}": rest[:, k] for k in range(rest.shape[1])}
    columns |= {"opacity": arrays["opacity_logits"]}
    columns |= {f"scale_{k}": arrays["log_scales"][:, k] for k in range(3)}
    columns |= {f"rot_{k}": arrays["quats"][:, k] for k in range(4)}
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {num}"]
    head += [f"property float {name}" for name in columns] + ["end_header", ""]
    return "\n".join(head).encode("ascii") + np.stack(list(columns.values()), axis=1).astype("<f4").tobytes()


def main() -> int:
    """Decode the file that the command line names."""
    parser = argparse.ArgumentParser(description="Decode a .hgs file, as SPEC.md says.")
    parser.add_argument("file", type=Path, metavar="FILE.hgs")
    parser.add_argument(
        "-o", dest="out", type=Path, metavar="OUT.ply", help="write the Gaussians to a PLY file"
    )
    parser.add_argument("--prior", type=Path, action="append", default=[], metavar="FILE.hgp")
    parser.add_argument("--json", action="store_true", help="print counts and hashes as JSON")
    arguments = parser.parse_args()
    try:
        decoded = decode(arguments.file.read_bytes(), [path.read_bytes() for path in arguments.prior])
        if arguments.out:
            arguments.out.write_bytes(ply(decoded))
    except HgsError as error:
        print(f"{arguments.file}: {error}", file=sys.stderr)
        return 1
    found = summary(decoded)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        hashes = found.pop("arrays_sha256")
        for name, entry in (found | hashes).items():
            print(f"{name}: {entry}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
