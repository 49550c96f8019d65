"""What a reader finds in a conformance file: what the .json beside it says."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.decoder import Scene
from hemgs_codec.scene import GaussianScene

_ANCHOR_ARRAYS = ("anchors", "features", "log_scales", "offsets", "masks")


def point_arrays(scene: Scene) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that have a row for each point."""
    gaussian = tuple(field.name for field in fields(GaussianScene))
    names = gaussian if isinstance(scene, GaussianScene) else _ANCHOR_ARRAYS
    return {name: getattr(scene, name) for name in names}


def arrays_of(scene: Scene) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of a scene, those of rendering networks by layer."""
    arrays = point_arrays(scene)
    if not isinstance(scene, GaussianScene):
        for name in scene.networks.shape.layers():
            arrays[f"{name}.weights"] = scene.networks.weights[name]
            arrays[f"{name}.biases"] = scene.networks.biases[name]
    return arrays


def array_hashes(scene: Scene) -> dict[str, str]:
    """Return the SHA-256 of each array of a scene as f32le, masks as 0 and 1."""
    return {
        name: hashlib.sha256(np.asarray(array, "<f4").tobytes()).hexdigest()
        for name, array in arrays_of(scene).items()
    }


def facts(scene: Scene) -> dict[str, Any]:
    """Return numbers that say what kind of scene it is, and its first point."""
    first = {name: array[0].tolist() for name, array in point_arrays(scene).items()}
    if isinstance(scene, GaussianScene):
        return {
            "num_gaussians": scene.num_gaussians,
            "sh_degree": scene.sh_degree,
            "first_gaussian": first,
        }
    shape = scene.networks.shape
    return {
        "num_anchors": scene.num_anchors,
        "features": shape.features,
        "slots": shape.slots,
        "distances": list(shape.distances),
        "feature_bank": shape.feature_bank,
        "voxel_size": scene.voxel_size,
        "first_anchor": first,
    }
