"""The range coder, with the quantised Gaussians that almost all symbols are coded with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.measure import measure
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder

COUNT = 100_000
Int64Array = npt.NDArray[np.int64]


def made_symbols() -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return symbols that are about as their means and sigmas say, from an eighth of a symbol to four."""
    rng = np.random.default_rng(0)
    sigma_index = rng.integers(8, 49, COUNT)
    mean16 = rng.integers(-64, 65, COUNT)
    values = mean16 / 16 + 2.0 ** ((sigma_index - 32) / 8) * rng.standard_normal(COUNT)
    return np.rint(values).astype(np.int64), mean16, sigma_index


def encode(symbols: Int64Array, mean16: Int64Array, sigma_index: Int64Array) -> bytes:
    """Return the stream of some symbols."""
    encoder = SymbolEncoder()
    encoder.encode_gaussian(symbols, mean16, sigma_index)
    return encoder.finish()


def test_range_encode(benchmark: BenchmarkFixture) -> None:
    """Encode Gaussian symbols."""
    made = made_symbols()
    measure(benchmark, lambda: encode(*made), COUNT, "symbols")


def test_range_decode(benchmark: BenchmarkFixture) -> None:
    """Decode them."""
    symbols, mean16, sigma_index = made_symbols()
    data = encode(symbols, mean16, sigma_index)
    measure(benchmark, lambda: SymbolDecoder(data).decode_gaussian(mean16, sigma_index), COUNT, "symbols")
