"""Lists of integers about zero, such as weights, with a Gaussian of their own (SPEC "NETS")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder, gaussian_bits
from hemgs_format.errors import CorruptError
from hemgs_format.tables import NUM_SIGMAS

_SIGMA_FIELD = 7


def encode_values(encoder: SymbolEncoder, values: npt.NDArray[np.int64]) -> None:
    """Encode a list: the σ index that suits it, then its values about 0."""
    sigma = best_sigma(values)
    encoder.encode_uniform(np.array([sigma]), _SIGMA_FIELD)
    encoder.encode_gaussian(values, np.zeros(len(values), dtype=np.int64), np.full(len(values), sigma))


def decode_values(decoder: SymbolDecoder, count: int, limit: int, name: str) -> npt.NDArray[np.int32]:
    """Decode a list of ``count`` values.

    Raises
    ------
    CorruptError
        One is beyond ± ``limit``; the message names the layer.
    """
    sigma = int(decoder.decode_uniform(1, _SIGMA_FIELD)[0])
    values = decoder.decode_gaussian(np.zeros(count, dtype=np.int64), np.full(count, sigma))
    if count and int(np.abs(values).max()) > limit:
        raise CorruptError(f"layer {name}: a parameter exceeds {limit}")
    return values.astype(np.int32)


def best_sigma(values: npt.NDArray[np.int64], mean16: int = 0) -> int:
    """Return the σ index whose table about a mean, in sixteenths, codes these integers in the fewest bits."""
    levels, counts = np.unique(values, return_counts=True)
    sigmas = np.repeat(np.arange(NUM_SIGMAS), len(levels))
    bits = gaussian_bits(np.tile(levels, NUM_SIGMAS), np.full_like(sigmas, mean16), sigmas)
    costs = bits.reshape(NUM_SIGMAS, -1) @ counts.astype(np.float64)
    return int(np.argmin(costs))
