"""The rendering networks as integers and as bytes (SPEC "MLPS").

Rounded to powers of two and entropy coded as the entropy model's own are. Nothing that they compute decides a
bitstream, so what they compute with is floats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_codec.model.value_lists import decode_values, encode_values
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder
from hemgs_format.errors import SceneError

NETWORK_STEP = 1 / 16
"""Step of a layer's weights, and that of its biases, as a share of their rms, to the nearest power of two."""
INTEGER_LIMIT = (1 << 24) - 1
"""What float32 holds exactly."""
MAX_SHIFT = 31
_SHIFT_FIELD = 5


@dataclass(frozen=True)
class NetworkIntegers:
    """Weights (fan_in, fan_out) and biases (fan_out,) int32 of every layer, in 2**-shift.

    Attributes
    ----------
    shifts : dict of str to (int, int)
        Of the weights, and of the biases.
    """

    shape: NetworkShape
    weights: dict[str, npt.NDArray[np.int32]]
    biases: dict[str, npt.NDArray[np.int32]]
    shifts: dict[str, tuple[int, int]]

    def networks(self) -> RenderingNetworks:
        """Return the networks that they stand for; float32 holds every weight exactly."""

        def floats(values: npt.NDArray[np.int32], shift: int) -> npt.NDArray[np.float32]:
            return (values * 2.0**-shift).astype(np.float32)

        return RenderingNetworks(
            self.shape,
            {name: floats(values, self.shifts[name][0]) for name, values in self.weights.items()},
            {name: floats(values, self.shifts[name][1]) for name, values in self.biases.items()},
        )

    def tobytes(self) -> bytes:
        """Return all integers, layer after layer: what a file's hash covers."""
        parts = []
        for name in self.shape.layers():
            for values, shift in zip((self.weights[name], self.biases[name]), self.shifts[name], strict=True):
                parts += [np.array([shift], "<i4").tobytes(), values.astype("<i4").tobytes()]
        return b"".join(parts)


def quantise_networks(networks: RenderingNetworks, step: float = NETWORK_STEP) -> NetworkIntegers:
    """Round networks to integers.

    Parameters
    ----------
    step
        Of each layer's weights, and of its biases, as a share of their rms; to the nearest power of two.

    Raises
    ------
    SceneError
        A weight is beyond the format.
    """
    weights, biases, shifts = {}, {}, {}
    for name in networks.shape.layers():
        weights[name], first = _rounded(networks.weights[name], step, name)
        biases[name], second = _rounded(networks.biases[name], step, name)
        shifts[name] = (first, second)
    return NetworkIntegers(networks.shape, weights, biases, shifts)


def _rounded(values: npt.NDArray[np.float32], step: float, name: str) -> tuple[npt.NDArray[np.int32], int]:
    """Return integers and their shift."""
    exact = values.astype(np.float64)
    rms, largest = float(np.sqrt(np.mean(exact**2))), float(np.abs(exact).max())
    if largest > INTEGER_LIMIT:
        raise SceneError(f"layer {name} of the rendering networks holds {largest:g}: beyond {INTEGER_LIMIT}")
    shift = 0 if rms == 0 else int(np.clip(np.rint(-np.log2(rms * step)), 0, MAX_SHIFT))
    while shift and largest * 2.0**shift > INTEGER_LIMIT:
        shift -= 1
    integers = np.rint(exact * 2.0**shift).astype(np.int32)
    while shift and not (integers & 1).any():  # rounded to a coarser step already
        integers, shift = integers >> 1, shift - 1
    return integers, shift


def pack_rendering(integers: NetworkIntegers) -> bytes:
    """Entropy code the networks: per layer shift and weights by row, then shift and biases."""
    encoder = SymbolEncoder()
    for name in integers.shape.layers():
        for values, shift in zip(
            (integers.weights[name], integers.biases[name]), integers.shifts[name], strict=True
        ):
            encoder.encode_uniform(np.array([shift]), _SHIFT_FIELD)
            encode_values(encoder, values.astype(np.int64).ravel())
    return encoder.finish()


def unpack_rendering(shape: NetworkShape, data: bytes) -> NetworkIntegers:
    """Invert `pack_rendering`.

    What is allocated is bounded by the ranges of D and K: 400,000 weights and biases.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't those of networks of this shape.
    """
    decoder = SymbolDecoder(data)
    weights, biases, shifts = {}, {}, {}
    for name, (fan_in, fan_out) in shape.layers().items():
        first = int(decoder.decode_uniform(1, _SHIFT_FIELD)[0])
        weights[name] = decode_values(decoder, fan_in * fan_out, INTEGER_LIMIT, name).reshape(fan_in, fan_out)
        second = int(decoder.decode_uniform(1, _SHIFT_FIELD)[0])
        biases[name] = decode_values(decoder, fan_out, INTEGER_LIMIT, name)
        shifts[name] = (first, second)
    decoder.finish()
    return NetworkIntegers(shape, weights, biases, shifts)
