"""The ``anchor`` profile: an anchor scene as attribute groups, and back (SPEC "Anchor profile").

First how coarse an anchor's steps may be, and which slots are in use: no offset is coded of one that isn't.
Then features, then scales and offsets, as in the paper. What errors of a slot cost differs by octaves, and
features tell: each slot has a step of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.networks import RenderingNetworks
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.lattice import MAX_BITS, Lattice, fit_lattice, index_for_bits
from hemgs_codec.model.spec import UNGATED, Group
from hemgs_codec.profile_names import ANCHOR_GROUPS

MAX_FEATURES, MAX_SLOTS = 256, 64
FIRST_MASK = 1
"""Channel of the first slot's mask, behind the importance."""
SCALES = 6
DEFAULT_POSITION_BITS = 16
_FEATURE_TENTHS = (1, 3, 6, 10)  # where slices of features end: each is as wide as all before it help
_LATTICE_TOLERANCE = 0.01  # of the voxel, beside float32's own: not all are made by one multiplication
_ROUNDING = 2.0**-21  # of a position


def groups(features: int, slots: int) -> tuple[Group, ...]:
    """Return the attribute groups, in coding order, of a scene with D features and K slots an anchor."""
    masks = _cut(slots, [-(-slots // 2), slots])
    parts = _cut(features, [features * tenths // 10 for tenths in _FEATURE_TENTHS])
    counts = _cut(slots, [slots // 4, slots // 2, slots])
    shares = (3, 3, *counts)
    firsts = tuple(sum(shares[:number]) for number in range(len(shares)))
    gates = (UNGATED,) * SCALES + tuple(FIRST_MASK + slot for slot in range(slots) for _ in range(3))
    return (
        Group(ANCHOR_GROUPS[0], (1,), (0,), follows_lambda=False),
        Group(ANCHOR_GROUPS[1], masks, (0,) * len(masks), flags=True),
        Group(ANCHOR_GROUPS[2], parts, tuple(range(len(parts)))),
        Group(ANCHOR_GROUPS[3], (3, 3, *(3 * count for count in counts)), firsts, gates=gates, shares=shares),
    )


def _cut(whole: int, ends: list[int]) -> tuple[int, ...]:
    """Cut a width where slices end, empty ones left out."""
    widths = np.diff([0, *ends])
    assert widths.sum() == whole
    return tuple(int(width) for width in widths if width > 0)


def attributes_from_anchors(scene: AnchorScene) -> npt.NDArray[np.float64]:
    """Return the channels (N, 1 + K + D + 6 + 3 K) of a scene, groups side by side.

    Importance, no part of a scene and 0 here (`distortion.weights.Weights` has it); masks as 0 and 1;
    features; log scales, those of offsets first; offsets, slot after slot.
    """
    count = scene.num_anchors
    importance = np.zeros((count, FIRST_MASK))
    parts = (importance, scene.masks, scene.features, scene.log_scales, scene.offsets.reshape(count, -1))
    return np.concatenate([part.astype(np.float64) for part in parts], axis=1)


def anchors_from_attributes(
    anchors: npt.NDArray[np.float32],
    values: npt.NDArray[np.float64],
    networks: RenderingNetworks,
    lattice: Lattice | None = None,
) -> AnchorScene:
    """Invert `attributes_from_anchors`: positions (N, 3), channels (N, C) and networks to a scene.

    Offsets of slots that aren't in use are 0. The voxel size is the lattice's step, where positions are its
    multiples.
    """
    count, features, slots = len(values), networks.shape.features, networks.shape.slots
    _, masks, feature, scales, offsets = np.split(
        values, np.cumsum([FIRST_MASK, slots, features, SCALES]), axis=1
    )
    used = masks == 1
    return AnchorScene(
        anchors=anchors,
        features=feature.astype(np.float32),
        log_scales=scales.astype(np.float32),
        offsets=np.where(used[..., None], offsets.reshape(count, slots, 3), 0.0).astype(np.float32),
        masks=used,
        networks=networks,
        voxel_size=_voxel_size(lattice) if lattice is not None else None,
    )


def used_anchors(scene: AnchorScene) -> npt.NDArray[np.intp]:
    """Return the rows of anchors with a slot in use; the others make no Gaussian in any view."""
    return np.flatnonzero(scene.masks.any(axis=1))


def take(scene: AnchorScene, rows: npt.NDArray[np.intp]) -> AnchorScene:
    """Return the scene of the chosen anchors, in their order."""
    return AnchorScene(
        scene.anchors[rows],
        scene.features[rows],
        scene.log_scales[rows],
        scene.offsets[rows],
        scene.masks[rows],
        scene.networks,
        scene.voxel_size,
    )


def anchor_lattice(scene: AnchorScene, position_bits: int | None = None) -> Lattice:
    """Return the lattice that a scene is coded on.

    The scene's own where it has one: its positions then come back bit for bit, for float64 holds multiples of
    a float32 exactly, and they are rounded once. Else one of ``position_bits`` bits an axis, 16 if None.
    """
    if position_bits is None and scene.voxel_size is not None:
        voxel = float(np.float32(scene.voxel_size))
        positions = scene.anchors.astype(np.float64)
        indices = np.rint(positions / voxel)
        low, high = indices.min(axis=0), indices.max(axis=0)
        off = np.abs(positions - indices * voxel) - np.abs(positions) * _ROUNDING
        if off.max() <= _LATTICE_TOLERANCE * voxel and (high - low).max() < 1 << MAX_BITS:
            x, y, z = (low * voxel).tolist()
            return Lattice((x, y, z), voxel / 16, 0)
    bits = DEFAULT_POSITION_BITS if position_bits is None else position_bits
    return fit_lattice(scene.anchors, index_for_bits(bits))


def _voxel_size(lattice: Lattice) -> float | None:
    """Return the lattice's step where its origin is a multiple of it, so all its points are."""
    voxel = lattice.step * lattice.unit
    # As floats: of a lattice that is fine enough, the multiples are beyond any.
    low = np.rint([x / voxel for x in lattice.origin]).tolist()
    is_multiple = all(k * voxel == x for k, x in zip(low, lattice.origin, strict=True))
    return voxel if is_multiple and float(np.float32(voxel)) == voxel else None
