"""Units in which a prior sees a scene: where a unit means the same in all scenes, networks can rely on it.

By how many octaves an anchor's steps differ from others' follows from its importance, opacity and scales, one
octave an octave. In units of a scene's own spreads that slope would be another one in every scene.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.spec import Group

_SCALES = {"importance": 1.25, "opacity": 2.25, "scales": 1.5}
"""About the spreads of trained scenes, in octaves, logits and logarithms. Other groups: the scene's."""


def in_prior_units(scaling: Scaling, groups: tuple[Group, ...]) -> Scaling:
    """Return a scaling with scales that all scenes share, of those slices that aren't constant."""
    common = np.array(
        [_SCALES.get(group.name, 0.0) for group in groups for _ in group.slices], dtype=np.float32
    )
    is_common = (common > 0) & (scaling.scales > 0)
    return replace(scaling, scales=np.where(is_common, common, scaling.scales))
