"""Lengths of a scene: how fine its lattice should be, and how far apart points are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.render.camera import Camera

_CHUNK = 1 << 24  # distances at once
_NEIGHBOURS = 3
_SAMPLE = 20_000
_PIXELS = 0.5


def pixel_voxel_size(cameras: Sequence[Camera], points: npt.NDArray[np.float64]) -> float:
    """Return half of what a pixel covers at the distance of points (P, 3): the median.

    Offsets place Gaussians more finely than their anchors, so a finer lattice only costs.
    """
    sample = points[:: max(len(points) // _SAMPLE, 1)]
    sizes = []
    for camera in cameras:
        depth = sample @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]
        ahead = depth[depth > 0]
        if len(ahead):
            sizes.append(float(np.median(ahead)) / camera.fx)
    return float(np.float32(_PIXELS * np.median(sizes))) if sizes else 1e-3


def nearest_distances(anchors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the root of the mean squared distance (N,) to the three nearest others."""
    places = torch.from_numpy(anchors)
    count = min(_NEIGHBOURS + 1, len(anchors))
    if count == 1:
        return np.zeros(len(anchors))
    found = []
    for part in torch.split(places, max(_CHUNK // len(anchors), 1)):
        near = torch.cdist(part, places).topk(count, largest=False).values[:, 1:]
        found.append(near.square().mean(dim=1).sqrt())
    return torch.cat(found).numpy().astype(np.float64)
