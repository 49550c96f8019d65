"""The canonical form of a Gaussian's shape: one (scales, rotation) of the 48 that draw the same thing.

A Gaussian's covariance is R S Sᵀ Rᵀ with R = R(q). It doesn't change when q is negated (2 ways), nor when
the Gaussian's own axes are renamed by a rotation of the cube (24 ways: 6 orders, then 4 half-turns).
Canonical is

* log-scales in descending order, so that their differences have one sign and few values;
* the half-turn and sign with the largest w, hence w ≥ 0.5: then x, y, z alone say it all,
  w = √(1 − x² − y² − z²), and an error in x, y, z grows at most by √3 on its way to w.

Only the encoder chooses; a decoder calls `quats_from_xyz` and never knows that there was a choice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.scene import GaussianScene

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.floating]

# Rotations that take the axes 0, 1, 2 to the axes a, b, ±c, in the row 3a + b. The sign makes each a proper
# rotation; which axis it falls on doesn't matter, for the half-turns come after.
_HALF = 0.5
_ROOT = 0.5**0.5
_ORDER_QUATS = np.zeros((9, 4))
_ORDER_QUATS[3 * 0 + 1] = (1.0, 0.0, 0.0, 0.0)
_ORDER_QUATS[3 * 1 + 2] = (_HALF, _HALF, _HALF, _HALF)
_ORDER_QUATS[3 * 2 + 0] = (_HALF, -_HALF, -_HALF, -_HALF)
_ORDER_QUATS[3 * 1 + 0] = (0.0, _ROOT, _ROOT, 0.0)
_ORDER_QUATS[3 * 0 + 2] = (_ROOT, _ROOT, 0.0, 0.0)
_ORDER_QUATS[3 * 2 + 1] = (_ROOT, 0.0, -_ROOT, 0.0)

# Rotation about x, y, z by half a turn takes (w, x, y, z) to these places of the product q·1, q·i, q·j, q·k.
_HALF_TURN_SOURCE = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
_HALF_TURN_SIGN = np.array(
    [[1, 1, 1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1], [-1, 1, -1, 1]],
    dtype=np.float64,
)


def canonicalise(scene: GaussianScene) -> tuple[Float64Array, Float64Array]:
    """Return the canonical log-scales (N, 3) and quaternion parts xyz (N, 3) of a scene, float64."""
    return canonical_axes(scene.log_scales, scene.quats)


def canonical_axes(log_scales: FloatArray, quats: FloatArray) -> tuple[Float64Array, Float64Array]:
    """Choose each Gaussian's canonical axes.

    Parameters
    ----------
    log_scales : (N, 3)
        Finite.
    quats : (N, 4)
        *wxyz* of any length but zero.

    Returns
    -------
    log_scales : (N, 3) float64
        The same values, in descending order.
    quat_xyz : (N, 3) float64
        The unit quaternion's x, y, z; its w is √(1 − x² − y² − z²) ≥ 0.5.
    """
    scales = log_scales.astype(np.float64)
    q = quats.astype(np.float64)
    # The largest component first, so that no square over- or underflows.
    q /= np.abs(q).max(axis=1, keepdims=True)
    q /= np.sqrt((q * q).sum(axis=1, keepdims=True))

    order = np.argsort(-scales, axis=1, kind="stable")
    scales = np.take_along_axis(scales, order, axis=1)
    q = multiply(q, _ORDER_QUATS[order[:, 0] * 3 + order[:, 1]])

    # The largest component tells the half-turn, the first of equals.
    turns = _half_turns(q)
    return scales, turns[np.arange(len(turns)), turns[..., 0].argmax(axis=1), 1:]


def half_turns(quat_xyz: FloatArray) -> Float64Array:
    """Return the four quaternions wxyz (N, 4, 4) with w ≥ 0 that draw the same as one given by x, y, z."""
    return _half_turns(quats_from_xyz(quat_xyz))


def _half_turns(q: Float64Array) -> Float64Array:
    # The products with 1, i, j, k have w = w, −x, −y, −z.
    turns = q[:, _HALF_TURN_SOURCE] * _HALF_TURN_SIGN
    return np.where(turns[..., :1] < 0, -turns, turns)


def quats_from_xyz(xyz: FloatArray) -> Float64Array:
    """Complete x, y, z to unit quaternions with w ≥ 0.

    Quantisation may push x² + y² + z² past 1; such a quaternion gets w = 0 and is scaled to unit length.

    Parameters
    ----------
    xyz : (N, 3)

    Returns
    -------
    quats : (N, 4) float64
        *wxyz*.
    """
    x, y, z = (xyz[:, i].astype(np.float64) for i in range(3))
    # Written out, sums left to right: every machine gets the same float64.
    norm2 = x * x + y * y + z * z
    w = np.sqrt(np.maximum(1.0 - norm2, 0.0))
    length = np.sqrt(np.maximum(norm2, 1.0))
    return np.stack([w, x / length, y / length, z / length], axis=1)


def multiply(a: Float64Array, b: Float64Array) -> Float64Array:
    """Return Hamilton products a·b (N, 4) of quaternions wxyz (N, 4), either of which may be just one (1, 4).

    The rotation b comes first: a Gaussian of rotation q has q·b where its own axes turn, and a·q where it
    turns in the world.
    """
    aw, ax, ay, az = a.T
    bw, bx, by, bz = b.T
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=1,
    )
