"""Networks of the largest weights that a file can spell, and beyond: sums that come near 2^53 or pass it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hemgs_codec.anchors.network_coding import INTEGER_LIMIT, NetworkIntegers, pack_rendering
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.coding.fields import Fields, unpack_fields
from hemgs_codec.model.differences import pack_differences
from hemgs_codec.model.frozen import PARAMETER_LIMIT, FrozenModel, pack_networks
from hemgs_codec.sections import KNOWN
from hemgs_format.container import read_container
from tests.mutations import metadata_of


def _fields(data: bytes) -> Fields:
    return unpack_fields(metadata_of(data), read_container(data, known=KNOWN).profile)


def _values(rng: np.random.Generator, shape: Any, limit: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return np.full(shape, limit * int(rng.choice([-1, 1])), np.int32)
    if kind == 1:
        return np.asarray(limit * rng.choice([-1, 1], shape), np.int32)
    if kind == 2:
        return np.zeros(shape, np.int32)
    return np.asarray(rng.choice([-limit, -limit // 3, -1, 0, 7, limit], shape), np.int32)


def extreme_networks(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a section NETS."""
    fields = _fields(data)
    limit = int(rng.choice([40, PARAMETER_LIMIT, PARAMETER_LIMIT, 1 << 20]))
    if fields.prior is not None:
        base = fields.prior.networks_for(fields.spec)
        bound = PARAMETER_LIMIT
        weights = {k: np.clip(_values(rng, v.shape, bound), -bound, bound) for k, v in base.weights.items()}
        return pack_differences(replace(base, weights=weights), base)
    weights, biases, shifts = {}, {}, {}
    one_shift = int(rng.integers(0, 21))
    for name, (fan_in, fan_out) in fields.spec.matrices().items():
        weights[name] = _values(rng, (fan_in, fan_out), limit)
        shifts[name] = one_shift if rng.random() < 0.9 else int(rng.integers(0, 32))
        if not name.endswith(".skip"):
            biases[name] = _values(rng, fan_out, limit)
    model = FrozenModel(fields.spec, weights, biases, shifts, [])
    return pack_networks(model.weights, model.biases, model.shifts)


def extreme_rendering(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a section MLPS."""
    shape = _fields(data).shape
    assert isinstance(shape, NetworkShape)
    limit = int(rng.choice([INTEGER_LIMIT, INTEGER_LIMIT, 1 << 28]))
    weights, biases, shifts = {}, {}, {}
    for name, (fan_in, fan_out) in shape.layers().items():
        weights[name], biases[name] = _values(rng, (fan_in, fan_out), limit), _values(rng, fan_out, limit)
        shifts[name] = (int(rng.choice([0, 31])), int(rng.choice([0, 31])))
    return pack_rendering(NetworkIntegers(shape, weights, biases, shifts))
