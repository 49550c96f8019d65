"""Names of the attribute groups, for people; kept apart so that `hemgs info` needs nothing else."""

from __future__ import annotations

from hemgs_format.constants import Profile

GAUSSIAN_GROUPS = (
    "importance",
    "opacity",
    "scales",
    "positions",
    "rotation",
    "sh0",
    "sh1",
    "sh2",
    "sh3",
)
ANCHOR_GROUPS = ("importance", "masks", "features", "scaling+offsets")
GROUPS: dict[Profile, tuple[str, ...]] = {"gaussian": GAUSSIAN_GROUPS, "anchor": ANCHOR_GROUPS}
MAX_GROUPS = max(len(names) for names in GROUPS.values())
