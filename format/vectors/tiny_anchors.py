"""Tiny anchor scenes for the conformance files, made of integers only, as `tiny` makes Gaussian ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.network_coding import NetworkIntegers
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.channel_scene import ChannelScene, anchor_channels
from hemgs_codec.context.order import splitmix64
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.shapes import groups_of
from vectors.tiny import Recipe, draws, encode_tiny, model_spec, tiny_model

VOXEL = 0.1
"""Not a binary fraction: its multiples are rounded."""
_EXTENT = 160  # voxels: 16, as other tiny scenes
# importance, masks, features, and of scaling+offsets those of offsets, of Gaussians, and the offsets
_SPREADS = ((1.0,), (1.0,), (1.5,), (0.5, 0.75, 1.0))
_CENTRES = ((0.0,), (0.0,), (0.25,), (-1.0, -4.0, 0.0))


def tiny_networks(shape: NetworkShape, seed: int) -> NetworkIntegers:
    """Return rendering networks of hashed integers."""
    weights, biases, shifts = {}, {}, {}
    for number, (name, (fan_in, fan_out)) in enumerate(shape.layers().items()):
        weights[name] = (draws(seed + 2 * number, fan_in, fan_out) >> 9).astype(np.int32)
        biases[name] = (draws(seed + 2 * number + 1, fan_out) >> 11).astype(np.int32)
        shifts[name] = (4 + number % 3, number)
    return NetworkIntegers(shape, weights, biases, shifts)


def tiny_anchors(count: int, shape: NetworkShape, seed: int) -> tuple[AnchorScene, NetworkIntegers]:
    """Return a scene with a few duplicates in place, slots that aren't in use, and one outlier in its values.

    The first slot is in use wherever no other is; the last one nowhere, if there are three or more.
    """

    def values(number: int, spread: float, *size: int) -> npt.NDArray[np.float32]:
        return (draws(seed + number, count, *size) * (spread / (1 << 15))).astype(np.float32)

    index = np.arange(count * 3, dtype=np.uint64) + np.uint64(seed << 32)
    cells = (splitmix64(index) % np.uint64(_EXTENT)).astype(np.int64).reshape(count, 3) - _EXTENT // 3
    cells[count // 2 :: 7] = cells[0]
    masks = draws(seed + 5, count, shape.slots) > 0
    if shape.slots > 2:
        masks[:, -1] = False
    masks[:, 0] |= ~masks.any(axis=1)
    features = values(2, 2.0, shape.features)
    features[count // 3, 0] = 4000.0
    log_scales = values(3, 1.0, 6) + np.array([-1] * 3 + [-4] * 3, np.float32)
    networks = tiny_networks(shape, seed + 10)
    scene = AnchorScene(
        anchors=cells.astype(np.float32) * np.float32(VOXEL),
        features=features,
        log_scales=log_scales,
        offsets=values(4, 1.0, shape.slots, 3),
        masks=masks,
        networks=networks.networks(),
        voxel_size=VOXEL,
    )
    return scene, networks


def tiny_anchor_scaling(scene: ChannelScene) -> Scaling:
    """Return round scales: nothing is measured but which slices are constant."""
    offsets, scales, first = [], [], 0
    for number, group in enumerate(groups_of(scene.shape)):
        for place, width in enumerate(group.slices):
            part = scene.attributes[:, first : first + width]
            first += width
            kind = min(place, len(_SPREADS[number]) - 1)
            is_constant = bool((part == part[0, 0]).all())
            offsets.append(float(part[0, 0]) if is_constant else _CENTRES[number][kind])
            scales.append(0.0 if is_constant else _SPREADS[number][kind])
    return Scaling(np.array(offsets, dtype=np.float32), np.array(scales, dtype=np.float32))


def encode_tiny_anchors(
    count: int,
    recipe: Recipe,
    seed: int,
    *,
    has_importance: bool = False,
    has_masks: bool = True,
    position_bits: int | None = None,
) -> bytes:
    """Make a scene by a recipe, and code it.

    Parameters
    ----------
    has_importance
        False: it is 0 everywhere, as where no weights are measured.
    has_masks
        False: every slot is in use.
    """
    assert isinstance(recipe.shape, NetworkShape)
    scene, networks = tiny_anchors(count, recipe.shape, seed)
    if not has_masks:
        scene = replace(scene, masks=np.ones_like(scene.masks))
    channels = anchor_channels(scene, networks, position_bits)
    if has_importance:
        channels.attributes[:, 0] = draws(seed + 6, count) * (3.0 / (1 << 15))
    scaling = tiny_anchor_scaling(channels)
    model = tiny_model(model_spec(recipe, scaling), seed, recipe.log_sigma_bias)
    return encode_tiny(channels, recipe, scaling, model)
