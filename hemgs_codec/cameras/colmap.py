"""A COLMAP model, binary or text: pinhole cameras and poses; points aren't read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec.render.camera import Camera
from hemgs_format.errors import SceneError

_MODELS = (
    "SIMPLE_PINHOLE",
    "PINHOLE",
    "SIMPLE_RADIAL",
    "RADIAL",
    "OPENCV",
    "OPENCV_FISHEYE",
    "FULL_OPENCV",
    "FOV",
    "SIMPLE_RADIAL_FISHEYE",
    "RADIAL_FISHEYE",
    "THIN_PRISM_FISHEYE",
)
_PARAMETERS = {"SIMPLE_PINHOLE": 3, "PINHOLE": 4}
Lens = tuple[int, int, float, float, float, float]


def find_model(folder: Path) -> Path | None:
    """Return the model's folder: this one, `sparse/0` or `sparse` in it, whichever has cameras first."""
    for place in (folder, folder / "sparse" / "0", folder / "sparse"):
        if any((place / f"cameras{suffix}").is_file() for suffix in (".bin", ".txt")):
            return place
    return None


def read_colmap(folder: Path) -> list[Camera]:
    """Read `cameras` and `images` of a model, .bin if there, else .txt; ordered by image name.

    Raises
    ------
    SceneError
        A camera isn't a pinhole, or a file is damaged.
    """
    return sorted((camera for _, camera in read_images(folder)), key=lambda camera: camera.name)


def read_images(folder: Path) -> list[tuple[str, Camera]]:
    """Read what `read_colmap` does, each camera with its image's name as the model has it, folders included.

    Raises
    ------
    SceneError
        A camera isn't a pinhole, or a file is damaged.
    """
    suffix = ".bin" if (folder / "cameras.bin").is_file() else ".txt"
    cameras_file, images_file = folder / f"cameras{suffix}", folder / f"images{suffix}"
    try:
        if suffix == ".bin":
            lenses = _binary_lenses(cameras_file)
            images = _binary_images(images_file)
        else:
            lenses = _text_lenses(cameras_file)
            images = _text_images(images_file)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise SceneError(f"{folder}: the COLMAP model is damaged ({error})") from error
    cameras = []
    for name, lens_id, quat, translation in images:
        if lens_id not in lenses:
            raise SceneError(
                f"{images_file}: image {name} has camera {lens_id}, which isn't in {cameras_file.name}"
            )
        width, height, fx, fy, cx, cy = lenses[lens_id]
        pose = np.eye(4)
        pose[:3, :3] = _rotation(quat, name)
        pose[:3, 3] = translation
        cameras.append((name, Camera(Path(name).name, width, height, fx, fy, cx, cy, pose)))
    if not cameras:
        raise SceneError(f"{images_file}: holds no images")
    return sorted(cameras, key=lambda named: named[0])


def _lens(model: str, width: int, height: int, parameters: list[float], file: Path) -> Lens:
    if model not in _PARAMETERS:
        raise SceneError(
            f"{file}: camera model {model} isn't a plain pinhole: undistort first (colmap image_undistorter)"
        )
    if len(parameters) != _PARAMETERS[model]:
        raise SceneError(f"{file}: {model} has {len(parameters)} parameters, expected {_PARAMETERS[model]}")
    fx, fy, cx, cy = parameters if model == "PINHOLE" else [parameters[0], *parameters]
    return width, height, fx, fy, cx, cy


def _rotation(quat: tuple[float, ...], name: str) -> npt.NDArray[np.float64]:
    q = np.array(quat)
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(q))
    if not 0 < length < np.inf:
        raise SceneError(f"image {name}: its rotation is no quaternion")
    w, x, y, z = q / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


Pose = tuple[str, int, tuple[float, ...], tuple[float, ...]]


def _binary_lenses(file: Path) -> dict[int, Lens]:
    data, at = file.read_bytes(), 8
    lenses = {}
    for _ in range(struct.unpack_from("<Q", data)[0]):
        lens_id, model_id, width, height = struct.unpack_from("<iiQQ", data, at)
        model = _MODELS[model_id] if 0 <= model_id < len(_MODELS) else f"number {model_id}"
        count = _PARAMETERS.get(model, 0)
        parameters = struct.unpack_from(f"<{count}d", data, at + 24)
        lenses[lens_id] = _lens(model, width, height, list(parameters), file)
        at += 24 + 8 * count
    return lenses


def _binary_images(file: Path) -> list[Pose]:
    data, at = file.read_bytes(), 8
    images: list[Pose] = []
    for _ in range(struct.unpack_from("<Q", data)[0]):
        _, *pose, lens_id = struct.unpack_from("<i7di", data, at)
        at += 64
        end = data.index(b"\0", at)
        name = data[at:end].decode()
        (points,) = struct.unpack_from("<Q", data, end + 1)
        at = end + 9 + 24 * points
        images.append((name, lens_id, tuple(pose[:4]), tuple(pose[4:])))
    return images


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def _text_lenses(file: Path) -> dict[int, Lens]:
    lenses = {}
    for line in filter(str.strip, _lines(file)):
        lens_id, model, width, height, *parameters = line.split()
        lenses[int(lens_id)] = _lens(model, int(width), int(height), [float(p) for p in parameters], file)
    return lenses


def _text_images(file: Path) -> list[Pose]:
    images: list[Pose] = []
    for line in _lines(file)[::2]:  # every second line lists points
        if not line.strip():
            continue
        _, *pose, lens_id, name = line.split(maxsplit=9)
        if len(pose) != 7:
            raise ValueError(f"a pose of {len(pose)} numbers, expected 7")
        numbers = tuple(float(value) for value in pose)
        images.append((name, int(lens_id), numbers[:4], numbers[4:]))
    return images
