"""Channel scales: the affine map between attributes and the network's units (SPEC "Channels")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.spec import UNGATED, Group
from hemgs_codec.model.units import UNIT_BITS, VALUE_BITS

VALUE_LIMIT = 8 << UNIT_BITS


@dataclass(frozen=True)
class Scaling:
    """Offset and scale of each slice, float32: attribute = offset + scale * value.

    A scale of zero marks a slice that is constant over the scene: it's flagged thus, and not coded. A slice
    of flags that isn't constant has offset 0 and scale 1. With a shipped prior, ``octaves`` are what steps of
    each step channel are about, in eighths: networks say how a step differs. None: they say all of it.
    ``tilts`` (S, 10) may then say more: see `model.tilts`.
    """

    offsets: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]
    octaves: npt.NDArray[np.int8] | None = None
    tilts: npt.NDArray[np.int8] | None = None

    def channel_offsets(self, groups: tuple[Group, ...]) -> npt.NDArray[np.float64]:
        """Offsets (C,) by channel."""
        return np.repeat(self.offsets.astype(np.float64), slice_widths(groups))

    def channel_scales(self, groups: tuple[Group, ...]) -> npt.NDArray[np.float64]:
        """Scales (C,) by channel."""
        return np.repeat(self.scales.astype(np.float64), slice_widths(groups))

    def step_offsets(self, groups: tuple[Group, ...]) -> npt.NDArray[np.int64]:
        """Return what is added to the step indices (S,) that networks say."""
        if self.octaves is None:
            return np.zeros(sum(group.num_steps for group in groups), dtype=np.int64)
        return self.octaves.astype(np.int64)

    def normalise(
        self, attributes: npt.NDArray[np.float64], groups: tuple[Group, ...]
    ) -> npt.NDArray[np.float64]:
        """Attributes (N, C) to values (N, C) in channel scales; 0 where nothing is coded."""
        scales = self.channel_scales(groups)
        centred = attributes - self.channel_offsets(groups)
        values = np.where(scales > 0, centred / np.where(scales > 0, scales, 1.0), 0.0)
        coded = coded_entries(attributes, groups)
        return values if coded is None else np.where(coded, values, 0.0)

    def attributes(self, values: npt.NDArray[np.int64], groups: tuple[Group, ...]) -> npt.NDArray[np.float32]:
        """Turn values (N, C) in 2**-16 channel scales into attributes: float64, rounded once."""
        scales = self.channel_scales(groups) * 2.0**-VALUE_BITS
        return (values * scales + self.channel_offsets(groups)).astype(np.float32)


def constant_groups(scaling: Scaling, groups: tuple[Group, ...]) -> frozenset[int]:
    """Return the groups in which every slice is constant."""
    first, found = 0, set()
    for index, group in enumerate(groups):
        last = first + len(group.slices)
        if not group.refines_positions and not scaling.scales[first:last].any():
            found.add(index)
        first = last
    return frozenset(found)


def slice_widths(groups: tuple[Group, ...]) -> list[int]:
    """Width of every slice, in coding order."""
    return [width for group in groups for width in group.slices]


def coded_entries(
    attributes: npt.NDArray[np.float64], groups: tuple[Group, ...]
) -> npt.NDArray[np.bool] | None:
    """Return which attributes (N, C) no gate keeps from being coded; None: there are no gates."""
    if not any(group.gates for group in groups):
        return None
    coded = np.ones(attributes.shape, dtype=bool)
    first = 0
    for group in groups:
        if group.gates:
            gates = np.array(group.gates)
            is_shut = (gates != UNGATED) & (attributes[:, gates] != 1)
            coded[:, first : first + group.channels] = ~is_shut
        first += group.channels
    return coded


def fit_scaling(attributes: npt.NDArray[np.float64], groups: tuple[Group, ...]) -> Scaling:
    """Choose offsets and scales from attributes (N, C): mean and standard deviation of what a slice codes."""
    coded = coded_entries(attributes, groups)
    offsets, scales = [], []
    first = 0
    for group in groups:
        for width in group.slices:
            channels = slice(first, first + width)
            first += width
            part = attributes[:, channels]
            if coded is not None and not coded[:, channels].all():
                part = part[coded[:, channels]]
            offset, scale = _offset_and_scale(part, group.flags)
            offsets.append(offset)
            scales.append(scale)
    return Scaling(np.array(offsets, dtype=np.float32), np.array(scales, dtype=np.float32))


def _offset_and_scale(part: npt.NDArray[np.float64], flags: bool) -> tuple[np.float32, np.float32]:
    """Return offset and scale of a slice from its values, of any shape."""
    if part.size == 0:
        return np.float32(0), np.float32(0)
    if bool((part == part.flat[0]).all()):
        return np.float32(part.flat[0]), np.float32(0)
    if flags:
        return np.float32(0), np.float32(1)
    offset = np.float32(part.mean())
    spread = np.float32(np.sqrt(((part - np.float64(offset)) ** 2).mean()))
    return offset, max(spread, np.float32(1e-6))


def activations(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Turn decoded values in 2**-16 into network inputs in 2**-10, clamped to +-8 channel scales."""
    shift = VALUE_BITS - UNIT_BITS
    rounded = (values + (1 << (shift - 1))) >> shift
    return np.asarray(np.clip(rounded, -VALUE_LIMIT, VALUE_LIMIT), dtype=np.int64)
