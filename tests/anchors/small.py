"""Small anchor scenes and files of them, made without a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.anchors.network_coding import quantise_networks
from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_codec.anchors.profile import take, used_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.weights import analytic_anchor_weights
from hemgs_codec.channel_scene import ChannelScene, anchor_channels
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.context.order import Order
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.setting import choose_geometry, model_spec
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import fit_scaling
from hemgs_codec.shapes import groups_of
from tests.small import random_model

SHAPE = NetworkShape(4, 2)
BANK = NetworkShape(7, 5, (True, False, True), feature_bank=True)
LEVELS = (Level((0, 1, 2), 1, 27), Level((0, 2), 3, 30))


def random_networks(shape: NetworkShape, seed: int = 0) -> RenderingNetworks:
    """Return networks of random weights."""
    rng = np.random.default_rng(seed)
    layers = shape.layers()
    return RenderingNetworks(
        shape,
        {name: (rng.normal(size=s) / np.sqrt(s[0])).astype(np.float32) for name, s in layers.items()},
        {name: rng.normal(0, 0.1, s[1]).astype(np.float32) for name, s in layers.items()},
    )


def random_anchors(
    count: int,
    shape: NetworkShape = SHAPE,
    *,
    seed: int = 0,
    voxel: float | None = 0.01,
    used: float = 0.6,
    spread: int = 40,
) -> AnchorScene:
    """Return anchors at random places of a lattice; a share of the slots is in use, one or more an anchor."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(-spread, spread, (count, 3)).astype(np.float32)
    masks = rng.random((count, shape.slots)) < used
    masks[np.arange(count), rng.integers(0, shape.slots, count)] |= ~masks.any(axis=1)
    return AnchorScene(
        anchors=cells * np.float32(0.01 if voxel is None else voxel),
        features=rng.normal(0, 1, (count, shape.features)).astype(np.float32),
        log_scales=rng.normal(-4, 1, (count, 6)).astype(np.float32),
        offsets=rng.normal(0, 1, (count, shape.slots, 3)).astype(np.float32),
        masks=masks,
        networks=random_networks(shape, seed),
        voxel_size=voxel,
    )


def channels_of(scene: AnchorScene, position_bits: int | None = None) -> ChannelScene:
    """Return the channels that an encoder codes."""
    part = take(scene, used_anchors(scene))
    return anchor_channels(part, quantise_networks(scene.networks), position_bits, scene.num_anchors)


def with_importance(channels: ChannelScene, seed: int = 0) -> ChannelScene:
    """Return the channels of a scene of which every anchor has an importance of its own."""
    attributes = channels.attributes.copy()
    attributes[:, 0] = np.random.default_rng(seed).normal(0, 1, channels.count)
    return replace(channels, attributes=attributes)


def random_fit(
    channels: ChannelScene, *, order: Order = "permuted", context: int = 3, seed: int = 0
) -> FittedModel:
    """Return what a fit returns, but with a random model."""
    shape = channels.shape
    assert isinstance(shape, NetworkShape)
    scaling = fit_scaling(channels.attributes, groups_of(shape))
    options = EncodeOptions(order=order, context=context, window=25)
    spec = replace(
        model_spec(channels, scaling, options), levels=LEVELS, features=2, hidden=3, slice_hidden=3
    )
    weights = analytic_anchor_weights(channels.attributes, shape)
    geometry = choose_geometry(channels, weights, options)
    return FittedModel(shape, geometry, scaling, random_model(spec, seed))


def random_file(scene: AnchorScene, *, lambda_: float = 2e-3, order: Order = "permuted") -> bytes:
    """Code a scene with a random model; every anchor has an importance."""
    channels = with_importance(channels_of(scene))
    shape = channels.shape
    assert isinstance(shape, NetworkShape)
    assert channels.lattice is not None
    weights = analytic_anchor_weights(channels.attributes, shape)
    fitted = random_fit(channels, order=order)
    return encode_fitted(channels, weights, fitted, channels.lattice, lambda_)[0]
