"""The property names of an anchor .ply."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hemgs_format.errors import SceneError

ANCHORS = ("x", "y", "z")
NORMALS = ("nx", "ny", "nz")
OPACITY = ("opacity",)
SCALES = tuple(f"scale_{i}" for i in range(6))
QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_EXAMPLE = "x, y, z, f_offset_*, f_anchor_feat_* and scale_0..5"


@dataclass(frozen=True)
class AnchorNames:
    """Names of the properties that say something, in the order of their indices.

    Attributes
    ----------
    offsets : 3K names
        All x of the K slots, then all y, then all z.
    masks : K names or none
    features : D names
    """

    offsets: tuple[str, ...]
    masks: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, in the order of the trainers that have masks."""
        return ANCHORS + self.offsets + self.masks + self.features + SCALES


def names_for(features: int, slots: int, *, masks: bool) -> AnchorNames:
    """Names for D features and K slots."""
    return AnchorNames(
        _numbered("f_offset", 3 * slots),
        _numbered("f_mask", slots if masks else 0),
        _numbered("f_anchor_feat", features),
    )


def names_among(present: tuple[str, ...]) -> AnchorNames:
    """Find the properties of an anchor scene among those of a file, in any order.

    Raises
    ------
    SceneError
        If one is missing, numbers have a gap, or the counts of offsets and masks don't fit each other.
    """
    missing = [name for name in ANCHORS + SCALES if name not in present]
    offsets, masks, features = (_counted(present, stem) for stem in ("f_offset", "f_mask", "f_anchor_feat"))
    missing += [
        f"{stem}_0" for stem, count in (("f_offset", offsets), ("f_anchor_feat", features)) if not count
    ]
    if missing:
        raise SceneError(f"the PLY lacks {', '.join(missing)}; an anchor scene has {_EXAMPLE}")
    if "scale_6" in present:
        raise SceneError("the PLY has a property scale_6, expected scale_0 to scale_5")
    if offsets % 3:
        raise SceneError(f"the PLY has {offsets} f_offset properties, expected three per slot")
    slots = offsets // 3
    if masks not in (0, slots):
        raise SceneError(f"the PLY has {masks} f_mask properties, expected none or {slots}, one per slot")
    return names_for(features, slots, masks=masks > 0)


def _numbered(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stem}_{i}" for i in range(count))


def _counted(present: tuple[str, ...], stem: str) -> int:
    count = sum(bool(re.fullmatch(rf"{stem}_[0-9]+", name)) for name in present)
    gaps = [name for name in _numbered(stem, count) if name not in present]
    if gaps:
        raise SceneError(
            f"the PLY has {count} {stem} properties but lacks {gaps[0]}; expected {stem}_0 upwards"
        )
    return count
