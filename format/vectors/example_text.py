"""SPEC.md's description of the worked example: hex dump, what each byte is for, what the words decode to."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgpack
import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.fields import Fields, unpack_fields
from hemgs_codec.coding.runs import FileCoder
from hemgs_codec.coding.walk import walk
from hemgs_codec.context.graph import build_graph
from hemgs_codec.decoder import decode_gaussians
from hemgs_codec.location import decode_locations
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.units import step_table
from hemgs_codec.prior.packing import unpack_model
from hemgs_codec.sections import KNOWN, RUN_IDS, split_sections
from hemgs_format.container import layout, read_container
from hemgs_format.metadata import unpack_metadata
from hemgs_format.sections import Section
from hemgs_format.tables import gaussian_row, half_width

BEGIN = "<!-- worked example: written by format/vectors/make_vectors.py -->\n"
END = "<!-- end of worked example -->\n"

_LONGEST = 14  # bytes shown in a row
_COLUMNS = 16
_WIDTH = 118

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Call:
    """One call of the entropy decoder, as `Coder.code` saw it."""

    ranks: Int64Array
    channels: Int64Array
    steps: Int64Array
    means: Int64Array
    sigmas: Int64Array
    symbols: Int64Array


class _Listener(FileCoder):
    """Decode, and take notes."""

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__(sections)
        self.calls: list[_Call] = []

    def code(
        self,
        layer: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        symbols = super().code(layer, ranks, channels, steps, means, sigmas)
        self.calls.append(_Call(ranks, channels, steps, means, sigmas, symbols))
        return symbols


def example_text(data: bytes) -> str:
    """Return the Markdown from `BEGIN` to `END`."""
    return f"{BEGIN}\n{_hex_dump(data)}\n{_rows(data)}\n{_words(data)}\n{END}"


def _hex_dump(data: bytes) -> str:
    lines = [
        f"{start:04X}  {data[start : start + _COLUMNS].hex(' ').upper()}"
        for start in range(0, len(data), _COLUMNS)
    ]
    head = f"`format/vectors/valid/worked-example.hgs`, two Gaussians in {len(data)} bytes:"
    return "\n".join([head, "", "```", *lines, "```", ""])


def _row(start: int, data: bytes, meaning: str) -> str:
    shown = data[:_LONGEST].hex(" ").upper() + (" …" if len(data) > _LONGEST else "")
    return f"| {start} | {len(data)} | {f'`{shown}`' if data else ''} | {meaning} |"


def _rows(data: bytes) -> str:
    """Say what each byte is for."""
    rows = ["| start | length | bytes | meaning |", "| --- | --- | --- | --- |"]

    def put(start: int, length: int, meaning: str) -> None:
        rows.append(_row(start, data[start : start + length], meaning))

    container = read_container(data, known=KNOWN)
    extents = layout(data)
    put(0, 8, "magic")
    put(8, 2, "format 0.1")
    put(10, 2, "profile `gaussian`, flags 0")
    put(12, 4, f"num_points {container.num_points}")
    put(16, 4, f"num_input {container.num_input}")
    put(20, 4, f"table_bytes {extents[1].size}")
    put(24, 4, f"CRC-32 of bytes 0 .. 23 and 28 .. {27 + extents[1].size}")
    at = 28
    for extent in extents[
        2:
    ]:  # in this file every section has an entry, and every length one byte, or META two
        size = len(_varint(extent.size))
        put(at, 4, f"id `{extent.id}`")
        put(at + 4, 1, "one section")
        put(at + 5, size, f"of {extent.size} bytes")
        crc = zlib.crc32(data[extent.offset : extent.offset + extent.size])
        put(at + 5 + size, 4, f"its CRC-32: 0x{crc:08X}")
        at += 9 + size
    for extent in extents[2:]:
        part = data[extent.offset : extent.offset + extent.size]
        if extent.id == "META":
            rows.extend(_metadata_rows(extent.offset, part))
        elif extent.id.startswith("RUN"):
            put(extent.offset, 1, f"`{extent.id}`: one batch")
            if extent.size > 1:
                put(extent.offset + 1, extent.size - 1, f"`{extent.id}`: words")
        else:
            put(
                extent.offset,
                extent.size,
                f"`{extent.id}`: words" if extent.size else f"`{extent.id}`: empty",
            )
    return "\n".join(rows) + "\n"


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, value >> 7])


def _metadata_rows(offset: int, part: bytes) -> list[str]:
    """One row per key."""
    unpacker = msgpack.Unpacker()
    unpacker.feed(part)
    count = unpacker.read_map_header()
    rows = [_row(offset, part[: unpacker.tell()], f"`META`: a map of {count} keys")]
    for _ in range(count):
        start = unpacker.tell()
        key, value = unpacker.unpack(), unpacker.unpack()
        if isinstance(value, bytes):
            value = np.frombuffer(value, "<f4").tolist() if key != "sha256" else f"{value.hex()[:16]}…"
        text = str(value).replace("[", "").replace("]", "") if value else str(value)
        rows.append(_row(offset + start, part[start : unpacker.tell()], f"`{key}`: {text}"))
    return rows


def _words(data: bytes) -> str:
    """Say what the entropy-coded parts decode to."""
    container = read_container(data, known=KNOWN)
    parts, runs = split_sections(container.sections, container.profile)
    fields = unpack_fields(unpack_metadata(parts["META"]), container.profile)
    lattice = fields.lattice
    coords = decode_locations(parts["LOCS"], container.num_points, fields.position_bits)
    model = unpack_model(fields.spec, parts["NETS"], parts["HASH"], fields.prior)
    sequence, calls = _listen(fields, coords, model, runs)
    scene = decode_gaussians(data, threads=1)
    locations = (
        f"`LOCS`: lattice coordinates {_points(coords)}, in Morton order. The step is {lattice.step} base "
        f"units, {lattice.step * lattice.unit:g} in the world: means {_points(scene.means)}."
    )
    names = list(model.weights)
    networks = (
        f"`NETS`: {len(names)} matrices, `{names[0]}` to `{names[-1]}`. Shifts, weights and biases are 0 "
        f"but for {', '.join(_parameters(model))}."
    )
    gaussian = (
        f"So the first Gaussian has mean {_points(scene.means[:1])}, "
        f"log-scales {_points(scene.log_scales[:1])}, quaternion {_points(scene.quats[:1])}, "
        f"opacity logit {scene.opacity_logits[0]:g}, DC colour {_points(scene.sh0[:1])}."
    )
    items = [
        locations,
        networks,
        f"Coding order: Morton indices {', '.join(str(i) for i in sequence)}. There is one batch.",
        _first_symbol(fields, runs, calls[0]),
        *(_call(call, fields) for call in calls),
        "The other slices are constant: their attributes are the offsets.",
        gaussian,
    ]
    return "\n".join(textwrap.fill(f"* {item}", _WIDTH, subsequent_indent="  ") for item in items) + "\n"


def _listen(
    fields: Fields, coords: Int64Array, model: FrozenModel, runs: Sequence[Section]
) -> tuple[Int64Array, list[_Call]]:
    """Decode the runs; return the coding order and the calls of the entropy decoder."""
    geometry = fields.geometry
    points = fields.lattice.base_points(coords)
    graph = build_graph(
        coords,
        points,
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    listener = _Listener(runs)
    box = np.array(geometry.box)
    coarseness = fields.lattice.index - geometry.position_step
    ranked = points[graph.sequence]
    walk(
        model,
        model.arithmetic(None),
        graph,
        ranked,
        box,
        coarseness,
        fields.lambda_q,
        fields.scaling,
        listener,
    )
    return graph.sequence, listener.calls


def _points(values: npt.NDArray[np.number]) -> str:
    return ", ".join(f"({', '.join(f'{v:g}' for v in row)})" for row in values.tolist())


def _parameters(model: FrozenModel) -> list[str]:
    """List the parameters that aren't zero."""
    found = []
    for name, matrix in model.weights.items():
        bias = model.biases[name]
        found += [f"weight [{i}][{j}] = {matrix[i, j]} of `{name}`" for i, j in np.argwhere(matrix).tolist()]
        found += [f"bias [{j}] = {bias[j]} of `{name}`" for j in np.flatnonzero(bias).tolist()]
    return found


def _slices(fields: Fields) -> list[tuple[int, int]]:
    """Return the group and the number within it of every slice: here each has one channel."""
    groups = fields.spec.groups
    return [(group, number) for group, shape in enumerate(groups) for number in range(len(shape.slices))]


def _first_symbol(fields: Fields, runs: Sequence[Section], call: _Call) -> str:
    """Work the range decoder through its first symbol."""
    group, _ = _slices(fields)[int(call.channels[0])]
    run = next(run for run in runs if run.id == RUN_IDS[fields.spec.groups[group].layer])
    words = run.data[1:]
    offset = int.from_bytes(words[:4], "little") << 32 | int.from_bytes(words[4:8], "little")
    sigma, mean16 = int(call.sigmas[0]), int(call.means[0])
    centre = (mean16 + 8) >> 4
    weights = gaussian_row(sigma, mean16 - 16 * centre).tolist()
    scale = ((1 << 64) - 1) >> 24
    quantile = offset // scale
    entry = next(j for j in range(len(weights)) if quantile < sum(weights[: j + 1]))
    left, half = sum(weights[:entry]), half_width(sigma)
    return (
        f"The first symbol, of group {group}, has mean16 {mean16} and sigma index {sigma}, so H = {half}. "
        f"D = 0x{offset:016X} (the second word is missing, so 0), scale = 0x{scale:X}, q = {quantile}; "
        f"left[{entry}] = {left}, w[{entry}] = {weights[entry]}: entry {entry}, residual {entry - half}, "
        f"symbol {centre + entry - half}. Then D = 0x{offset - scale * left:X}, "
        f"R = 0x{scale * weights[entry]:X}."
    )


def _call(call: _Call, fields: Fields) -> str:
    """Describe a call of the entropy decoder: one slice of one channel."""
    scaling, channel = fields.scaling, int(call.channels[0])
    group, number = _slices(fields)[channel]
    offset, scale = float(scaling.offsets[channel]), float(scaling.scales[channel])
    parts = []
    for k, rank in enumerate(call.ranks.tolist()):
        step = int(step_table()[call.steps[k]])
        value = int(call.symbols[k]) * step
        attribute = np.float32(value * (scale * 2.0**-16) + offset)
        parts.append(
            f"rank {rank}: step index {call.steps[k]}, STEP {step}, mean16 {call.means[k]}, "
            f"sigma index {call.sigmas[k]}, symbol {call.symbols[k]}, value {value}, "
            f"attribute {attribute:.9g}"
        )
    return f"Group {group}, slice {number}: {'; '.join(parts)}."
