"""One Gaussian for what a slot's networks say from many sides: means, and harmonics by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.neural import MAX_OPACITY, AnchorTensors, neural_gaussians
from hemgs_codec.bake.exposure import LEAST_OPACITY
from hemgs_codec.render.colour import harmonics_along
from hemgs_codec.render.strokes import ALPHA_CUT
from hemgs_codec.scene import Float32Array, GaussianScene
from hemgs_format.errors import SceneError

Float64Array = npt.NDArray[np.float64]

RIDGE = 1e-3
"""What the bands after the constant one cost, as a share of the views' weight: little where views are many
and all around, enough where they are few."""
_CHUNK = 2048  # anchors at a time


@torch.no_grad()
def average(
    tensors: AnchorTensors, eyes: Sequence[Float64Array], exposures: Float32Array, sh_degree: int
) -> GaussianScene:
    """Make plain Gaussians of the slots that are seen.

    Parameters
    ----------
    eyes
        Where views are taken from, (3,) each.
    exposures : (V, S)
        How much each view shows of each slot in use, were it opaque: see `view_exposures`.

    Raises
    ------
    SceneError
        Nothing is seen.
    """
    parts = []
    start = 0
    for first in range(0, len(tensors.anchors), _CHUNK):
        chunk = _rows(tensors, slice(first, first + _CHUNK))
        end = start + int((chunk.masks > 0).sum())
        if end > start:
            parts.append(_averaged(chunk, eyes, exposures[:, start:end].astype(np.float64), sh_degree))
        start = end
    arrays = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    if not arrays or not len(arrays[0]):
        raise SceneError("no Gaussian of the scene is seen from the given cameras")
    return GaussianScene(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))


def _rows(a: AnchorTensors, rows: slice) -> AnchorTensors:
    return replace(
        a,
        anchors=a.anchors[rows],
        features=a.features[rows],
        log_scales=a.log_scales[rows],
        offsets=a.offsets[rows],
        masks=a.masks[rows],
    )


def _averaged(
    chunk: AnchorTensors, eyes: Sequence[Float64Array], exposures: Float64Array, sh_degree: int
) -> tuple[Float64Array, ...]:
    """Return arrays as in a `GaussianScene`, of the slots that are seen."""
    said = [neural_gaussians(chunk, eye, least_opacity=LEAST_OPACITY) for eye in eyes]

    def stacked(name: str) -> Float64Array:
        return np.stack([getattr(g, name).cpu().numpy() for g in said]).astype(np.float64)

    means = said[0].means.cpu().numpy().astype(np.float64)  # the same from everywhere
    opacities = stacked("opacities").reshape(len(eyes), -1)[:, said[0].slots.cpu().numpy()]
    opacities = opacities.clip(0.0, MAX_OPACITY)
    weights = exposures * opacities
    opacity = (exposures * opacities).sum(axis=0) / np.maximum(exposures.sum(axis=0), 1e-30)
    seen = (weights.sum(axis=0) > 0) & (opacity >= ALPHA_CUT)
    shares = weights[:, seen] / weights[:, seen].sum(axis=0)
    log_scales = np.einsum("vs,vsi->si", shares, stacked("log_scales")[:, seen])
    quats = _mean_rotations(stacked("quats")[:, seen], shares)
    coefficients = _harmonics(means[seen], eyes, stacked("colours")[:, seen], shares, sh_degree)
    logits = np.log(opacity[seen]) - np.log1p(-opacity[seen])
    return means[seen], log_scales, quats, logits, coefficients[:, 0], coefficients[:, 1:]


def _mean_rotations(quats: Float64Array, shares: Float64Array) -> Float64Array:
    """Return the quaternion (S, 4) nearest to those of views (V, S, 4), whose signs don't matter.

    Markley et al. 2007, "Averaging quaternions", equation 12.
    """
    outer = np.einsum("vs,vsi,vsj->sij", shares, quats, quats)
    return np.linalg.eigh(outer)[1][:, :, -1]


def _harmonics(
    means: Float64Array,
    eyes: Sequence[Float64Array],
    colours: Float64Array,
    shares: Float64Array,
    degree: int,
) -> Float64Array:
    """Fit harmonics (S, K, 3) to the colours (V, S, 3) that views have of each slot."""
    toward = means[None] - np.stack(eyes)[:, None]
    ways = toward / np.maximum(np.linalg.norm(toward, axis=2, keepdims=True), 1e-30)
    basis = harmonics_along(ways.reshape(-1, 3), degree).reshape(*ways.shape[:2], (degree + 1) ** 2)
    weighted = (basis * shares[:, :, None]).transpose(1, 2, 0)  # (S, K, V)
    normal = weighted @ basis.transpose(1, 0, 2)
    given = weighted @ (colours - 0.5).transpose(1, 0, 2)
    rest = np.arange(1, basis.shape[2])
    normal[:, rest, rest] += RIDGE
    return np.asarray(np.linalg.solve(normal, given))
