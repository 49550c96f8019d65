"""PointNet++ over the integer lattice: the scene-agnostic prior (paper 3.3.2; SPEC "Priors").

After Qi et al. 2017. Features per point from the points' locations alone, so that encoder and decoder have
them alike before any attribute is coded. Sampling, grouping and networks are integer arithmetic. Floats, for
training, are in `hemgs_codec.pointnet.parameters`, which isn't imported here.
"""

from __future__ import annotations

from hemgs_codec.pointnet.frozen import FrozenPointNet
from hemgs_codec.pointnet.network import point_features
from hemgs_codec.pointnet.plan import PointLevel, PointPlan, plan_points
from hemgs_codec.pointnet.spec import PointNetSpec

__all__ = ["FrozenPointNet", "PointLevel", "PointNetSpec", "PointPlan", "plan_points", "point_features"]
