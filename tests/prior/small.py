"""A prior of random networks: what tests of files need, and nobody should encode with."""

from __future__ import annotations

from functools import cache

import torch

from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.parameters import initial_parameters
from hemgs_codec.pointnet import PointNetSpec
from hemgs_codec.pointnet.parameters import finest_steps, freeze_point_net
from hemgs_codec.pointnet.parameters import initial_parameters as initial_point_net
from hemgs_codec.prior.prior import Prior, pack_prior, prior_spec, unpack_prior

SCENE_HASH = bytes(range(32))


@cache
def random_prior(seed: int = 0, octaves: float = 0.0) -> Prior:
    """Return a prior as read from its file, whose steps are off by so much."""
    generator = torch.Generator().manual_seed(seed)
    spec, net_spec = prior_spec(6, 8, 2, 4), PointNetSpec(4, (6, 8), (5, 7))
    first = torch.full((sum(g.num_steps for g in spec.groups),), octaves)
    parameters = initial_parameters(spec, first, generator)
    with torch.no_grad():  # output layers begin at zero: let them say something
        parameters.network += 0.05 * torch.randn(parameters.network.shape, generator=generator)
    net = initial_point_net(net_spec, generator)
    prior = Prior(
        freeze(spec, parameters, 4 * finest_steps(parameters)),
        freeze_point_net(net_spec, net, finest_steps(net)),
        (SCENE_HASH,),
        "0.1.0",
    )
    return unpack_prior(pack_prior(prior))
