"""Which sections an .hgs file holds, and in what order (SPEC "Sections"); no torch, for `hemgs info`."""

from __future__ import annotations

from collections.abc import Sequence

from hemgs_codec.profile_names import MAX_GROUPS
from hemgs_format.errors import CorruptError
from hemgs_format.sections import Section

RUN_IDS = tuple(f"RUN{i}" for i in range(MAX_GROUPS))
SINGLE_IDS = ("META", "LOCS", "NETS", "HASH")
KNOWN = frozenset(SINGLE_IDS + RUN_IDS)


def split_sections(sections: Sequence[Section]) -> tuple[dict[str, bytes], list[Section]]:
    """Split a file's sections into the four that appear once, by id, and the runs.

    Raises
    ------
    CorruptError
        One is missing or out of order.
    """
    ids = tuple(section.id for section in sections)
    if ids[: len(SINGLE_IDS)] != SINGLE_IDS or any(i in SINGLE_IDS for i in ids[len(SINGLE_IDS) :]):
        raise CorruptError(
            f"sections are {', '.join(ids[:6]) or 'none'}: expected {', '.join(SINGLE_IDS)}, then runs"
        )
    return {s.id: s.data for s in sections[: len(SINGLE_IDS)]}, list(sections[len(SINGLE_IDS) :])
