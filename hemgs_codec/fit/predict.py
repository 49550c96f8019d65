"""The entropy model over rows of a scene, in floats with gradients: what every fit evaluates.

The walk does the same in integers, group after group. Here all groups' values are known, so one call predicts
them all: each from what a decoder would have by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from hemgs_codec.fit.edge_context import edge_context
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.spec import ModelSpec


class Around(Protocol):
    """What rows' context anchors say: gathered from wherever a fit keeps it."""

    def look(self, m: FloatArithmetic, spec: ModelSpec, group: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys (n, k, H), not clamped yet, and the group's values (n, k, V) of the context anchors."""


@dataclass(frozen=True)
class GatheredAround:
    """Context anchors' values (n, k, C), each row's of its own λ."""

    values: torch.Tensor

    def look(self, m: FloatArithmetic, spec: ModelSpec, group: int) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Around`."""
        first = spec.first_channel(group)
        last = first + spec.groups[group].channels
        visible = self.values[..., first - spec.earlier(group) : last]
        return m.linear(f"{group}.key", visible, wide=True), self.values[..., first:last]


@dataclass(frozen=True)
class SharedAround:
    """Values (N, C) of all anchors at one λ, and the contexts (n, k): each key is computed once."""

    values: torch.Tensor
    neighbours: torch.Tensor

    def look(self, m: FloatArithmetic, spec: ModelSpec, group: int) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Around`."""
        first = spec.first_channel(group)
        last = first + spec.groups[group].channels
        keys = m.linear(f"{group}.key", self.values[:, first - spec.earlier(group) : last], wide=True)
        rows, shape = self.neighbours.flatten(), self.neighbours.shape
        theirs = self.values[:, first:last].index_select(0, rows)
        return keys.index_select(0, rows).view(*shape, -1), theirs.view(*shape, -1)


OctavesOf = Callable[[int, torch.Tensor], torch.Tensor]
"""A group's index and what its step predictor says (n, steps) to log2 of the steps that are used."""


@dataclass(frozen=True)
class Prediction:
    """What the networks say of n rows with C channels and S steps, all groups side by side.

    Attributes
    ----------
    means, log_sigmas : (n, C)
        In channel scales, and log2 of that.
    octaves : (n, S)
        log2 of the steps used, in channel scales; 0 for flags, and for groups of which nothing is coded.
    predictions : (n, S)
        What the step predictors said: octaves by which steps differ from "step ~ sqrt λ"; 0 where there is
        no predictor.
    """

    means: torch.Tensor
    log_sigmas: torch.Tensor
    octaves: torch.Tensor
    predictions: torch.Tensor


def _context(
    m: FloatArithmetic, group: int, keys: torch.Tensor, *others: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Call `predictor.context`, or what does the same sooner."""
    if keys.device.type == "cpu" and keys.dtype == torch.float32:
        return edge_context(m, group, keys, *others)
    return predictor.context(m, group, m.clamped(keys), *others)


def predict_rows(
    m: FloatArithmetic,
    spec: ModelSpec,
    location: torch.Tensor,
    geometry: torch.Tensor,
    lam: torch.Tensor,
    own: torch.Tensor,
    around: Around | None,
    present: torch.Tensor | None,
    edges: torch.Tensor | None,
    octaves_of: OctavesOf,
) -> Prediction:
    """Evaluate the networks of all groups.

    Parameters
    ----------
    location, geometry : (n, L), (n, 2)
        Location features, geometry included, and geometry alone.
    lam : (n, 1)
        λ as the networks see it.
    own : (n, C)
        The rows' values as decoders see them, in channel scales.
    around : Around or None
        What context anchors say; None without an autoregressive network.
    present, edges : (n, k), (n, k, 4) or None
        1 where there is a context anchor, and edge features.
    octaves_of
        Chooses the steps, but for flags.
    """
    count = len(own)
    means, log_sigmas, octaves, predictions = [], [], [], []
    for g, group in enumerate(spec.groups):
        first, seen = spec.first_channel(g), spec.earlier(g)
        if g in spec.constant:
            nothing = own.new_zeros((count, group.channels))
            means.append(nothing)
            log_sigmas.append(nothing)
            octaves.append(own.new_zeros((count, group.num_steps)))
            predictions.append(own.new_zeros((count, group.num_steps)))
            continue
        prior = predictor.prior(m, g, location, own[:, :seen], lam)
        if group.flags:
            predictions.append(own.new_zeros((count, group.num_steps)))
            octaves.append(predictions[-1])
        else:
            predictions.append(predictor.step_octaves(m, g, prior, lam))
            octaves.append(octaves_of(g, predictions[-1]))
        if group.refines_positions:
            continue
        pooled = attended = None
        if spec.use_context and around is not None:
            keys, theirs = around.look(m, spec, g)
            assert edges is not None, "a context has edges"
            assert present is not None, "and says which there are"
            pooled, attended = _context(m, g, keys, theirs, geometry, own[:, :seen], edges, present)
            attended = attended.reshape(count, spec.heads, -1)
        done = 0
        for number, width in enumerate(group.slices):
            part = None if attended is None else attended[..., done : done + width].flatten(1)
            step = octaves[-1][:, group.slice_steps(number)]
            mean, log_sigma = predictor.slice_parameters(
                m, spec, g, number, prior, pooled, part, step, own[:, first : first + spec.earlier_own(done)]
            )
            means.append(mean)
            log_sigmas.append(log_sigma)
            done += width
    return Prediction(
        torch.cat(means, 1), torch.cat(log_sigmas, 1), torch.cat(octaves, 1), torch.cat(predictions, 1)
    )
