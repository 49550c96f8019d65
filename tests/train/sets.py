"""Small data sets on disk in each of the field's layouts, written without the code under test."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Array = npt.NDArray[np.float64]

WIDTH, HEIGHT, FOCAL = 40, 30, 50.0
RADIUS = 4.0
BALL = 0.8


def ring(count: int) -> list[Array]:
    """Return camera-to-world matrices (x right, y down, z forward) around the origin, at two heights."""
    poses = []
    for number in range(count):
        turn, height = 2 * math.pi * number / count, 0.6 * (-1) ** number
        flat = math.cos(height)
        forward = -np.array([flat * math.cos(turn), flat * math.sin(turn), math.sin(height)])
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = -RADIUS * forward
        poses.append(pose)
    return poses


def photo(number: int, size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, (10 + number, 100, 200))


def ball(size: int, focal: float) -> Image.Image:
    """Draw a green ball of radius BALL about the origin, seen from RADIUS, before nothing."""
    image = Image.new("RGBA", (size, size), (255, 0, 0, 0))
    half = focal * math.tan(math.asin(BALL / RADIUS))
    box = (size / 2 - half, size / 2 - half, size / 2 + half - 1, size / 2 + half - 1)
    ImageDraw.Draw(image).ellipse(box, fill=(0, 255, 0, 255))
    return image


def write_blender(folder: Path, count: int = 16, tests: int = 3, *, size: int = 40) -> None:
    """Write photos of a ball; the names of training and test photos are the same."""
    for split, number in (("train", count), ("test", tests)):
        (folder / split).mkdir(parents=True)
        frames = []
        for place, pose in enumerate(ring(number)):
            ball(size, 1.25 * size).save(folder / split / f"r_{place}.png")
            matrix = (pose @ np.diag([1.0, -1, -1, 1])).tolist()
            frames.append({"file_path": f"./{split}/r_{place}", "transform_matrix": matrix})
        content = {"camera_angle_x": 2 * math.atan(0.5 / 1.25), "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(content))


def write_nerfstudio(folder: Path, more: Mapping[str, object] | None = None, count: int = 20) -> None:
    """Write frames in an order that isn't their names'."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for place, pose in reversed(list(enumerate(ring(count)))):
        photo(place, (WIDTH, HEIGHT)).save(folder / "images" / f"f_{place:02d}.png")
        matrix = (pose @ np.diag([1.0, -1, -1, 1])).tolist()
        frames.append({"file_path": f"images/f_{place:02d}.png", "transform_matrix": matrix})
    lens = {"w": WIDTH, "h": HEIGHT, "fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2}
    content = {"camera_model": "OPENCV", **lens, "frames": frames, **(more or {})}
    (folder / "transforms.json").write_text(json.dumps(content))


def write_colmap(
    folder: Path,
    count: int = 20,
    *,
    names: list[str] | None = None,
    points: bytes | None = None,
    sizes: dict[str, tuple[int, int]] | None = None,
) -> None:
    """Write a binary model of one PINHOLE lens, 40 by 30 pixels, its images in reverse order, and photos."""
    names = names or [f"p_{place:02d}.png" for place in range(count)]
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    lens = struct.pack("<QiiQQ4d", 1, 3, 1, WIDTH, HEIGHT, FOCAL, FOCAL + 1, WIDTH / 2 + 1, HEIGHT / 2 - 1)
    (model / "cameras.bin").write_bytes(lens)
    images = [struct.pack("<Q", len(names))]
    for place, (name, pose) in enumerate(zip(names, ring(len(names)), strict=True)):
        inverse = np.linalg.inv(pose).astype(np.float64)
        images.insert(
            1,
            struct.pack("<i7di", place + 1, *quaternion(inverse[:3, :3]), *inverse[:3, 3], 3)
            + name.encode()
            + struct.pack("<xQ2dq", 1, 1.0, 2.0, -1),
        )
    (model / "images.bin").write_bytes(b"".join(images))
    if points is not None:
        (model / "points3D.bin").write_bytes(points)
    for images_folder, size in (sizes or {"images": (WIDTH, HEIGHT)}).items():
        for place, name in enumerate(names):
            path = folder / images_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            photo(place, size).save(path)


def points_binary(points: Array, tracks: int = 2) -> bytes:
    """Write COLMAP's points3D.bin: the n-th point's track is n % (tracks + 1) long."""
    parts = [struct.pack("<Q", len(points))]
    for number, point in enumerate(points):
        length = number % (tracks + 1)
        parts.append(struct.pack("<Q3d3BdQ", number + 1, *point, 1, 2, 3, 0.5, length))
        parts.append(struct.pack(f"<{2 * length}i", *range(2 * length)))
    return b"".join(parts)


def points_text(points: Array) -> str:
    lines = ["# 3D point list", "#   POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]"]
    for number, (x, y, z) in enumerate(points.tolist()):
        lines.append(f"{number + 1} {x!r} {y!r} {z!r} 1 2 3 0.5 {'1 2 ' * (number % 3)}".rstrip())
    return "\n".join(lines) + "\n"


def quaternion(rotation: Array) -> list[float]:
    """Return w, x, y, z by the eigenvector of the rotation's symmetric 4 by 4 matrix (Bar-Itzhack 2000)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    vector: list[float] = np.linalg.eigh(matrix)[1][:, -1].tolist()
    return vector
