"""What a file's metadata says, typed and checked (SPEC "META")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.profile import MAX_FEATURES as MAX_ANCHOR_FEATURES
from hemgs_codec.anchors.profile import MAX_SLOTS
from hemgs_codec.coding.centroids import NUM_CELLS
from hemgs_codec.coding.map_reader import MapReader
from hemgs_codec.context.graph import MAX_VOXEL_SHIFT
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.lattice import NUM_LATTICE_STEPS, Lattice
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import Scaling, constant_groups, slice_widths
from hemgs_codec.model.spec import Group, ModelSpec, position_steps
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN, lambda_to_q
from hemgs_codec.prior.library import find_prior
from hemgs_codec.prior.prior import ID_BYTES, Prior
from hemgs_codec.scene import MAX_SH_DEGREE
from hemgs_codec.shapes import GaussianShape, Shape, groups_of
from hemgs_format.constants import Profile
from hemgs_format.errors import CorruptError
from hemgs_format.metadata import Value

MAX_CONTEXT = 80
MAX_WINDOW = 255
MAX_HIDDEN = 256
MAX_HEADS = 16
MAX_FEATURES = 16
MAX_LEVELS = 32
MAX_ENTRIES = 1 << 20
MAX_LOG_RESOLUTION = 12
_BOX_LIMIT = 1 << 30
_ALL_PARTS = 3  # flags of networks with contexts and earlier groups: what a prior has
_FLAG_SCALINGS = ((0.0, 1.0), (0.0, 0.0), (1.0, 0.0))  # offset and scale of a slice of flags
LAMBDA_Q_RANGE = (lambda_to_q(LAMBDA_MIN), lambda_to_q(LAMBDA_MAX))


@dataclass(frozen=True)
class Geometry:
    """How contexts are chosen."""

    order: Order
    context: int
    window: int
    voxel_shift: int
    box: tuple[int, int, int, int]
    position_step: int
    """Lattice step index that a step of 1 stands for where positions are refined; 0 where they aren't."""


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
    features = reader.integer("features", 1, MAX_ANCHOR_FEATURES)
    slots = reader.integer("slots", 1, MAX_SLOTS)
    render = reader.integer("render", 0, 15)
    return NetworkShape(features, slots, (bool(render & 1), bool(render & 2), bool(render & 4)), render > 7)


def pack_model_fields(
    geometry: Geometry, scaling: Scaling, spec: ModelSpec, prior: Prior | None
) -> dict[str, Value]:
    """Return the part of the metadata that belongs to a fit, whatever λ it codes at."""
    return {
        **({} if prior is None else {"prior": [prior.id, prior.since]}),
        "order": ORDERS.index(geometry.order),
        "context": geometry.context,
        "window": geometry.window,
        "voxel": geometry.voxel_shift,
        "box": list(geometry.box),
        **({"fine": geometry.position_step} if position_steps(spec) else {}),
        "offsets": scaling.offsets.astype("<f4").tobytes(),
        "scales": scaling.scales.astype("<f4").tobytes(),
        **({} if scaling.octaves is None else {"octaves": scaling.octaves.astype("i1").tobytes()}),
        "net": [
            spec.hidden,
            spec.slice_hidden,
            spec.heads,
            spec.features,
            int(spec.use_context) | int(spec.use_earlier) << 1,
        ],
        "grid": [[sum(1 << a for a in v.axes), v.log_resolution, v.entries] for v in spec.levels],
    }


def unpack_model_fields(
    fields: dict[str, Any], shape: Shape
) -> tuple[Geometry, Scaling, ModelSpec, Prior | None]:
    """Invert `pack_model_fields`.

    Raises
    ------
    CorruptError
        A field is missing, of the wrong kind, or out of its range.
    UnsupportedVersionError
        The prior that the fields name isn't in this version of the package.
    """
    reader = MapReader(fields)
    groups = groups_of(shape)
    prior = _unpack_prior(fields, shape)
    order = ORDERS[reader.integer("order", 0, len(ORDERS) - 1)]
    bound = (-_BOX_LIMIT, _BOX_LIMIT)
    box = reader.integers("box", [bound, bound, bound, (1, _BOX_LIMIT)])
    geometry = Geometry(
        order=order,
        context=reader.integer("context", 0, MAX_CONTEXT),
        window=reader.integer("window", 1, MAX_WINDOW),
        voxel_shift=reader.integer("voxel", 0, MAX_VOXEL_SHIFT),
        box=(box[0], box[1], box[2], box[3]),
        position_step=(
            reader.integer("fine", -NUM_LATTICE_STEPS, NUM_LATTICE_STEPS)
            if any(group.refines_positions for group in groups)
            else 0
        ),
    )
    slices = len(slice_widths(groups))
    octaves = None if prior is None else _unpack_octaves(reader.get("octaves"), groups)
    scaling = Scaling(reader.floats("offsets", slices), reader.floats("scales", slices), octaves)
    if (scaling.scales < 0).any():
        raise CorruptError('metadata: "scales" holds a negative scale')
    _check_flags(scaling, groups)
    hidden, slice_hidden, heads, features, flags = reader.integers(
        "net", [(1, MAX_HIDDEN), (1, MAX_HIDDEN), (1, MAX_HEADS), (1, MAX_FEATURES), (0, 3)]
    )
    if flags & 1 and geometry.context == 0:
        raise CorruptError('metadata: "net" asks for an autoregressive network, "context" is 0')
    spec = ModelSpec(
        groups=groups,
        levels=_unpack_levels(reader.get("grid")),
        features=features,
        hidden=hidden,
        slice_hidden=slice_hidden,
        heads=heads,
        use_context=bool(flags & 1),
        use_earlier=bool(flags & 2),
        constant=constant_groups(scaling, groups),
    )
    if prior is not None:
        if flags != _ALL_PARTS or spec != replace(prior.spec_for(spec), points=0):
            raise CorruptError(f'metadata: "net" isn\'t that of prior {prior.id.hex()}')
        spec = prior.spec_for(spec)
    return geometry, scaling, spec, prior


def _unpack_prior(fields: dict[str, Any], shape: Shape) -> Prior | None:
    if "prior" not in fields:
        return None
    name = fields["prior"]
    if not isinstance(name, list) or len(name) != 2:
        raise CorruptError('metadata: "prior" isn\'t a list of an id and a version')
    known, since = name
    if not isinstance(known, bytes) or len(known) != ID_BYTES or not isinstance(since, str):
        raise CorruptError(f'metadata: "prior" isn\'t {ID_BYTES} bytes and a version')
    prior = find_prior(known, since)
    if not prior.suits(shape):
        raise CorruptError(f"metadata: prior {known.hex()} is for other kinds of scenes")
    return prior


def _unpack_octaves(octaves: Any, groups: tuple[Group, ...]) -> npt.NDArray[np.int8]:
    count = sum(group.num_steps for group in groups)
    if not isinstance(octaves, bytes) or len(octaves) != count:
        raise CorruptError(f'metadata: "octaves" isn\'t {count} bytes')
    return np.frombuffer(octaves, dtype=np.int8)


def _unpack_levels(rows: Any) -> tuple[Level, ...]:
    if not isinstance(rows, list) or len(rows) > MAX_LEVELS:
        raise CorruptError(f'metadata: "grid" isn\'t a list of at most {MAX_LEVELS} levels')
    levels = []
    for row in rows:
        mask, resolution, entries = MapReader({"grid": row}).integers(
            "grid", [(1, 7), (0, MAX_LOG_RESOLUTION), (1, MAX_ENTRIES)]
        )
        axes = tuple(axis for axis in range(3) if mask >> axis & 1)
        if len(axes) < 2:
            raise CorruptError("metadata: a level of the hash grid spans fewer than two axes")
        levels.append(Level(axes, resolution, entries))
    return tuple(levels)


def _check_flags(scaling: Scaling, groups: tuple[Group, ...]) -> None:
    """Refuse slices of flags that could hold anything but 0 and 1."""
    first = 0
    for group in groups:
        part = slice(first, first + len(group.slices))
        first = part.stop
        for offset, scale in zip(scaling.offsets[part].tolist(), scaling.scales[part].tolist(), strict=True):
            if group.flags and (offset, scale) not in _FLAG_SCALINGS:
                raise CorruptError(
                    f"metadata: a slice of the {group.name} has offset {offset:g} and scale {scale:g}, "
                    f"expected 0 and 1, or 0 or 1 and 0"
                )


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
        position_bits=reader.integer("bits", 1, 21),
        geometry=geometry,
        scaling=scaling,
        spec=spec,
        prior=prior,
        centroids=_unpack_centroids(reader.get("centroids"), spec.groups),
        symbols_sha256=digest,
    )
