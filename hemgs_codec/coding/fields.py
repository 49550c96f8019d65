"""What a file's metadata says, typed and checked (SPEC "META")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.profile import MAX_FEATURES, MAX_SLOTS
from hemgs_codec.coding.centroids import NUM_CELLS
from hemgs_codec.coding.map_reader import MapReader
from hemgs_codec.coding.model_fields import Geometry, pack_model_fields, unpack_model_fields
from hemgs_codec.lattice import NUM_LATTICE_STEPS, Lattice
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN, lambda_to_q
from hemgs_codec.prior.prior import Prior
from hemgs_codec.scene import MAX_SH_DEGREE
from hemgs_codec.shapes import GaussianShape, Shape
from hemgs_format.constants import Profile
from hemgs_format.errors import CorruptError
from hemgs_format.metadata import Value

_POSITION_BITS = (1, 21)
LAMBDA_Q_RANGE = (lambda_to_q(LAMBDA_MIN), lambda_to_q(LAMBDA_MAX))


@dataclass(frozen=True)
class Fields:
    """All that META holds."""

    shape: Shape
    lambda_q: int
    lattice: Lattice
    position_bits: int
    geometry: Geometry
    scaling: Scaling
    spec: ModelSpec
    prior: Prior | None
    centroids: tuple[bytes, ...]
    symbols_sha256: bytes

    def pack(self) -> dict[str, Value]:
        """Return the metadata map."""
        return {
            **pack_shape(self.shape),
            "lambda": self.lambda_q,
            "origin": list(self.lattice.origin),
            "unit": self.lattice.unit,
            "step": self.lattice.index,
            "bits": self.position_bits,
            **pack_model_fields(self.geometry, self.scaling, self.spec, self.prior),
            "centroids": list(self.centroids) if any(self.centroids) else [],
            "sha256": self.symbols_sha256,
        }


def pack_shape(shape: Shape) -> dict[str, Value]:
    """Return the part of the metadata that says what kind of scene it is."""
    if isinstance(shape, GaussianShape):
        return {"sh": shape.sh_degree}
    sees_distance = sum(int(sees) << number for number, sees in enumerate(shape.distances))
    return {
        "features": shape.features,
        "slots": shape.slots,
        "render": sees_distance | int(shape.feature_bank) << len(shape.distances),
    }


def unpack_shape(fields: dict[str, Any], profile: Profile) -> Shape:
    """Invert `pack_shape`.

    Raises
    ------
    CorruptError
        A field is missing, of the wrong kind, or out of its range.
    """
    reader = MapReader(fields)
    if profile == "gaussian":
        return GaussianShape(reader.integer("sh", 0, MAX_SH_DEGREE))
    features = reader.integer("features", 1, MAX_FEATURES)
    slots = reader.integer("slots", 1, MAX_SLOTS)
    render = reader.integer("render", 0, 15)
    return NetworkShape(features, slots, (bool(render & 1), bool(render & 2), bool(render & 4)), render > 7)


def _unpack_centroids(tables: Any, groups: tuple[Group, ...]) -> tuple[bytes, ...]:
    if tables == []:
        return (b"",) * len(groups)
    if not isinstance(tables, list) or len(tables) != len(groups):
        raise CorruptError(f'metadata: "centroids" isn\'t a list of {len(groups)} tables or of none')
    if not all(isinstance(table, bytes) and len(table) in (0, NUM_CELLS) for table in tables):
        raise CorruptError(f'metadata: a table of "centroids" isn\'t 0 or {NUM_CELLS} bytes')
    if any(table and group.flags for table, group in zip(tables, groups, strict=True)):
        raise CorruptError('metadata: "centroids" holds a table that would move flags')
    return tuple(tables)


def position_bits(fields: dict[str, Any]) -> int:
    """Return the bits an axis of locations, of META's map.

    Raises
    ------
    CorruptError
        There are none, or they are out of range.
    """
    return MapReader(fields).integer("bits", *_POSITION_BITS)


def unpack_fields(fields: dict[str, Any], profile: Profile) -> Fields:
    """Read META's map.

    Raises
    ------
    CorruptError
        A field is missing, of the wrong kind, or out of its range.
    UnsupportedVersionError
        The prior that the fields name isn't in this version of the package.
    """
    reader = MapReader(fields)
    shape = unpack_shape(fields, profile)
    origin = reader.get("origin")
    if not isinstance(origin, list) or len(origin) != 3:
        raise CorruptError('metadata: "origin" isn\'t a list of three numbers')
    x, y, z = (reader.number("origin", v) for v in origin)
    unit = reader.number("unit", reader.get("unit"))
    if unit <= 0:
        raise CorruptError(f'metadata: "unit" is {unit}, expected a positive number')
    geometry, scaling, spec, prior = unpack_model_fields(fields, shape)
    digest = reader.get("sha256")
    if not isinstance(digest, bytes) or len(digest) != 32:
        raise CorruptError('metadata: "sha256" isn\'t 32 bytes')
    return Fields(
        shape=shape,
        lambda_q=reader.integer("lambda", *LAMBDA_Q_RANGE),
        lattice=Lattice((x, y, z), unit, reader.integer("step", 0, NUM_LATTICE_STEPS - 1)),
        position_bits=position_bits(fields),
        geometry=geometry,
        scaling=scaling,
        spec=spec,
        prior=prior,
        centroids=_unpack_centroids(reader.get("centroids"), spec.groups),
        symbols_sha256=digest,
    )
