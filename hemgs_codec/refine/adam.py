"""Adam (Kingma & Ba 2014, algorithm 1) in place, on arrays too large for temporaries."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel

Float32Array = npt.NDArray[np.float32]

FIRST_DECAY, SECOND_DECAY = 0.9, 0.99
EPSILON = 1e-3
"""Of a bit: gradients that small move little."""
_ONE = np.float32(1)


@cached_parallel
def _step(
    values: Float32Array,
    gradients: Float32Array,
    firsts: Float32Array,
    seconds: Float32Array,
    rate: np.float32,
    first_decay: np.float32,
    second_decay: np.float32,
    first_share: np.float32,
    second_share: np.float32,
    epsilon: np.float32,
) -> None:
    for i in numba.prange(values.shape[0]):
        for c in range(values.shape[1]):
            g = gradients[i, c]
            firsts[i, c] += (_ONE - first_decay) * (g - firsts[i, c])
            seconds[i, c] += (_ONE - second_decay) * (g * g - seconds[i, c])
            size = np.sqrt(seconds[i, c] / second_share) + epsilon
            values[i, c] -= rate * (firsts[i, c] / first_share) / size


class Adam:
    """The memory of values (N, K) float32: running means of their gradients and of the gradients' squares."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._firsts, self._seconds = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._done = 0

    def step(self, values: Float32Array, gradients: Float32Array, rate: float) -> None:
        """Move values by about ``rate`` against their gradients (N, K)."""
        self._done += 1
        _step(
            values,
            gradients,
            self._firsts,
            self._seconds,
            np.float32(rate),
            np.float32(FIRST_DECAY),
            np.float32(SECOND_DECAY),
            np.float32(1 - FIRST_DECAY**self._done),
            np.float32(1 - SECOND_DECAY**self._done),
            np.float32(EPSILON),
        )
