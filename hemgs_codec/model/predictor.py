r"""The HEMGS entropy model of one attribute group, written once for fitting (floats) and coding (integers).

::

    location features ──┐                          λ ──┐
    earlier groups ─────┼─ prior ──┬── variable-rate predictor ── step index
    λ ──────────────────┘          │
                                   ├──┐
    context anchors' values ─ key ─┐  ├─ slice network ── mean, log σ per channel
    own earlier groups ─── query ──┼─ edges ─ pool, attention ──┘      ▲
    relative positions ─── edge ───┘                own earlier slices ┘

All functions take the arithmetic first, the group's index second. Shapes: n anchors, k context edges each, H
hidden units, E earlier channels, V channels of the group, W channels of a slice.
"""

from __future__ import annotations

from hemgs_codec.model.arithmetic import Arithmetic, Array
from hemgs_codec.model.spec import ModelSpec


def prior(m: Arithmetic, group: int, location: Array, earlier: Array, lam: Array) -> Array:
    """Prior feature (n, H) from location features (n, L), earlier groups' values (n, E) and λ (n, 1)."""
    return m.linear(f"{group}.prior", m.concat([location, earlier, lam]), relu=True)


def step_octaves(m: Arithmetic, group: int, prior_feature: Array, lam: Array) -> Array:
    """Variable-rate predictor: octaves (n, S) by which steps differ from "step ~ sqrt λ" (paper 3.2)."""
    return m.linear(f"{group}.step", m.concat([prior_feature, lam]))


def key(m: Arithmetic, group: int, visible: Array) -> Array:
    """Return what an anchor tells those that have it in their context, (n, H): linear, so computed once.

    ``visible`` (n, E + V) holds its earlier groups' values, then this group's.
    """
    return m.linear(f"{group}.key", visible)


def query(m: Arithmetic, group: int, geometry: Array, earlier: Array) -> Array:
    """Return what an anchor asks its context, (n, H), from its own geometry (n, G) and (n, E)."""
    return m.linear(f"{group}.query", m.concat([geometry, earlier]))


def context(
    m: Arithmetic,
    group: int,
    keys: Array,
    values: Array,
    geometry: Array,
    earlier: Array,
    edges: Array,
    present: Array,
) -> tuple[Array, Array]:
    """Autoregressive network: pooled edge features (n, H) and attended values (n, heads * V).

    Parameters
    ----------
    keys, values : (n, k, H), (n, k, V)
        Gathered from the context anchors.
    geometry, earlier : (n, G), (n, E)
        The anchor's own: of its place in the order and, with a prior, among the points; of earlier groups.
    edges, present : (n, k, 4), (n, k)
        Edge features, and 1 where the edge exists.
    """
    asked = query(m, group, geometry, earlier)
    edge = m.linear(f"{group}.edge", edges)
    hidden = keys.shape[-1]
    joined = m.join_relu(keys, asked, edge[..., :hidden])
    score = m.linear(f"{group}.score", joined) + edge[..., hidden:]
    return m.mean(joined, present), m.attend(score, values, present)


def slice_parameters(
    m: Arithmetic,
    spec: ModelSpec,
    group: int,
    number: int,
    prior_feature: Array,
    pooled: Array | None,
    attended: Array | None,
    step: Array,
    own: Array,
) -> tuple[Array, Array]:
    """Mean (n, W) in wide units and log2 σ (n, W) in octaves of one slice's values.

    Parameters
    ----------
    pooled, attended : (n, H), (n, heads * W) or None
        From `context`, attended values of this slice's channels only; None without an autoregressive network.
    step : (n, steps of the slice)
        log2 of the slice's steps, in octaves.
    own : (n, channels of earlier slices)
        The anchor's values in earlier slices of this group.
    """
    name = f"{group}.{number}"
    inputs = [prior_feature, m.halve(step), own]
    if pooled is not None and attended is not None:
        inputs += [pooled, attended]
    hidden = m.linear(f"{name}.hidden", m.concat(inputs), relu=True)
    out = m.linear(f"{name}.out", m.concat([hidden, own]), wide=True)
    width = spec.groups[group].slices[number]
    mean, log_sigma = out[:, :width], out[:, width:]
    if attended is not None:
        mean = mean + m.skip(f"{name}.skip", attended)
    return mean, log_sigma
