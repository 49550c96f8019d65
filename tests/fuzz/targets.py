"""What is fuzzed: readers of bytes, each with seeds.

A target returns where its input is refused as it should be. Any exception but `HgsError` is a find, and so
are ten seconds or four gigabytes for a few kilobytes.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hemgs_codec.sections import KNOWN
from hemgs_format.container import layout, read_container
from hemgs_format.errors import HgsError

VECTORS = Path(__file__).parents[2] / "format" / "vectors" / "valid"
MAX_FUZZED_POINTS = 4096  # of a location stream: more only takes longer


class Target(NamedTuple):
    """A reader and its seeds."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


def run(name: str, data: bytes) -> None:
    """Read one input; raise what no reader may raise."""
    try:
        TARGETS[name].read(data)
    except HgsError:
        return


def _vectors() -> list[bytes]:
    return [path.read_bytes() for path in sorted(VECTORS.glob("*.hgs"))]


def _sections(section_id: str) -> list[tuple[int, bytes]]:
    """Return the number of points and the payload of a section of each vector."""
    containers = [read_container(data, known=KNOWN) for data in _vectors()]
    return [(c.num_points, s.data) for c in containers for s in c.sections if s.id == section_id]


def read_front(data: bytes) -> None:
    """Read a container and list it."""
    layout(data)
    read_container(data, known=KNOWN)


def read_resealed_front(data: bytes) -> None:
    """Read a container whose checksum of header and table is right, so that the table is what is fuzzed."""
    if len(data) >= 28:
        end = 28 + int.from_bytes(data[20:24], "little")
        checksum = zlib.crc32(data[28:end], zlib.crc32(data[:24]))
        data = data[:24] + checksum.to_bytes(4, "little") + data[28:]
    read_front(data)


def read_fields(data: bytes) -> None:
    """Read metadata, then the fields of either profile."""
    from hemgs_codec.coding.fields import unpack_fields
    from hemgs_format.metadata import pack_metadata, unpack_metadata

    metadata = unpack_metadata(data)
    pack_metadata(metadata)  # what is read can be hashed
    for profile in ("gaussian", "anchor"):
        try:
            unpack_fields(metadata, profile)
        except HgsError:
            continue


def read_locations(data: bytes) -> None:
    """Read an octree, after two bytes of points and one of bits."""
    from hemgs_codec.location import decode_locations

    if len(data) >= 3:
        points = int.from_bytes(data[:2], "little") % MAX_FUZZED_POINTS
        coords = decode_locations(data[3:], points, data[2] % 24)
        if len(coords) != points:
            raise AssertionError(f"{len(coords)} points, expected {points}")


def read_gaussians(data: bytes) -> None:
    """Read a 3DGS PLY, with and without leaving out what isn't valid.

    What is refused with it is refused without it, so most inputs are read once.
    """
    from hemgs_codec.ply import read_ply

    for drop_invalid in (True, False):
        read_ply(io.BytesIO(data), drop_invalid=drop_invalid).validate()


@cache
def _folder() -> Path:
    in_memory = os.access(_MEMORY, os.W_OK)  # files on disks take most of the time
    holder = tempfile.TemporaryDirectory(dir=_MEMORY if in_memory else None)
    _HOLDERS.append(holder)
    return Path(holder.name)


_MEMORY = "/dev/shm"  # Linux has files in memory there
_HOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def _as_file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def read_networks(data: bytes) -> None:
    """Read a checkpoint of an anchor scene's networks."""
    from hemgs_codec.anchors.checkpoint import read_checkpoint
    from hemgs_codec.anchors.states import networks_of

    networks_of(read_checkpoint(_as_file("checkpoint.pth", data)), features=4, slots=2)


def read_anchors(data: bytes) -> None:
    """Read an anchor PLY."""
    from hemgs_codec.anchors.ply import read_anchor_ply

    read_anchor_ply(_as_file("point_cloud.ply", data))


def read_views(data: bytes) -> None:
    """Read cameras of each kind; COLMAP's two files are cut at the byte that the first one tells."""
    from hemgs_codec.cameras import read_cameras
    from hemgs_codec.cameras.colmap import read_colmap

    if not data:
        return
    kind, body = data[0] % 4, data[1:]
    if kind == 0:
        read_cameras(_as_file("cameras.json", body))
    elif kind == 1:
        read_cameras(_as_file("transforms_train.json", body))
    else:
        suffix = (".bin", ".txt")[kind - 2]
        folder = _folder() / suffix[1:]
        folder.mkdir(exist_ok=True)
        cut = body[0] if body else 0
        (folder / f"cameras{suffix}").write_bytes(body[1 : 1 + cut])
        (folder / f"images{suffix}").write_bytes(body[1 + cut :])
        read_colmap(folder)


def ply_seeds() -> list[bytes]:
    """Return PLY files of each encoding, with and without higher bands."""
    from hemgs_codec.ply import write_ply
    from tests.strategies import random_scene

    seeds = []
    for degree in (0, 1):
        stream = io.BytesIO()
        write_ply(random_scene(2, sh_degree=degree), stream)
        seeds.append(stream.getvalue())
    head, body = seeds[0].split(b"end_header\n")
    rows = np.frombuffer(body, "<f4").reshape(2, -1)
    text = "".join(" ".join(f"{value:g}" for value in row) + "\n" for row in rows).encode()
    ascii_head = head.replace(b"binary_little_endian", b"ascii") + b"end_header\n"
    big = head.replace(b"little", b"big") + b"end_header\n" + rows.astype(">f4").tobytes()
    lists = head + b"element face 1\nproperty list uchar int vertex_indices\nend_header\n" + body + bytes(13)
    return [*seeds, ascii_head + text, big, lists, seeds[0].replace(b"float x", b"double x") + bytes(8)]


def anchor_ply_seeds() -> list[bytes]:
    """Return the PLY of a small anchor scene."""
    return [_anchor_file("point_cloud.ply")]


def checkpoint_seeds() -> list[bytes]:
    """Return a checkpoint as it is, and in the older form that isn't a zip archive."""
    import torch

    modern = _anchor_file("checkpoints.pth")
    old = io.BytesIO()
    states = torch.load(io.BytesIO(modern), weights_only=True)
    torch.save(states, old, _use_new_zipfile_serialization=False)
    return [modern, old.getvalue()]


def _anchor_file(name: str) -> bytes:
    from hemgs_codec.anchors.write import write_anchor_scene
    from tests.anchors.small import random_anchors

    with tempfile.TemporaryDirectory() as folder:
        place = write_anchor_scene(Path(folder), random_anchors(3))
        return next(place.rglob(name)).read_bytes()


def camera_seeds() -> list[bytes]:
    """Return small files of every kind of camera."""
    turn = np.eye(3).tolist()
    view = {"img_name": "a", "width": 4, "height": 3, "fx": 5.0, "fy": 5.0}
    view |= {"position": [0, 0, 1], "rotation": turn}
    frame = {"file_path": "a.png", "transform_matrix": np.eye(4).tolist()}
    transforms = {"camera_angle_x": 0.7, "w": 4, "h": 3, "frames": [frame]}
    lens = struct.pack("<QiiQQ4d", 1, 1, 1, 4, 3, 5, 5, 2, 1.5)
    image = struct.pack("<Qi7di", 1, 1, 1, 0, 0, 0, 0, 0, 1, 1) + b"a.png\0" + bytes(8)
    lens_text = b"1 PINHOLE 4 3 5 5 2 1.5\n"
    image_text = b"1 1 0 0 0 0 0 1 1 a.png\n\n"
    return [
        b"\0" + json.dumps([view]).encode(),
        b"\1" + json.dumps(transforms).encode(),
        bytes([2, len(lens)]) + lens + image,
        bytes([3, len(lens_text)]) + lens_text + image_text,
    ]


def location_seeds() -> list[bytes]:
    """Return the locations of vectors, and how many they are of how many bits."""
    from tests.mutations import metadata_of

    bits = [metadata_of(data)["bits"] for data in _vectors()]
    return [
        points.to_bytes(2, "little") + bytes([width]) + payload
        for (points, payload), width in zip(_sections("LOCS"), bits, strict=True)
        if points < MAX_FUZZED_POINTS
    ]


TARGETS = {
    "container": Target(read_front, _vectors),
    "table": Target(read_resealed_front, _vectors),
    "metadata": Target(read_fields, lambda: [payload for _, payload in _sections("META")]),
    "locations": Target(read_locations, location_seeds),
    "ply": Target(read_gaussians, ply_seeds),
    "anchor-ply": Target(read_anchors, anchor_ply_seeds),
    "checkpoint": Target(read_networks, checkpoint_seeds),
    "cameras": Target(read_views, camera_seeds),
}
