"""The property names of a vanilla 3DGS .ply."""

from __future__ import annotations

import re

from hemgs_codec.scene import SH_REST_COUNTS
from hemgs_format.errors import SceneError

MEANS = ("x", "y", "z")
NORMALS = ("nx", "ny", "nz")
SH0 = ("f_dc_0", "f_dc_1", "f_dc_2")
OPACITY = ("opacity",)
SCALES = ("scale_0", "scale_1", "scale_2")
QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
REQUIRED = MEANS + SH0 + OPACITY + SCALES + QUATS


def rest_names(present: tuple[str, ...]) -> tuple[str, ...]:
    """Check that every property is there; return the f_rest names in order.

    Raises
    ------
    SceneError
        If a required property is missing, or the f_rest ones have a gap or belong to no SH degree.
    """
    missing = [name for name in REQUIRED if name not in present]
    if missing:
        raise SceneError(
            f"the PLY lacks {', '.join(missing)}; a vanilla 3DGS scene has all of {', '.join(REQUIRED)}"
        )
    count = sum(bool(re.fullmatch(r"f_rest_[0-9]+", name)) for name in present)
    names = tuple(f"f_rest_{i}" for i in range(count))
    gaps = [name for name in names if name not in present]
    if gaps:
        raise SceneError(
            f"the PLY has {count} f_rest properties but lacks {gaps[0]}; expected f_rest_0 upwards"
        )
    allowed = [3 * rest for rest in SH_REST_COUNTS]
    if count not in allowed:
        raise SceneError(
            f"the PLY has {count} f_rest properties, expected one of {allowed} (SH degree 0 to 3)"
        )
    return names
