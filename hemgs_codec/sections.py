"""Which sections an .hgs file holds, and in what order (SPEC "Sections"); no torch, for `hemgs info`."""

from __future__ import annotations

from collections.abc import Sequence

from hemgs_codec.profile_names import MAX_GROUPS
from hemgs_format.constants import Profile
from hemgs_format.errors import CorruptError
from hemgs_format.sections import Section

RUN_IDS = tuple(f"RUN{i}" for i in range(MAX_GROUPS))
_COMMON_IDS = ("META", "LOCS", "NETS", "HASH")
SINGLE_IDS: dict[Profile, tuple[str, ...]] = {"gaussian": _COMMON_IDS, "anchor": (*_COMMON_IDS, "MLPS")}
"""Sections that appear once, in file order, by profile."""
KNOWN = frozenset(SINGLE_IDS["anchor"] + RUN_IDS)


def split_sections(sections: Sequence[Section], profile: Profile) -> tuple[dict[str, bytes], list[Section]]:
    """Split a file's sections into those that appear once, by id, and the runs.

    Raises
    ------
    CorruptError
        One is missing or out of order.
    """
    ids, single = tuple(section.id for section in sections), SINGLE_IDS[profile]
    if ids[: len(single)] != single or not set(ids[len(single) :]) <= set(RUN_IDS):
        raise CorruptError(
            f"sections are {', '.join(ids[:6]) or 'none'}: expected {', '.join(single)}, then runs"
        )
    return {s.id: s.data for s in sections[: len(single)]}, list(sections[len(single) :])
