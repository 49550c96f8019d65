"""Centre a prior's steps on a scene that it isn't fitted to: on average, they are what errors are worth.

A prior says by how much steps of an anchor differ from the scene's. In a scene unlike those it has seen it
may be off by the same amount everywhere, which costs bits and says nothing: `Scaling.octaves` takes it out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.samples import Samples
from hemgs_codec.fit.train import MIDDLE, Fit, lambda_feature, step_index
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q, UNIT

_BLOCKS, _BLOCK = 8, 1024
_SEEN = 8.0  # networks see no larger values


def centre_rows(by_morton: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return rows to centre on, of all in Morton order (N,): blocks of neighbours, spread over the scene."""
    count = len(by_morton)
    if count <= _BLOCKS * _BLOCK:
        return by_morton
    starts = np.linspace(0, count - _BLOCK, _BLOCKS).astype(np.int64)
    return by_morton[np.unique(starts[:, None] + np.arange(_BLOCK))]


@torch.no_grad()
def centred_offsets(fit: Fit, rows: npt.NDArray[np.intp], samples: Samples) -> torch.Tensor:
    """Return step offsets (S,) with which steps of scene rows (n,) are on average those wanted.

    Parameters
    ----------
    samples
        Of those rows alone, as a scene of its own: one graph.
    """
    spec, chosen = fit.spec, torch.from_numpy(np.asarray(rows, np.int64))
    m = FloatArithmetic(fit.parameters.pieces(fit.parameters.network))
    q = torch.tensor(float(LAMBDA_REFERENCE_Q))
    lam = lambda_feature(q).expand(len(rows), 1)
    geometry = torch.from_numpy(samples.geometry[0]).float() / UNIT
    location = torch.cat([fit.grid_features(fit.parameters.grid, chosen), geometry], dim=1)
    seen = torch.zeros((len(rows), spec.channels))
    offsets = fit.step_offsets.clone()
    for g, group in enumerate(spec.groups):
        steps = slice(spec.first_step(g), spec.first_step(g + 1))
        index = torch.zeros((len(rows), group.num_steps))
        if not group.flags and g not in spec.constant:
            prior = predictor.prior(m, g, location, seen[:, : spec.earlier(g)], lam)
            octaves = predictor.step_octaves(m, g, prior, lam)
            share = fit.step_share[chosen][:, steps]
            off = ((fit.wanted_steps[chosen][:, steps] + MIDDLE - octaves) * share).sum(0)
            offsets[steps] = torch.where(
                share.sum(0) > 0, (8 * off / share.sum(0).clamp(min=1e-9)).round() / 8, offsets[steps]
            )
            index = step_index(octaves + offsets[steps])
        step = torch.exp2(index / 8)[:, list(group.channel_steps)]
        channels = slice(spec.first_channel(g), spec.first_channel(g) + group.channels)
        values = fit.values[chosen][:, channels]
        seen[:, channels] = torch.clamp((values / step).round() * step, -_SEEN, _SEEN)
    return offsets
