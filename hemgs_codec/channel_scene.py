"""A scene as the codec sees it, of whatever profile: positions, and channels that it codes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.anchors import profile as anchor_profile
from hemgs_codec.anchors.network_coding import NetworkIntegers
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.lattice import Lattice
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import GaussianShape, Shape


@dataclass(frozen=True, eq=False)
class ChannelScene:
    """N points with C channels.

    Attributes
    ----------
    means : (N, 3) float32
    attributes : (N, C) float64
        Of the shape's groups, side by side.
    num_input : int
        Points of the scene that was given, before some were left out.
    lattice : Lattice or None
        That positions are coded on; None: chosen by what errors cost, and λ.
    networks : NetworkIntegers or None
        That an anchor scene is rendered with.
    """

    shape: Shape
    means: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float64]
    num_input: int
    lattice: Lattice | None = None
    networks: NetworkIntegers | None = None

    @property
    def count(self) -> int:
        """N."""
        return len(self.means)

    def update_digest(self, digest: hashlib._Hash) -> None:
        """Feed all that a fit depends on to a hash."""
        digest.update(repr((self.shape, self.lattice)).encode())
        for array in (self.means, self.attributes):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())


def gaussian_channels(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64] | None = None,
    num_input: int | None = None,
) -> ChannelScene:
    """Return the channels of a Gaussian scene.

    Parameters
    ----------
    attributes : (N, C) float64 or None
        None: those of `profile.attributes_from_scene`.
    num_input
        Gaussians before the scene was compacted; None: as many as now.
    """
    return ChannelScene(
        GaussianShape(scene.sh_degree),
        scene.means,
        profile.attributes_from_scene(scene) if attributes is None else attributes,
        scene.num_gaussians if num_input is None else num_input,
    )


def anchor_channels(
    scene: AnchorScene,
    networks: NetworkIntegers,
    position_bits: int | None = None,
    num_input: int | None = None,
    importance: npt.NDArray[np.float64] | None = None,
) -> ChannelScene:
    """Return the channels of an anchor scene, on the lattice of `anchor_profile.anchor_lattice`.

    Parameters
    ----------
    importance : (N,) float64 or None
        log2 of how coarse anchors' steps may be, where it's known already; None: `Weights` may bring it.
    """
    attributes = anchor_profile.attributes_from_anchors(scene)
    if importance is not None:
        attributes[:, 0] = importance
    return ChannelScene(
        scene.networks.shape,
        scene.anchors,
        attributes,
        scene.num_anchors if num_input is None else num_input,
        anchor_profile.anchor_lattice(scene, position_bits),
        networks,
    )


def anchor_digest(scene: AnchorScene) -> bytes:
    """Return the SHA-256 of an anchor scene, but for offsets of slots that aren't in use."""
    digest = hashlib.sha256(repr((scene.networks.shape, scene.voxel_size)).encode())
    attributes = anchor_profile.attributes_from_anchors(scene)
    slots = scene.networks.shape.slots
    attributes[:, -3 * slots :] *= np.repeat(scene.masks, 3, axis=1)
    arrays: list[npt.NDArray[np.floating]] = [scene.anchors, attributes + 0.0]
    for name in scene.networks.shape.layers():
        arrays += [scene.networks.weights[name], scene.networks.biases[name]]
    for array in arrays:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()
