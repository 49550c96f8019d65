"""Which sections an .hgs file holds, and in what order (SPEC "Sections"); no torch, for `hemgs info`."""

from __future__ import annotations

from collections.abc import Sequence

from hemgs_codec.profile_names import MAX_LAYERS
from hemgs_format.constants import Profile
from hemgs_format.errors import CorruptError
from hemgs_format.sections import Section

RUN_IDS = tuple(f"RUN{i}" for i in range(MAX_LAYERS))
SINGLE_IDS: dict[Profile, tuple[str, ...]] = {
    "gaussian": ("META", "LOCS", "NETS", "HASH"),
    "anchor": ("META", "MLPS", "LOCS", "NETS", "HASH"),
}
"""Sections that appear once, in file order, by profile: a prefix that holds `LOCS` is a scene."""
KNOWN = frozenset(SINGLE_IDS["anchor"] + RUN_IDS)


def check_order(ids: Sequence[str], profile: Profile) -> None:
    """Refuse a file whose sections aren't these.

    Parameters
    ----------
    ids
        Of all known sections, in file order.

    Raises
    ------
    CorruptError
        One is missing or out of order.
    """
    single = SINGLE_IDS[profile]
    runs = list(ids[len(single) :])
    if tuple(ids[: len(single)]) != single or not set(runs) <= set(RUN_IDS) or runs != sorted(runs):
        raise CorruptError(
            f"sections are {', '.join(ids[:6]) or 'none'}: expected {', '.join(single)}, then runs, ascending"
        )


def split_sections(sections: Sequence[Section], profile: Profile) -> tuple[dict[str, bytes], list[Section]]:
    """Split a file's sections into those that appear once, by id, and the runs.

    Raises
    ------
    CorruptError
        One is missing or out of order.
    """
    check_order([section.id for section in sections], profile)
    count = len(SINGLE_IDS[profile])
    return {s.id: s.data for s in sections[:count]}, list(sections[count:])
