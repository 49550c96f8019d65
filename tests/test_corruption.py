"""Bad files: each raises an HgsError soon and without giant allocations, or doesn't differ in what it says.

The file is small (24 Gaussians, a random model of a few units), so that thousands of mutations are decoded to
the end in a minute; it has all that a file can have: dense and hashed levels, contexts, an SH band.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemgs_codec import decode, verify
from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.coding.model_fields import MAX_CONTEXT
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.decoder import decode_gaussians, decode_symbols
from hemgs_codec.inspect import describe
from hemgs_codec.location import encode_locations
from hemgs_codec.model.frozen import MAX_GRID_VALUES
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.scene import GaussianScene
from hemgs_codec.sections import KNOWN
from hemgs_format.constants import MAX_POINTS_PER_BYTE
from hemgs_format.container import layout, read_container, write_container
from hemgs_format.cursor import pack_varint
from hemgs_format.errors import (
    CorruptError,
    HgsError,
    LimitError,
    NotHgsError,
    TruncatedError,
    UnsupportedVersionError,
)
from hemgs_format.header import Header, pack_header
from hemgs_format.metadata import pack_metadata
from hemgs_format.sections import Section, pack_table
from tests.anchors.small import random_anchors, random_file
from tests.mutations import metadata_of, with_metadata, with_section
from tests.small import ROOT, crop, encode_with, random_fitted

MAX_ALLOCATED = 200_000_000
MAX_SECONDS = 5.0


@pytest.fixture(scope="module")
def small_file(chair: GaussianScene) -> bytes:
    scene = crop(chair, 24, sh_degree=1)
    return encode_with(scene, random_fitted(scene, hidden=2, context=3))


@pytest.fixture(scope="module")
def small_anchor_file() -> bytes:
    return random_file(random_anchors(24))


def sweep(data: bytes, kind: str, count: int, folder: Path) -> dict[str, Any]:
    """Decode mutants of a file in a process of its own and return its report."""
    path = folder / "small.hgs"
    path.write_bytes(data)
    child = Path(__file__).with_name("corruption_child.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    arguments = [sys.executable, "-W", "error", str(child), str(path), kind, str(count)]
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["findings"] == []
    assert report["slowest_s"] < MAX_SECONDS
    assert report["allocated_bytes"] < MAX_ALLOCATED
    return report


def test_every_truncation_raises_truncated_error(small_file: bytes, tmp_path: Path) -> None:
    assert sweep(small_file, "truncated", 0, tmp_path)["outcomes"] == {"TruncatedError": len(small_file)}


def test_2500_files_with_damaged_bytes_are_refused(small_file: bytes, tmp_path: Path) -> None:
    outcomes = sweep(small_file, "bytes", 2500, tmp_path)["outcomes"]
    assert sum(outcomes.values()) == 2500
    assert outcomes["CorruptError"] > 1000
    assert outcomes.get("same", 0) == 0


def test_2500_files_damaged_behind_right_checksums_are_refused_or_the_same(
    small_file: bytes, tmp_path: Path
) -> None:
    outcomes = sweep(small_file, "file", 2500, tmp_path)["outcomes"]
    assert sum(outcomes.values()) == 2500
    assert (
        outcomes.get("same", 0) < 100
    )  # few: a weight that changes no prediction, a value replaced by itself
    assert outcomes["LimitError"] > 0


def test_1500_damaged_files_of_anchors_are_refused_or_the_same(
    small_anchor_file: bytes, tmp_path: Path
) -> None:
    outcomes = sweep(small_anchor_file, "file", 1500, tmp_path)["outcomes"]
    assert outcomes.get("same", 0) < 100
    assert outcomes["CorruptError"] > 500
    outcomes = sweep(small_anchor_file, "bytes", 500, tmp_path)["outcomes"]
    assert outcomes.get("same", 0) == 0


def test_every_field_of_an_anchor_files_metadata_is_checked(small_anchor_file: bytes, tmp_path: Path) -> None:
    outcomes = sweep(small_anchor_file, "metadata", 0, tmp_path)["outcomes"]
    assert outcomes["CorruptError"] > 500
    assert outcomes.get("same", 0) < 30


def test_every_field_of_the_metadata_is_checked(small_file: bytes, tmp_path: Path) -> None:
    outcomes = sweep(small_file, "metadata", 0, tmp_path)["outcomes"]
    assert outcomes["CorruptError"] > 500
    assert outcomes.get("same", 0) < 30  # values replaced by themselves


def resized(data: bytes, num_points: int, locations: bytes | None = None) -> bytes:
    """State another number of points, on other location bytes if given."""
    container = read_container(data, known=KNOWN)
    if locations is not None:
        container = read_container(with_section(data, "LOCS", locations), known=KNOWN)
    return write_container(replace(container, num_points=num_points))


def resealed(data: bytes, **changes: Any) -> bytes:
    """Change keys of META and make the hash in it right again."""
    decoded = decode_symbols(data)
    fields = {**metadata_of(data), **changes}
    groups = decoded.fields.spec.groups
    fields["sha256"] = symbols_digest(
        fields, decoded.coords, decoded.walked.symbols, decoded.walked.parts, groups
    )
    return with_section(data, "META", pack_metadata(fields))


def with_unknown_section(data: bytes, section_id: str) -> bytes:
    container = read_container(data, known=KNOWN)
    return write_container(replace(container, sections=(*container.sections, Section(section_id, b"new"))))


def set_byte(data: bytes, position: int, value: int) -> bytes:
    return data[:position] + bytes([value]) + data[position + 1 :]


def oversize(data: bytes) -> bytes:
    """State more points than so few bytes may hold, with right checksums and without the writer's padding."""
    container = read_container(data, known=KNOWN)
    header = Header("gaussian", MAX_POINTS_PER_BYTE * len(data) + 1, 1, layout(data)[1].size)
    table = pack_table(container.sections)
    return pack_header(header, table) + table + b"".join(section.data for section in container.sections)


HUGE_GRID = [[7, 5, 1 << 20]] * 32
BROKEN: dict[str, tuple[type[HgsError], Callable[[bytes], bytes]]] = {
    "empty": (TruncatedError, lambda data: b""),
    "truncated": (TruncatedError, lambda data: data[:-1]),
    "bytes after the end": (CorruptError, lambda data: data + b"\0"),
    "bit-flipped": (CorruptError, lambda data: set_byte(data, len(data) - 1, data[-1] ^ 1)),
    "wrong magic": (NotHgsError, lambda data: b"ply" + data[3:]),
    "newer major": (UnsupportedVersionError, lambda data: set_byte(data, 8, 1)),
    "unknown critical section": (UnsupportedVersionError, lambda data: with_unknown_section(data, "NEW1")),
    "no Gaussians": (CorruptError, lambda data: resized(data, 0, b"")),
    "oversize count": (LimitError, lambda data: oversize(data)),
    "huge grid": (LimitError, lambda data: with_metadata(data, net=[2, 2, 2, 16, 3], grid=HUGE_GRID)),
    "huge layers": (LimitError, lambda data: with_metadata(data, net=[256, 256, 16, 16, 3])),
    "wide layers": (HgsError, lambda data: with_metadata(data, net=[120, 120, 2, 2, 3])),
    "wide contexts": (HgsError, lambda data: with_metadata(data, context=MAX_CONTEXT, window=255)),
    "huge lattice": (HgsError, lambda data: with_metadata(data, bits=21, step=160)),
    "coarse voxels": (HgsError, lambda data: with_metadata(data, voxel=25)),
    "scene beyond float32": (CorruptError, lambda data: resealed(data, unit=1e300)),
    "attributes beyond float32": (
        CorruptError,
        lambda data: resealed(
            data, scales=np.full(len(metadata_of(data)["scales"]) // 4, 3e38, "<f4").tobytes()
        ),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_way_to_be_wrong_has_its_error(name: str, small_file: bytes) -> None:
    expected, damage = BROKEN[name]
    check_refused(damage(small_file), expected)


@contextmanager
def within_bounds() -> Iterator[None]:
    """Fail if the block takes too long or allocates too much."""
    tracemalloc.start()
    start = time.process_time()  # by the wall a busy machine failed what takes half a second
    try:
        yield
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < MAX_SECONDS
    assert peak < MAX_ALLOCATED


def check_refused(data: bytes, expected: type[HgsError]) -> None:
    with within_bounds(), pytest.raises(expected):
        decode(data, threads=1)
    with pytest.raises(expected):
        verify(data)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spacing", [0, 1])
def test_as_many_points_as_the_bytes_allow_stay_within_bounds(
    order: Order, spacing: int, chair: GaussianScene
) -> None:
    # a heap or a line of points takes next to nothing, symbols of constant channels take nothing at all
    scene = crop(chair, 24, sh_degree=1)
    data = encode_with(scene, random_fitted(scene, hidden=2, context=MAX_CONTEXT, order=order))
    num_points = MAX_POINTS_PER_BYTE * len(data)
    coords = np.zeros((num_points, 3), np.int64)
    coords[:, 0] = np.arange(num_points) * spacing
    data = with_section(data, "LOCS", encode_locations(coords, 18))
    constant = bytes(len(metadata_of(data)["scales"]))
    data = with_metadata(data, window=255, voxel=16, step=0, bits=18, scales=constant)
    for layer in range(2):
        data = with_section(data, f"RUN{layer}", pack_varint(2**32 - 1))
    check_refused(resized(data, num_points), CorruptError)


def test_as_much_grid_as_the_format_allows_stays_within_bounds(chair: GaussianScene) -> None:
    # valid, and the most values in the fewest bytes: all alike
    scene = crop(chair, 24, sh_degree=0)
    levels = (Level((0, 1, 2), 5, MAX_GRID_VALUES // 2 // 16),) * 16
    fitted = random_fitted(scene, hidden=2, levels=levels)
    alike = replace(fitted.model, tables=[np.ones_like(table) for table in fitted.model.tables])
    data = encode_with(scene, replace(fitted, model=alike))
    assert len(data) < 20_000
    with within_bounds():
        assert decode_gaussians(data, threads=1).num_gaussians == 24
    check_refused(with_metadata(data, grid=[[7, 5, level.entries + 1] for level in levels]), LimitError)


def test_damage_behind_the_metadata_doesnt_keep_info_from_working(small_file: bytes) -> None:
    damaged = with_section(small_file, "NETS", b"1234")
    assert describe(damaged)["num_gaussians"] == 24
    with pytest.raises(HgsError):
        decode(damaged)


def test_an_unknown_skippable_section_is_skipped(small_file: bytes) -> None:
    data = with_unknown_section(small_file, "newA")
    np.testing.assert_array_equal(decode_gaussians(data).means, decode_gaussians(small_file).means)


def test_an_unchanged_file_reseals_to_itself(small_file: bytes) -> None:
    assert resealed(small_file) == small_file


@pytest.mark.parametrize("key", ["origin", "unit", "offsets", "scales", "lambda"])
def test_the_hash_covers_what_symbols_stand_for(key: str, small_file: bytes) -> None:
    value = metadata_of(small_file)[key]
    if isinstance(value, list):
        changed: Any = [value[0] + 1.0, *value[1:]]
    elif isinstance(value, bytes):
        changed = value[:3] + bytes([value[3] ^ 1]) + value[4:]
    else:
        changed = value + 1 if isinstance(value, int) else value * 2
    with pytest.raises(CorruptError):
        decode(with_metadata(small_file, **{key: changed}))
