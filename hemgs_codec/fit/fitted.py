"""A fit's result: all that stays the same whatever λ a scene is coded at, and its bytes for the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemgs_codec.coding.fields import pack_shape, unpack_shape
from hemgs_codec.coding.model_fields import Geometry, pack_model_fields, unpack_model_fields
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.prior.packing import pack_model, unpack_model
from hemgs_codec.prior.prior import Prior
from hemgs_codec.shapes import Shape, profile_of
from hemgs_format.container import Container, read_container, write_container
from hemgs_format.errors import CorruptError
from hemgs_format.metadata import pack_metadata, unpack_metadata
from hemgs_format.sections import Section

_IDS = frozenset({"FITM", "NETS", "HASH"})


@dataclass(frozen=True)
class FittedModel:
    """A frozen model with the geometry and scaling that it was fitted for, and what it differs from."""

    shape: Shape
    geometry: Geometry
    scaling: Scaling
    model: FrozenModel
    prior: Prior | None = None


def pack_fitted(fitted: FittedModel, key: bytes) -> bytes:
    """Return the bytes of a fit, marked with the key of what it was fitted to."""
    fields = pack_model_fields(fitted.geometry, fitted.scaling, fitted.model.spec, fitted.prior)
    networks, grid = pack_model(fitted.model, fitted.prior)
    metadata = pack_metadata({"key": key, **pack_shape(fitted.shape), **fields})
    sections = (
        Section("FITM", metadata),
        Section("NETS", networks),
        Section("HASH", grid),
    )
    return write_container(Container(profile_of(fitted.shape), 0, 0, sections))


def unpack_fitted(data: bytes) -> tuple[FittedModel, bytes]:
    """Invert `pack_fitted`: the fit and its key.

    Raises
    ------
    HgsError
        The bytes aren't those of a fit.
    """
    container = read_container(data, known=_IDS)
    parts = {section.id: section.data for section in container.sections}
    if len(parts) != len(container.sections) or set(parts) != _IDS:
        raise CorruptError(f"a fit holds {sorted(_IDS)}, this file {[s.id for s in container.sections]}")
    fields: dict[str, Any] = unpack_metadata(parts["FITM"])
    shape = unpack_shape(fields, container.profile)
    geometry, scaling, spec, prior = unpack_model_fields(fields, shape)
    key = fields.get("key")
    if not isinstance(key, bytes):
        raise CorruptError('metadata: "key" isn\'t bytes')
    model = unpack_model(spec, parts["NETS"], parts["HASH"], prior)
    return FittedModel(shape, geometry, scaling, model, prior), key
