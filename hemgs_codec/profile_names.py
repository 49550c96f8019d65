"""Names of attribute groups and of layers, for people; kept apart so that `hemgs info` needs nothing else."""

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
LAYERS: dict[Profile, tuple[str, ...]] = {"gaussian": ("base", *GAUSSIAN_GROUPS[6:]), "anchor": ("base",)}
"""Groups that a file interleaves are one layer: all but the SH bands, which have one each."""
MAX_LAYERS = max(len(names) for names in LAYERS.values())
