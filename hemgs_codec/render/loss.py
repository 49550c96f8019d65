"""What trainers of 3DGS minimise: 0.8 L1 + 0.2 (1 - SSIM), and its gradient by the image.

SSIM as in Wang et al. 2004 and in the reference trainer: a Gaussian window of 11 by 11 with sigma 1.5, zeros
beyond the edges, constants 0.01² and 0.03², the mean over pixels and channels. A blur with zeros beyond the
edges is its own adjoint, so that the way back is three more blurs.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, cached_parallel_reordered
from hemgs_codec.scene import Float32Array

SSIM_WEIGHT = 0.2
_TAPS = 11
_REACH = _TAPS // 2
_CHANNELS = 3
_SIDE = _REACH * _CHANNELS  # zeros on each side of a row, whose values are pixel by pixel


def _window() -> Float32Array:
    weights = np.exp(-((np.arange(_TAPS) - _REACH) ** 2) / (2 * 1.5**2))
    return np.asarray(weights / weights.sum(), dtype=np.float32)


_WINDOW = _window()
_C1, _C2 = np.float32(0.01**2), np.float32(0.03**2)
_ONE, _TWO, _ZERO = np.float32(1), np.float32(2), np.float32(0)


@cached_parallel_reordered
def _compare(
    image: Float32Array, target: Float32Array, maps: Float32Array, sums: npt.NDArray[np.float64]
) -> None:
    """Fill maps (3, H + 10, 3 W + 30) of SSIM's derivatives, and sums (H, 2) of |difference| and SSIM by row.

    Parameters
    ----------
    image, target : (H + 10, 3 W + 30)
        With zeros around them.
    maps
        Derivatives by the blurred image, by the blurred square, by the blurred product.
    """
    height, width = image.shape[0] - 2 * _REACH, image.shape[1] - 2 * _SIDE
    for row in numba.prange(height):
        columns = np.zeros((4, width + 2 * _SIDE), np.float32)
        for j in range(np.uint64(width + 2 * _SIDE)):
            x, y, squares, product = _ZERO, _ZERO, _ZERO, _ZERO
            for tap in range(_TAPS):
                a, b, w = image[row + tap, j], target[row + tap, j], _WINDOW[tap]
                x += w * a
                y += w * b
                squares += w * (a * a + b * b)
                product += w * (a * b)
            columns[0, j], columns[1, j], columns[2, j], columns[3, j] = x, y, squares, product
        difference, likeness = _ZERO, _ZERO
        to = row + _REACH
        for j in range(np.uint64(width)):
            x, y, squares, product = _ZERO, _ZERO, _ZERO, _ZERO
            for tap in range(_TAPS):
                at, w = j + np.uint64(tap * _CHANNELS), _WINDOW[tap]
                x += w * columns[0, at]
                y += w * columns[1, at]
                squares += w * columns[2, at]
                product += w * columns[3, at]
            means = x * x + y * y
            n1, n2 = _TWO * x * y + _C1, _TWO * (product - x * y) + _C2
            d1, d2 = _ONE / (means + _C1), _ONE / (squares - means + _C2)
            ssim = n1 * n2 * d1 * d2
            by_product = _TWO * n1 * d1 * d2
            by_square = -ssim * d2
            by_mean = _TWO * y * n2 * d1 * d2 - _TWO * x * (ssim * d1 + by_square) - y * by_product
            on = j + np.uint64(_SIDE)
            maps[0, to, on], maps[1, to, on], maps[2, to, on] = by_mean, by_square, by_product
            likeness += ssim
            difference += abs(image[to, on] - target[to, on])
        sums[row, 0], sums[row, 1] = difference, likeness


@cached_parallel
def _back(
    image: Float32Array,
    target: Float32Array,
    maps: Float32Array,
    difference_weight: np.float32,
    ssim_weight: np.float32,
    out: Float32Array,
) -> None:
    """Fill out (H, 3 W) from padded images and maps."""
    height, width = out.shape
    for row in numba.prange(height):
        columns = np.zeros((3, width + 2 * _SIDE), np.float32)
        for j in range(np.uint64(width + 2 * _SIDE)):
            a, b, c = _ZERO, _ZERO, _ZERO
            for tap in range(_TAPS):
                w = _WINDOW[tap]
                a += w * maps[0, row + tap, j]
                b += w * maps[1, row + tap, j]
                c += w * maps[2, row + tap, j]
            columns[0, j], columns[1, j], columns[2, j] = a, b, c
        for j in range(np.uint64(width)):
            a, b, c = _ZERO, _ZERO, _ZERO
            for tap in range(_TAPS):
                at, w = j + np.uint64(tap * _CHANNELS), _WINDOW[tap]
                a += w * columns[0, at]
                b += w * columns[1, at]
                c += w * columns[2, at]
            x, y = image[row + _REACH, j + np.uint64(_SIDE)], target[row + _REACH, j + np.uint64(_SIDE)]
            sign = (_ONE if x > y else _ZERO) - (_ONE if x < y else _ZERO)
            out[row, j] = difference_weight * sign + ssim_weight * (a + _TWO * x * b + y * c)


def _padded(image: Float32Array) -> Float32Array:
    height, width = image.shape[:2]
    out = np.zeros((height + 2 * _REACH, width * _CHANNELS + 2 * _SIDE), np.float32)
    out[_REACH : _REACH + height, _SIDE : _SIDE + width * _CHANNELS] = image.reshape(height, -1)
    return out


def rendering_loss(image: Float32Array, target: Float32Array) -> tuple[float, Float32Array]:
    """Return the loss of an image (H, W, 3) against a target (H, W, 3), and its gradient by the image.

    Returns
    -------
    loss : float
    by_image : (H, W, 3) float32
    """
    padded, padded_target = _padded(image), _padded(target)
    height = image.shape[0]
    maps = np.zeros((3, *padded.shape), np.float32)
    sums = np.empty((height, 2))
    _compare(padded, padded_target, maps, sums)
    by_image = np.empty((height, image.shape[1] * _CHANNELS), np.float32)
    share, ssim_share = (1.0 - SSIM_WEIGHT) / image.size, SSIM_WEIGHT / image.size
    _back(padded, padded_target, maps, np.float32(share), np.float32(-ssim_share), by_image)
    difference, likeness = sums.sum(axis=0)
    loss = share * difference + SSIM_WEIGHT - ssim_share * likeness
    return float(loss), by_image.reshape(image.shape)
