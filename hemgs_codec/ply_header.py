"""The header of a splat PLY: what the file announces, checked against its size before any row is read.

plyfile parses the header text (with every count set to 0, so that it allocates nothing); the counts are read
and judged here.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from plyfile import PlyData, PlyElement, PlyListProperty, PlyParseError

from hemgs_format.errors import SceneError

# Headers are a few kilobytes; this leaves room for long comments, and a hostile one costs a second at most.
MAX_HEADER_BYTES = 1 << 18

# A property of these names says that the rows are in another splat layout, and what to do about it.
_COMPRESSED = "this is a compressed.ply (packed chunks); convert it to a plain 3DGS .ply first"
_ANCHORS = "this is a Scaffold-GS anchor .ply, whose colours need its networks; pass a plain 3DGS .ply"
_PACKED = {"packed_position": _COMPRESSED, "packed_rotation": _COMPRESSED}
_OTHER_LAYOUTS = {
    "gaussians": {**_PACKED, "f_anchor_feat_0": _ANCHORS, "f_offset_0": _ANCHORS},
    "anchors": _PACKED,
}

Layout = Literal["gaussians", "anchors"]
Encoding = Literal["ascii", "binary_little_endian", "binary_big_endian"]


@dataclass(frozen=True)
class PlyHeader:
    """What a PLY header announces about its `vertex` rows.

    Parameters
    ----------
    encoding
        How the rows are written.
    dtype
        One binary row, in the file's byte order; its names are the properties.
    num_rows
        Rows of the `vertex` element, at least 1.
    offset
        Binary: byte of the file where the first row starts. Ascii: where the body starts.
    lead
        Ascii: the header up to and including `vertex`, for plyfile to read the body with.
    other_elements
        Names of the elements that aren't `vertex`.
    comments
        Comments before the first element.
    """

    encoding: Encoding
    dtype: np.dtype[np.void]
    num_rows: int
    offset: int
    lead: bytes
    other_elements: tuple[str, ...]
    comments: tuple[str, ...]


def read_header(raw: bytes, layout: Layout = "gaussians") -> PlyHeader:
    """Parse and check the header of a PLY file.

    Parameters
    ----------
    raw
        The whole file.
    layout
        What the rows are expected to be: Gaussians of a plain 3DGS scene, or anchors.

    Raises
    ------
    SceneError
        If the file is no PLY, its header is malformed, its rows are known to be in another layout, or it
        announces more rows than its bytes can hold.
    """
    text, newline, body = _header_text(raw)
    lines = text.split(newline)
    counts = _element_counts(lines)
    data = _parse("".join(f"{_without_count(line)}{newline}" for line in lines))
    elements = list(data.elements)
    encoding = _encoding(data)
    names = [element.name for element in elements]
    if "vertex" not in names:
        raise SceneError(f"the PLY has no vertex element, only {names[:8]}; expected one vertex per Gaussian")
    at = names.index("vertex")
    vertex = elements[at]
    _check_layout(vertex, layout)
    if counts[at] == 0:
        raise SceneError("the PLY holds no Gaussians: element vertex has 0 rows")
    _check_size(elements, counts, encoding, len(raw) - body)
    offset = body
    if encoding != "ascii":
        for element, count in zip(elements[:at], counts[:at], strict=True):
            if _has_list(element):
                raise SceneError(
                    f"element {element.name} has list properties and stands before vertex; write vertex first"
                )
            offset += count * _row_bytes(element)
    return PlyHeader(
        encoding=encoding,
        dtype=_row_dtype(vertex, data.byte_order),
        num_rows=counts[at],
        offset=offset,
        lead=_lead(lines, newline, last_element=at),
        other_elements=tuple(name for i, name in enumerate(names) if i != at),
        comments=tuple(data.comments),
    )


def _header_text(raw: bytes) -> tuple[str, str, int]:
    """Cut the header out of the file: text up to end_header, newline, offset of the body."""
    if not raw:
        raise SceneError("the PLY is empty (0 bytes)")
    start = re.match(rb"ply(\r\n|\n|\r)", raw)
    if start is None:
        raise SceneError(f"not a PLY file: it starts with {raw[:4]!r}, expected b'ply' and a line end")
    newline = start[1]
    end = raw.find(newline + b"end_header" + newline, 0, MAX_HEADER_BYTES)
    if end < 0:
        raise SceneError(f"the PLY header doesn't end within {min(len(raw), MAX_HEADER_BYTES)} bytes")
    body = end + 2 * len(newline) + len(b"end_header")
    # Comments in other alphabets are common and harmless; names in them are refused further on.
    text = raw[: body - len(newline)].decode("ascii", "replace").replace("\ufffd", "?")
    return text, newline.decode("ascii"), body


def _element_counts(lines: list[str]) -> list[int]:
    counts = []
    for line in lines:
        words = line.split()
        if words[:1] != ["element"]:
            continue
        if len(words) != 3 or not re.fullmatch(r"[0-9]{1,18}", words[2]):
            raise SceneError(f"malformed PLY header line {line.strip()[:80]!r}, expected: element NAME COUNT")
        counts.append(int(words[2]))
    return counts


def _without_count(line: str) -> str:
    words = line.split()
    return f"element {words[1]} 0" if words[:1] == ["element"] else line


def _parse(header: str) -> PlyData:
    try:
        return PlyData.read(io.BytesIO(header.encode("ascii")))
    except (PlyParseError, ValueError) as error:
        raise SceneError(f"malformed PLY header: {error}") from error


def _encoding(data: PlyData) -> Encoding:
    if data.text:
        return "ascii"
    return "binary_big_endian" if data.byte_order == ">" else "binary_little_endian"


def _check_layout(vertex: PlyElement, layout: Layout) -> None:
    others = _OTHER_LAYOUTS[layout]
    for prop in vertex.properties:
        if prop.name in others:
            raise SceneError(f"property {prop.name}: {others[prop.name]}")
    for prop in vertex.properties:
        if isinstance(prop, PlyListProperty):
            raise SceneError(f"property {prop.name} is a list; a 3DGS scene has plain numbers only")


def _check_size(elements: list[PlyElement], counts: list[int], encoding: Encoding, available: int) -> None:
    """Refuse counts that the file can't hold, in Python's unbounded integers."""
    needed = 0
    for element, count in zip(elements, counts, strict=True):
        # The shortest ascii value is a digit and a separator; the very last line may lack its end.
        row = 2 * len(element.properties) if encoding == "ascii" else _row_bytes(element)
        needed += count * row
        if needed > available + (encoding == "ascii"):
            raise SceneError(
                f"element {element.name}: {count} rows need at least {needed} bytes, "
                f"but {available} follow the header; the file is truncated or its header wrong"
            )


def _has_list(element: PlyElement) -> bool:
    return any(isinstance(prop, PlyListProperty) for prop in element.properties)


def _row_bytes(element: PlyElement) -> int:
    """Bytes of a binary row; with list properties the least, when every list is empty."""
    return sum(
        np.dtype(prop.list_dtype()[0] if isinstance(prop, PlyListProperty) else prop.dtype()).itemsize
        for prop in element.properties
    )


def _row_dtype(vertex: PlyElement, byte_order: str) -> np.dtype[np.void]:
    return np.dtype([(prop.name, prop.dtype(byte_order)) for prop in vertex.properties])


def _lead(lines: list[str], newline: str, *, last_element: int) -> bytes:
    """Return the header without the elements after the given one, so that their rows are never parsed."""
    kept = []
    at = -1
    for line in lines[:-1]:
        at += line.split()[:1] == ["element"]
        if at > last_element:
            break
        kept.append(line)
    return "".join(f"{line}{newline}" for line in [*kept, "end_header"]).encode("ascii")
