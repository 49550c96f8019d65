"""Names of the attribute groups, for people; kept apart so that `hemgs info` needs nothing else."""

from __future__ import annotations

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
MAX_GROUPS = len(GAUSSIAN_GROUPS)
