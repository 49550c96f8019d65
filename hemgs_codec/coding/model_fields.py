"""The part of a file's metadata that belongs to a fit, whatever λ it codes at (SPEC "META")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.map_reader import MapReader
from hemgs_codec.context.graph import MAX_VOXEL_SHIFT
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.lattice import NUM_LATTICE_STEPS
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import Scaling, constant_groups, slice_widths
from hemgs_codec.model.spec import Group, ModelSpec, position_steps
from hemgs_codec.model.tilts import NUM_TILTS
from hemgs_codec.prior.library import find_prior
from hemgs_codec.prior.prior import ID_BYTES, Prior
from hemgs_codec.shapes import Shape, groups_of
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


def pack_model_fields(
    geometry: Geometry, scaling: Scaling, spec: ModelSpec, prior: Prior | None
) -> dict[str, Value]:
    """Return a fit's part of the metadata."""
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
        **({} if scaling.tilts is None else {"tilts": scaling.tilts.astype("i1").tobytes()}),
        "net": [
            spec.hidden,
            spec.slice_hidden,
            spec.heads,
            spec.features,
            int(spec.use_context) | int(spec.use_earlier) << 1 | int(spec.use_adaptation) << 2,
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
    octaves = tilts = None
    if prior is not None:
        octaves = _unpack_bytes("octaves", reader.get("octaves"), sum(group.num_steps for group in groups))
        if "tilts" in fields:
            tilts = _unpack_bytes("tilts", reader.get("tilts"), len(octaves) * NUM_TILTS)
            tilts = tilts.reshape(-1, NUM_TILTS)
    scaling = Scaling(reader.floats("offsets", slices), reader.floats("scales", slices), octaves, tilts)
    if (scaling.scales < 0).any():
        raise CorruptError('metadata: "scales" holds a negative scale')
    _check_flags(scaling, groups)
    hidden, slice_hidden, heads, features, flags = reader.integers(
        "net", [(1, MAX_HIDDEN), (1, MAX_HIDDEN), (1, MAX_HEADS), (1, MAX_FEATURES), (0, 7)]
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
        use_adaptation=bool(flags & 4),
        constant=constant_groups(scaling, groups),
    )
    if prior is not None:
        if flags & _ALL_PARTS != _ALL_PARTS or spec != replace(prior.spec_for(spec), points=0):
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


def _unpack_bytes(key: str, data: Any, count: int) -> npt.NDArray[np.int8]:
    if not isinstance(data, bytes) or len(data) != count:
        raise CorruptError(f'metadata: "{key}" isn\'t {count} bytes')
    return np.frombuffer(data, dtype=np.int8)


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
