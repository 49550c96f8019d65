"""The invalid conformance files that lean on a prior: see `breakages`. Applied to ``prior-differences``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hemgs_codec.coding.fields import unpack_fields
from hemgs_codec.model.differences import pack_differences
from hemgs_codec.model.frozen import PARAMETER_LIMIT
from hemgs_format.errors import CorruptError, TruncatedError, UnsupportedVersionError
from hemgs_format.metadata import Value
from vectors.breakages import WORDS, Breakage
from vectors.edits import metadata_of, with_data, with_keys, without_key


def _with(key: str, edit: Callable[[Any], Value]) -> Callable[[bytes], bytes]:
    """Edit a value of META, and mend the hash."""
    return lambda data: with_keys(**{key: edit(metadata_of(data)[key])})(data)


def _replaced(place: int, value: Value) -> Callable[[list[Value]], Value]:
    """Replace an item of a list."""
    return lambda items: [*items[:place], value, *items[place + 1 :]]


def _weight_beyond_limit(data: bytes) -> bytes:
    """Let the networks be the prior's, but for the first weight, which is as far as that has just left."""
    fields = unpack_fields(metadata_of(data), "gaussian")
    assert fields.prior is not None
    base = fields.prior.networks_for(fields.spec)
    name = next(iter(base.weights))
    weights = {**base.weights, name: base.weights[name].copy()}
    weights[name][0, 0] = PARAMETER_LIMIT + 1
    return with_data("NETS", lambda _: pack_differences(replace(base, weights=weights), base))(data)


PRIORS = (
    Breakage("prior-unknown", "META: prior", UnsupportedVersionError, _with("prior", _replaced(0, bytes(8)))),
    Breakage(
        "prior-since-another-version", "META: prior", CorruptError, _with("prior", _replaced(1, "0.0.0"))
    ),
    Breakage("prior-id-too-short", "META: prior", CorruptError, _with("prior", _replaced(0, bytes(7)))),
    Breakage("prior-of-another-width", "META: prior", CorruptError, _with("net", _replaced(0, 1))),
    Breakage("prior-without-contexts", "META: prior", CorruptError, _with("net", _replaced(4, 2))),
    Breakage("octaves-missing", "META: octaves", CorruptError, without_key("octaves")),
    Breakage("octaves-of-another-degree", "META: octaves", CorruptError, _with("octaves", lambda o: o[:-2])),
    Breakage("tilts-of-one-step", "META: tilts", CorruptError, with_keys(tilts=bytes(10))),
    Breakage("differences-beyond-limit", "NETS: differences", CorruptError, _weight_beyond_limit),
    Breakage(
        "differences-end-early", "Range coder", TruncatedError, with_data("NETS", lambda stream: stream[:-8])
    ),
    Breakage(
        "differences-go-on", "Range coder", CorruptError, with_data("NETS", lambda stream: stream + WORDS)
    ),
)
