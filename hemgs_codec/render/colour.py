"""The colours of Gaussians seen from a point, and their gradients.

Real spherical harmonics up to degree 3, with the signs and the order that 3DGS has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]

_CHUNK = 256  # Gaussians that share their room to work in
_C0 = 0.28209479177387814
_C1 = 0.4886025119029199
_C2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
_C3 = (0.5900435899266435, 2.890611442640554, 0.4570457994644658, 0.3731763325901154, 1.445305721320277)


class HasHarmonics(Protocol):
    """Positions with harmonics, as a `GaussianScene` has."""

    @property
    def means(self) -> Float32Array:
        """(N, 3)."""

    @property
    def sh0(self) -> Float32Array:
        """(N, 3)."""

    @property
    def shN(self) -> Float32Array:  # noqa: N802
        """(N, K - 1, 3)."""


@dataclass(frozen=True, eq=False)
class Harmonics:
    """Nothing but what colours are made of."""

    means: Float32Array
    sh0: Float32Array
    shN: Float32Array  # noqa: N815  as in GaussianScene


@compiled
def _harmonics(x: float, y: float, z: float, count: int, basis: Float64Array) -> None:
    """Fill in the first ``count``, or 3, of the harmonics after the constant one (15,)."""
    basis[0], basis[1], basis[2] = -_C1 * y, _C1 * z, -_C1 * x
    if count > 3:
        basis[3], basis[4] = _C2[0] * x * y, -_C2[0] * y * z
        basis[5] = _C2[1] * (2 * z * z - x * x - y * y)
        basis[6], basis[7] = -_C2[0] * x * z, _C2[2] * (x * x - y * y)
    if count > 8:
        basis[8] = -_C3[0] * y * (3 * x * x - y * y)
        basis[9] = _C3[1] * x * y * z
        basis[10] = -_C3[2] * y * (4 * z * z - x * x - y * y)
        basis[11] = _C3[3] * z * (2 * z * z - 3 * x * x - 3 * y * y)
        basis[12] = -_C3[2] * x * (4 * z * z - x * x - y * y)
        basis[13] = _C3[4] * z * (x * x - y * y)
        basis[14] = -_C3[0] * x * (x * x - 3 * y * y)


def harmonics_along(ways: Float64Array, degree: int) -> Float64Array:
    """Return the harmonics (M, (degree + 1)²) along unit vectors ``ways`` (M, 3), the constant one first."""
    basis = np.full((len(ways), (degree + 1) ** 2), _C0)
    _fill_harmonics(ways, basis)
    return basis


@cached_parallel
def _fill_harmonics(ways: Float64Array, basis: Float64Array) -> None:
    count = basis.shape[1] - 1
    for chunk in numba.prange((len(ways) + _CHUNK - 1) // _CHUNK):
        row = np.empty(15)
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(ways))):
            _harmonics(ways[i, 0], ways[i, 1], ways[i, 2], count, row)
            for k in range(count):
                basis[i, k + 1] = row[k]


@compiled
def _slopes(x: float, y: float, z: float, count: int, slope: Float64Array) -> None:
    """Fill in the harmonics' derivatives by direction (15, 3); where they are always 0 they are left so."""
    slope[0, 1], slope[1, 2], slope[2, 0] = -_C1, _C1, -_C1
    if count > 3:
        slope[3, 0], slope[3, 1] = _C2[0] * y, _C2[0] * x
        slope[4, 1], slope[4, 2] = -_C2[0] * z, -_C2[0] * y
        slope[5, 0], slope[5, 1], slope[5, 2] = -2 * _C2[1] * x, -2 * _C2[1] * y, 4 * _C2[1] * z
        slope[6, 0], slope[6, 2] = -_C2[0] * z, -_C2[0] * x
        slope[7, 0], slope[7, 1] = 2 * _C2[2] * x, -2 * _C2[2] * y
    if count > 8:
        xx, yy, zz = x * x, y * y, z * z
        slope[8, 0], slope[8, 1] = -6 * _C3[0] * x * y, -3 * _C3[0] * (xx - yy)
        slope[9, 0], slope[9, 1], slope[9, 2] = _C3[1] * y * z, _C3[1] * x * z, _C3[1] * x * y
        slope[10, 0], slope[10, 1] = 2 * _C3[2] * x * y, -_C3[2] * (4 * zz - xx - 3 * yy)
        slope[10, 2] = -8 * _C3[2] * y * z
        slope[11, 0], slope[11, 1] = -6 * _C3[3] * x * z, -6 * _C3[3] * y * z
        slope[11, 2] = _C3[3] * (6 * zz - 3 * xx - 3 * yy)
        slope[12, 0], slope[12, 1] = -_C3[2] * (4 * zz - 3 * xx - yy), 2 * _C3[2] * x * y
        slope[12, 2] = -8 * _C3[2] * x * z
        slope[13, 0], slope[13, 1], slope[13, 2] = (
            2 * _C3[4] * x * z,
            -2 * _C3[4] * y * z,
            _C3[4] * (xx - yy),
        )
        slope[14, 0], slope[14, 1] = -3 * _C3[0] * (xx - yy), 6 * _C3[0] * x * y


@cached_parallel
def _colours(
    means: Float32Array,
    sh0: Float32Array,
    shN: Float32Array,  # noqa: N803
    eye: Float64Array,
    out: Float32Array,
) -> None:
    count = shN.shape[1]
    for chunk in numba.prange((len(means) + _CHUNK - 1) // _CHUNK):
        basis = np.empty(15)
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(means))):
            x, y, z = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
            length = np.sqrt(x * x + y * y + z * z)
            if length > 0:
                x, y, z = x / length, y / length, z / length
            _harmonics(x, y, z, count, basis)
            for channel in range(3):
                value = 0.5 + _C0 * sh0[i, channel]
                for k in range(count):
                    value += basis[k] * shN[i, k, channel]
                out[i, channel] = max(value, 0.0)


def colours_from(scene: HasHarmonics, eye: Float64Array) -> Float32Array:
    """Return the colours (N, 3) of Gaussians seen from ``eye`` (3,), at least 0."""
    colours = np.empty((len(scene.means), 3), np.float32)
    _colours(scene.means, scene.sh0, scene.shN, eye, colours)
    return colours


@cached_parallel
def _colours_back(
    means: Float32Array,
    shN: Float32Array,  # noqa: N803
    eye: Float64Array,
    colours: Float32Array,
    given: Float64Array,
    by_sh0: Float64Array,
    by_rest: Float64Array,
    by_mean: Float64Array,
) -> None:
    count = shN.shape[1]
    for chunk in numba.prange((len(means) + _CHUNK - 1) // _CHUNK):
        basis, slope = np.empty(15), np.zeros((15, 3))
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(means))):
            x, y, z = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
            length = np.sqrt(x * x + y * y + z * z)
            if length == 0:
                continue
            x, y, z = x / length, y / length, z / length
            _harmonics(x, y, z, count, basis)
            _slopes(x, y, z, count, slope)
            toward_x, toward_y, toward_z = 0.0, 0.0, 0.0
            for channel in range(3):
                if colours[i, channel] <= 0:
                    continue  # clamped
                gradient = given[i, channel]
                by_sh0[i, channel] = _C0 * gradient
                for k in range(count):
                    by_rest[i, k, channel] = basis[k] * gradient
                    part = shN[i, k, channel] * gradient
                    toward_x += slope[k, 0] * part
                    toward_y += slope[k, 1] * part
                    toward_z += slope[k, 2] * part
            along = toward_x * x + toward_y * y + toward_z * z
            by_mean[i, 0] += (toward_x - along * x) / length
            by_mean[i, 1] += (toward_y - along * y) / length
            by_mean[i, 2] += (toward_z - along * z) / length


def colour_gradients(
    scene: HasHarmonics, eye: Float64Array, colours: Float32Array, given: Float64Array, by_mean: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return gradients by sh0 (N, 3) and shN (N, K - 1, 3); add those by position to ``by_mean`` (N, 3).

    Parameters
    ----------
    colours : (N, 3)
        What `colours_from` gave: where it was clamped there is no gradient.
    given : (N, 3)
        Gradients by colour.
    """
    by_sh0, by_rest = np.zeros(scene.sh0.shape), np.zeros(scene.shN.shape)
    _colours_back(scene.means, scene.shN, eye, colours, given, by_sh0, by_rest, by_mean)
    return by_sh0, by_rest


@cached_parallel
def _colour_squares(
    means: Float32Array,
    eye: Float64Array,
    colours: Float32Array,
    given: Float64Array,
    by_sh0: Float64Array,
    by_rest: Float64Array,
) -> None:
    count = by_rest.shape[1]
    for chunk in numba.prange((len(means) + _CHUNK - 1) // _CHUNK):
        basis = np.empty(15)
        for i in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(means))):
            if given[i] == 0.0:
                continue
            x, y, z = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
            length = np.sqrt(x * x + y * y + z * z)
            _harmonics(x / length, y / length, z / length, count, basis)
            for channel in range(3):
                if colours[i, channel] > 0:
                    by_sh0[i, channel] += _C0 * _C0 * given[i]
            for k in range(count):
                for channel in range(3):
                    if colours[i, channel] > 0:
                        by_rest[i, k, channel] += basis[k] * basis[k] * given[i]


def add_colour_squares(
    scene: HasHarmonics,
    eye: Float64Array,
    colours: Float32Array,
    given: Float64Array,
    by_sh0: Float64Array,
    by_rest: Float64Array,
) -> None:
    """Add squared derivatives by sh0 and shN to ``by_sh0`` (N, 3) and ``by_rest`` (N, K - 1, 3).

    Parameters
    ----------
    colours : (N, 3)
        What `colours_from` gave.
    given : (N,)
        The squared derivatives' sums by a colour channel, the same for all three.
    """
    _colour_squares(scene.means, eye, colours, given, by_sh0, by_rest)
