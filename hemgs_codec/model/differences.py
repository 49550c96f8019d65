"""Networks as differences from shipped ones: most are zero (SPEC "Differences").

A list of differences is one matrix or the biases of one layer: whether there are any, the share of those that
aren't zero, the power of two that divides them all, which they are, and their values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.frozen import PARAMETER_LIMIT, FrozenModel
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.value_lists import best_sigma
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder
from hemgs_format.errors import CorruptError

_SHARE_FIELD, _SHIFT_FIELD, _SIGMA_FIELD = 8, 4, 7
_MIDDLE = -8
"""Sixteenths: there is no zero among values, so those above it move down by one, and are even about -1/2."""

Int64Array = npt.NDArray[np.int64]
Lists = dict[str, npt.NDArray[np.int32]]


def pack_differences(model: FrozenModel, base: FrozenModel) -> bytes:
    """Entropy code by how much a model's weights and biases differ from shipped ones, of the same shifts.

    Returns
    -------
    bytes
        Nothing where nothing differs.
    """
    encoder, is_different = SymbolEncoder(), False
    for name in model.spec.matrices():
        for own, shipped in ((model.weights, base.weights), (model.biases, base.biases)):
            if name in own:
                values = own[name].astype(np.int64).ravel() - shipped[name].ravel()
                is_different |= bool(values.any())
                _encode(encoder, values)
    return encoder.finish() if is_different else b""


def unpack_differences(spec: ModelSpec, data: bytes, base: FrozenModel) -> tuple[Lists, Lists]:
    """Invert `pack_differences`: weights and biases by name.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't such differences.
    """
    if not data:
        return base.weights, base.biases
    decoder = SymbolDecoder(data)
    weights: Lists = {}
    biases: Lists = {}
    for name in spec.matrices():
        for lists, shipped in ((weights, base.weights), (biases, base.biases)):
            if name not in shipped:
                continue
            values = _decode(decoder, shipped[name].size, name) + shipped[name].ravel()
            if int(np.abs(values).max(initial=0)) > PARAMETER_LIMIT:
                raise CorruptError(f"layer {name}: a parameter exceeds {PARAMETER_LIMIT}")
            lists[name] = values.astype(np.int32).reshape(shipped[name].shape)
    decoder.finish()
    return weights, biases


def _encode(encoder: SymbolEncoder, values: Int64Array) -> None:
    is_there = values != 0
    encoder.encode_uniform(np.array([int(is_there.any())]), 1)
    if not is_there.any():
        return
    share = int(np.clip(np.rint(is_there.mean() * 256), 1, 255))
    together = int(np.bitwise_or.reduce(values[is_there]))
    shift = min((together & -together).bit_length(), 1 << _SHIFT_FIELD) - 1
    parts = values[is_there] >> shift
    parts -= parts > 0
    middles = np.full(len(parts), _MIDDLE)
    sigma = best_sigma(parts, _MIDDLE)
    encoder.encode_uniform(np.array([share]), _SHARE_FIELD)
    encoder.encode_uniform(np.array([shift]), _SHIFT_FIELD)
    encoder.encode_uniform(np.array([sigma]), _SIGMA_FIELD)
    encoder.encode_binary(is_there.astype(np.int64), np.full(len(values), share << 16))
    encoder.encode_gaussian(parts, middles, np.full(len(parts), sigma))


def _decode(decoder: SymbolDecoder, count: int, name: str) -> Int64Array:
    values = np.zeros(count, dtype=np.int64)
    if not int(decoder.decode_uniform(1, 1)[0]):
        return values
    share = int(decoder.decode_uniform(1, _SHARE_FIELD)[0])
    if share == 0:
        raise CorruptError(f"layer {name}: a share of differences is 0, expected 1 .. 255")
    shift = int(decoder.decode_uniform(1, _SHIFT_FIELD)[0])
    sigma = int(decoder.decode_uniform(1, _SIGMA_FIELD)[0])
    places = np.flatnonzero(decoder.decode_binary(np.full(count, share << 16, dtype=np.int64)))
    parts = decoder.decode_gaussian(np.full(len(places), _MIDDLE), np.full(len(places), sigma))
    if int(np.abs(parts).max(initial=0)) > 2 * PARAMETER_LIMIT:
        raise CorruptError(f"layer {name}: a difference exceeds {2 * PARAMETER_LIMIT}")
    values[places] = (parts + (parts >= 0)) << shift
    return values
