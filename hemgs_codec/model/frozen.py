"""A frozen model: integer parameters, proven to stay exact, and their bytes (SPEC "NETS", "HASH")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.arithmetic import MAX_SHIFT, ExactArithmetic, check_budget
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import UNIT_BITS
from hemgs_codec.model.value_lists import decode_values, encode_values
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder
from hemgs_format.errors import CorruptError, LimitError

BIAS_BITS = 8
"""Biases are multiples of 1/256."""
PARAMETER_LIMIT = (1 << 15) - 1
_SHIFT_FIELD = 5
_PROBABILITY_FIELD = 8
MAX_PARAMETERS = 1 << 19
"""Weights and biases of a model, at most: a reader allocates for networks before it has seen them."""
MAX_GRID_VALUES = 1 << 24
"""Entries times features of a hash grid, at most."""
GRID_VALUES_PER_BYTE = 1 << 11
"""More values than a byte can hold: the likeliest take 1 / 177 bit each."""
_SEAL_BYTES = 8  # words that a range coder may leave unwritten
Lists = dict[str, npt.NDArray[np.int32]]
"""Matrices, or biases, by the name of their layer."""
_CHUNK = 1 << 16  # grid values decoded at once


@dataclass(frozen=True)
class FrozenModel:
    """Integer parameters of a model.

    Attributes
    ----------
    spec : ModelSpec
    weights : dict of str to (fan_in, fan_out) int32
        In units of 2**-shifts[name].
    biases : dict of str to (fan_out,) int32
        In units of 2**-8.
    shifts : dict of str to int
    tables : list of (entries, F) int8
        Hash-grid entries, +1 or -1.
    """

    spec: ModelSpec
    weights: dict[str, npt.NDArray[np.int32]]
    biases: dict[str, npt.NDArray[np.int32]]
    shifts: dict[str, int]
    tables: list[npt.NDArray[np.int8]]

    def arithmetic(self, device: str | None) -> ExactArithmetic:
        """Return the integer arithmetic of these parameters on NumPy (None) or a torch device.

        Raises
        ------
        CorruptError
            A layer's sums could leave the exact range of float64.
        """
        scaled = proven_biases(self.weights, self.biases, self.shifts)
        return ExactArithmetic(self.weights, scaled, self.shifts, device)


def proven_biases(
    weights: dict[str, npt.NDArray[np.int32]],
    biases: dict[str, npt.NDArray[np.int32]],
    shifts: dict[str, int],
) -> dict[str, npt.NDArray[np.int64]]:
    """Return biases in the units of their layers' sums, which are proven to stay exact.

    Raises
    ------
    CorruptError
        A layer's sums could leave the exact range of float64.
    """
    scaled = {
        name: bias.astype(np.int64) << (UNIT_BITS + shifts[name] - BIAS_BITS) for name, bias in biases.items()
    }
    check_budget(weights, scaled, shifts)
    return scaled


def _has_bias(name: str) -> bool:
    return not name.endswith(".skip")


def pack_networks(weights: Lists, biases: Lists, shifts: dict[str, int]) -> bytes:
    """Entropy code weights and biases: per matrix its shift, then weights by row, then biases."""
    encoder = SymbolEncoder()
    for name, matrix in weights.items():
        encoder.encode_uniform(np.array([shifts[name]]), _SHIFT_FIELD)
        encode_values(encoder, matrix.astype(np.int64).ravel())
        if name in biases:
            encode_values(encoder, biases[name].astype(np.int64))
    return encoder.finish()


def unpack_networks(
    matrices: dict[str, tuple[int, int]], networks: bytes
) -> tuple[Lists, Lists, dict[str, int]]:
    """Invert `pack_networks` by names and shapes: weights, biases and shifts.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't those of such networks.
    """
    decoder = SymbolDecoder(networks)
    weights: Lists = {}
    biases: Lists = {}
    shifts: dict[str, int] = {}
    for name, (fan_in, fan_out) in matrices.items():
        shifts[name] = int(decoder.decode_uniform(1, _SHIFT_FIELD)[0])
        if shifts[name] > MAX_SHIFT:
            raise CorruptError(f"layer {name}: shift {shifts[name]} exceeds {MAX_SHIFT}")
        weights[name] = decode_values(decoder, fan_in * fan_out, PARAMETER_LIMIT, name).reshape(
            fan_in, fan_out
        )
        if _has_bias(name):
            biases[name] = decode_values(decoder, fan_out, PARAMETER_LIMIT, name)
    decoder.finish()
    return weights, biases, shifts


def pack_hash_grid(model: FrozenModel) -> bytes:
    """Entropy code the hash grid: per level the share of +1 in 1/256, then its entries by row."""
    encoder = SymbolEncoder()
    for table in model.tables:
        ones = (table.ravel() > 0).astype(np.int64)
        share = int(np.clip(round(float(ones.mean()) * 256), 1, 255))
        encoder.encode_uniform(np.array([share]), _PROBABILITY_FIELD)
        encoder.encode_binary(ones, np.full(len(ones), share << 16, dtype=np.int64))
    return encoder.finish()


def unpack_hash_grid(spec: ModelSpec, hash_grid: bytes) -> list[npt.NDArray[np.int8]]:
    """Invert `pack_hash_grid`.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't those of a grid of this spec.
    LimitError
        Networks or a grid of this spec are larger than the format allows, or than the bytes could hold.
    """
    _check_sizes(spec, hash_grid)
    decoder = SymbolDecoder(hash_grid)
    tables = [_decode_level(decoder, level, spec.features) for level in spec.levels]
    decoder.finish()
    return tables


def _decode_level(decoder: SymbolDecoder, level: Level, features: int) -> npt.NDArray[np.int8]:
    share = int(decoder.decode_uniform(1, _PROBABILITY_FIELD)[0])
    if share == 0:
        raise CorruptError("hash grid: a level's share of ones is 0, expected 1 .. 255")
    count = level.entries * features
    signs = np.empty(count, dtype=np.int8)
    for start in range(0, count, _CHUNK):
        part = signs[start : start + _CHUNK]
        part[:] = 2 * decoder.decode_binary(np.full(len(part), share << 16, dtype=np.int64)) - 1
    return signs.reshape(level.entries, features)


def check_parameters(matrices: dict[str, tuple[int, int]]) -> None:
    """Refuse networks larger than the format allows.

    Raises
    ------
    LimitError
        There are more weights and biases than `MAX_PARAMETERS`.
    """
    parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in matrices.values())
    if parameters > MAX_PARAMETERS:
        raise LimitError(f"networks of {parameters} parameters, expected at most {MAX_PARAMETERS}")


def _check_sizes(spec: ModelSpec, hash_grid: bytes) -> None:
    """Refuse sizes that nothing valid has, before anything of such a size is allocated."""
    check_parameters(spec.matrices())
    values = sum(level.entries for level in spec.levels) * spec.features
    room = min(MAX_GRID_VALUES, GRID_VALUES_PER_BYTE * (len(hash_grid) + _SEAL_BYTES))
    if values > room:
        raise LimitError(
            f"a hash grid of {values} values in {len(hash_grid)} bytes, expected at most {room} values"
        )
