"""A model to its sections and back, with or without a prior (SPEC "NETS", "HASH")."""

from __future__ import annotations

from hemgs_codec.model.differences import pack_differences, unpack_differences
from hemgs_codec.model.frozen import (
    FrozenModel,
    pack_hash_grid,
    pack_networks,
    unpack_hash_grid,
    unpack_networks,
)
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.prior.prior import Prior


def pack_model(model: FrozenModel, prior: Prior | None) -> tuple[bytes, bytes]:
    """Return the bytes of networks, as differences from a prior's if there is one, and of the hash grid."""
    if prior is None:
        networks = pack_networks(model.weights, model.biases, model.shifts)
    else:
        networks = pack_differences(model, prior.networks_for(model.spec))
    return networks, pack_hash_grid(model)


def unpack_model(spec: ModelSpec, networks: bytes, hash_grid: bytes, prior: Prior | None) -> FrozenModel:
    """Invert `pack_model`.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't those of a model of this spec.
    LimitError
        A model of this spec is larger than the format allows, or than the bytes could hold.
    """
    tables = unpack_hash_grid(spec, hash_grid)  # first: it checks sizes
    if prior is None:
        return FrozenModel(spec, *unpack_networks(spec.matrices(), networks), tables)
    base = prior.networks_for(spec)
    return FrozenModel(spec, *unpack_differences(spec, networks, base), base.shifts, tables)
