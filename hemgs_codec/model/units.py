"""Fixed-point units of the network and the integer tables that go with them (SPEC "Networks").

Everything here is defined by integer arithmetic alone (roots and powers of Python integers), so that no
library's exp or log has a say.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached

UNIT_BITS = 10
UNIT = 1 << UNIT_BITS
"""Activations are integers in 1/1024."""
LIMIT = (1 << 14) - 1
"""Activations are clamped to +-LIMIT, hidden ones to 0 .. LIMIT."""
VALUE_BITS = 16
"""Attribute values, steps and predicted means are integers in 2**-16 of a channel's scale."""

NUM_STEPS = 128
UNIT_STEP = 80
"""Step index j means a step of 2**((j - 80) / 8) channel scales."""

MEAN_LIMIT = 1 << 26
"""Means are clamped to +-MEAN_LIMIT before they are divided by steps."""
NUM_SIGMAS = 128
UNIT_SIGMA = 32
"""Sigma index i means a sigma of 2**((i - 32) / 8) symbols."""

LAMBDA_MIN = 1e-7
LAMBDA_MAX = 1.6e-2
LAMBDA_REFERENCE_Q = -2295
"""round(256 log2(2e-3)): the lambda at which the step predictor's own term vanishes."""

WEIGHTS_PER_OCTAVE = 16
"""Attention weights of as many scores an octave are told apart."""
_RATIO_LEVELS = 256


def lambda_to_q(lambda_: float) -> int:
    """Return the header's integer for a Lagrangian: round(256 log2 lambda)."""
    return round(256 * math.log2(lambda_))


def _root(power: int, value: int) -> int:
    """Largest integer r with r**power <= value."""
    low, high = 0, 1 << (value.bit_length() // power + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**power <= value:
            low = middle
        else:
            high = middle - 1
    return low


@cache
def step_table() -> npt.NDArray[np.int64]:
    """Return steps in 2**-16 channel scales, (128,): the largest r with r**8 <= 2**(j + 48)."""
    return np.array([_root(8, 1 << (j + 48)) for j in range(NUM_STEPS)], dtype=np.int64)


@cache
def attention_table() -> npt.NDArray[np.float64]:
    """Return attention weights, (256,) integers in float64: the largest r with r**16 <= 2**(256 - j)."""
    return np.array([_root(16, 1 << (256 - j)) for j in range(_RATIO_LEVELS)], dtype=np.float64)


@cache
def _log_table() -> npt.NDArray[np.int64]:
    """Return floor(256 log2(1 + m / 128)), (128,): the largest r with 2**(r + 1792) <= (128 + m)**256."""
    return np.array([((128 + m) ** 256).bit_length() - 1 - 7 * 256 for m in range(128)], dtype=np.int64)


@cached
def _log2_all(
    values: npt.NDArray[np.int64], table: npt.NDArray[np.int64], out: npt.NDArray[np.int64]
) -> None:
    """Fill out (n,) with log2 of values (n,)."""
    for i in range(len(values)):
        length, rest = 0, values[i]
        for bits in (32, 16, 8, 4, 2, 1):
            if rest >= np.int64(1) << bits:
                length += bits
                rest >>= bits
        mantissa = values[i] >> (length - 7) if length >= 7 else values[i] << (7 - length)
        out[i] = length * 256 + table[mantissa - 128]


def log2_fixed(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return log2 of positive integers below 2**62 in 1/256, by the top eight bits of each."""
    logarithms = np.empty(values.shape, dtype=np.int64)
    _log2_all(np.ascontiguousarray(values).reshape(-1), _log_table(), logarithms.reshape(-1))
    return logarithms
