"""Invalid conformance files with streams that the range coder would spell otherwise: see `breakages`.

Applied to the valid file ``anchors``: its streams all have several words, and the symbols stay what they are.
"""

from __future__ import annotations

from hemgs_format.errors import CorruptError, TruncatedError
from vectors.breakages import Breakage
from vectors.edits import with_data


def _other_end(stream: bytes) -> bytes:
    """Raise the last word by one: the same symbols come out, but no encoder ends with it."""
    last = int.from_bytes(stream[-4:], "little") + 1
    return stream[:-4] + last.to_bytes(4, "little")


STREAMS = tuple(
    Breakage(f"{what}-{how}", rule, error, with_data(section, edit))
    for what, section, rule in (
        ("locations", "LOCS", "Locations: bytes"),
        ("networks", "NETS", "Range coder: one spelling"),
        ("rendering-networks", "MLPS", "Range coder: one spelling"),
        ("run", "RUN0", "Range coder: one spelling"),
    )
    for how, error, edit in (
        ("without-a-word", TruncatedError, lambda stream: stream[:-4]),
        ("with-a-word-more", CorruptError, lambda stream: stream + bytes(4)),
        ("with-another-end", CorruptError, _other_end),
    )
)
