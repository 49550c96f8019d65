"""A scene of 3D Gaussians: named float32 arrays, pre-activation, as the original 3DGS trainer stores them.

The constructor settles what the arrays look like (shape, dtype, layout); `validate` settles what they hold.
Code that is given a scene never checks either again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import SceneError

Float32Array = npt.NDArray[np.float32]

MAX_SH_DEGREE = 3
# SH coefficients per colour channel beyond the DC one, by degree: (degree + 1)² − 1.
SH_REST_COUNTS = tuple((degree + 1) ** 2 - 1 for degree in range(MAX_SH_DEGREE + 1))


@dataclass(frozen=True, eq=False)
class GaussianScene:
    """N Gaussians, all arrays float32 and C-contiguous.

    Parameters
    ----------
    means : (N, 3)
        Positions, in the scene's own units and axes.
    log_scales : (N, 3)
        Natural logarithms of the standard deviations along the Gaussian's own axes.
    quats : (N, 4)
        Rotations as *wxyz*; they needn't be of unit length.
    opacity_logits : (N,)
        Opacity before the sigmoid.
    sh0 : (N, 3)
        Spherical-harmonics DC coefficients, RGB.
    shN : (N, K-1, 3)
        The other coefficients, K = (degree + 1)², band by band, RGB last; (N, 0, 3) for degree 0.

    Raises
    ------
    SceneError
        If an array has another dtype, shape or layout, the SH degree is beyond 3, or there is no Gaussian.
    """

    means: Float32Array
    log_scales: Float32Array
    quats: Float32Array
    opacity_logits: Float32Array
    sh0: Float32Array
    shN: Float32Array  # noqa: N815  the field's own name for it

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_layout(field.name, getattr(self, field.name))
        num_gaussians = self.means.shape[0] if self.means.ndim else 1
        if num_gaussians == 0:
            raise SceneError("the scene holds no Gaussians; expected at least one")
        num_rest = self.shN.shape[1] if self.shN.ndim == 3 else -1
        if num_rest not in SH_REST_COUNTS:
            raise SceneError(
                f"shN has shape {self.shN.shape}, expected (N, K-1, 3) with K-1 one of {list(SH_REST_COUNTS)}"
            )
        expected: dict[str, tuple[int, ...]] = {
            "means": (num_gaussians, 3),
            "log_scales": (num_gaussians, 3),
            "quats": (num_gaussians, 4),
            "opacity_logits": (num_gaussians,),
            "sh0": (num_gaussians, 3),
            "shN": (num_gaussians, num_rest, 3),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise SceneError(f"{name} has shape {getattr(self, name).shape}, expected {shape}")

    @property
    def num_gaussians(self) -> int:
        """N."""
        return int(self.means.shape[0])

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3."""
        return SH_REST_COUNTS.index(self.shN.shape[1])

    def validate(self) -> None:
        """Check that every value can be coded.

        Raises
        ------
        SceneError
            If a value isn't finite or a quaternion is zero; the first such row is named.
        """
        for field in fields(self):
            values = getattr(self, field.name).reshape(self.num_gaussians, -1)
            is_finite = np.isfinite(values)
            if not is_finite.all():  # by rows it takes several times as long
                bad = ~is_finite.all(axis=1)
                raise SceneError(
                    f"{field.name} isn't finite in {int(bad.sum())} of {self.num_gaussians} Gaussians, "
                    f"first in row {int(bad.argmax())}"
                )
        zero = ~self.quats.any(axis=1)
        if zero.any():
            raise SceneError(f"the quaternion of row {int(zero.argmax())} is zero; it stands for no rotation")

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> GaussianScene:
        """Return the scene of the chosen rows, in their order.

        Parameters
        ----------
        rows : (M,) integer or (N,) bool
            Indices, or a mask.
        """
        return GaussianScene(*(np.ascontiguousarray(getattr(self, f.name)[rows]) for f in fields(self)))


def join_scenes(parts: Sequence[GaussianScene]) -> GaussianScene:
    """Return the scene of all Gaussians of one or more scenes of one SH degree, in their order."""
    names = [field.name for field in fields(GaussianScene)]
    return GaussianScene(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def update_digest(digest: hashlib._Hash, scene: GaussianScene) -> None:
    """Feed a scene's arrays to a hash."""
    for field in fields(scene):
        array = getattr(scene, field.name)
        digest.update(repr(array.shape).encode())
        digest.update(array.tobytes())


def _check_layout(name: str, array: object) -> None:
    if not isinstance(array, np.ndarray):
        raise SceneError(f"{name} is a {type(array).__name__}, expected a NumPy array")
    if array.dtype != np.float32:
        raise SceneError(f"{name} has dtype {array.dtype}, expected float32")
    if not array.flags.c_contiguous:
        raise SceneError(f"{name} isn't C-contiguous; pass np.ascontiguousarray({name})")
