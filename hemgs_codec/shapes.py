"""What scenes of a profile differ in, and what follows: a profile is data (SPEC "META").

A Gaussian scene has a degree of spherical harmonics; an anchor scene has the sizes of its networks.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemgs_codec import profile
from hemgs_codec.anchors import profile as anchor_profile
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.model.spec import Group
from hemgs_format.constants import Profile


@dataclass(frozen=True)
class GaussianShape:
    """What Gaussian scenes differ in."""

    sh_degree: int


Shape = GaussianShape | NetworkShape


def profile_of(shape: Shape) -> Profile:
    """Return the profile that the header names."""
    return "gaussian" if isinstance(shape, GaussianShape) else "anchor"


def groups_of(shape: Shape) -> tuple[Group, ...]:
    """Return the attribute groups, in coding order."""
    if isinstance(shape, GaussianShape):
        return profile.groups(shape.sh_degree)
    return anchor_profile.groups(shape.features, shape.slots)
