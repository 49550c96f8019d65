"""Measured weights kept on disk: another option or lambda of the same scene and views measures nothing."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from pathlib import Path

import numpy as np

from hemgs_codec.atomic import atomic_write
from hemgs_codec.distortion.views import ViewSet
from hemgs_codec.distortion.weights import GEOMETRY_SHARE, Weights
from hemgs_codec.scene import GaussianScene, update_digest
from hemgs_codec.version import __version__


def weights_key(scene: GaussianScene, views: ViewSet, seed: int, threads: int) -> bytes:
    """Hash all that measured weights depend on: scene, views, seed, threads and version."""
    digest = hashlib.sha256(repr((__version__, GEOMETRY_SHARE, seed, threads, views.background)).encode())
    update_digest(digest, scene)
    for camera in views.measured:
        lens = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
        digest.update(repr(lens).encode())
        digest.update(np.ascontiguousarray(camera.world_to_camera, dtype="<f8").tobytes())
    return digest.digest()


def load_weights(path: Path, shape: tuple[int, int]) -> Weights | None:
    """Return the weights (N, C) in a file, None where there are none or they are of another shape."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            importance = arrays["importance"]
            weights = Weights(arrays["values"], arrays["positions"], importance if importance.size else None)
        weights.check(shape)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return weights


def store_weights(path: Path, weights: Weights) -> None:
    """Keep measured weights; where that can't be written to, they are measured again next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, force=True) as stream:
            np.savez(
                stream,
                values=weights.values,
                positions=weights.positions,
                importance=np.zeros(0) if weights.importance is None else weights.importance,
            )
    except OSError as error:
        warnings.warn(f"the weights aren't kept: {error}", stacklevel=2)
