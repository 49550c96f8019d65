"""An anchor scene: what Scaffold-GS and the codecs built on it train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.networks import RenderingNetworks
from hemgs_format.errors import SceneError

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AnchorScene:
    """N anchors of K slots each, float32, with the networks that turn them into Gaussians.

    Attributes
    ----------
    anchors : (N, 3)
        Positions: integer multiples of the voxel size, as float32 multiplies them.
    features : (N, D)
    log_scales : (N, 6)
        Log of the scales of offsets (first three) and of Gaussians (last three).
    offsets : (N, K, 3)
        Where the slots' Gaussians are, in scales of offsets.
    masks : (N, K) bool
        Slots that are in use.
    networks : RenderingNetworks
    voxel_size : float or None
        Spacing of the anchors' lattice; None: unknown.
    """

    anchors: Float32Array
    features: Float32Array
    log_scales: Float32Array
    offsets: Float32Array
    masks: npt.NDArray[np.bool]
    networks: RenderingNetworks
    voxel_size: float | None = None

    @property
    def num_anchors(self) -> int:
        """N."""
        return len(self.anchors)

    def validate(self) -> None:
        """Check shapes and values.

        Raises
        ------
        SceneError
            No anchors, arrays of other shapes, NaNs or infinities.
        """
        count, shape = len(self.anchors), self.networks.shape
        if count == 0:
            raise SceneError("the scene holds no anchors, expected at least one")
        expected = {
            "anchors": (count, 3),
            "features": (count, shape.features),
            "log_scales": (count, 6),
            "offsets": (count, shape.slots, 3),
            "masks": (count, shape.slots),
        }
        for name, size in expected.items():
            array = getattr(self, name)
            if array.shape != size:
                raise SceneError(f"{name} of an anchor scene are {array.shape}, expected {size}")
            if array.dtype.kind != "b" and not np.isfinite(array).all():
                row = int(np.flatnonzero(~np.isfinite(array).reshape(count, -1).all(axis=1))[0])
                raise SceneError(f"{name} of anchor {row} hold a NaN or infinity")
        if self.voxel_size is not None and not 0 < self.voxel_size < np.inf:
            raise SceneError(f"the voxel size is {self.voxel_size}, expected a positive number")
