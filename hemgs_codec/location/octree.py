"""One octree level, split node by node: the walk that encoder and decoder share (SPEC: "Locations", walk).

parents --for each node; for x, y, z: halve its boxes--> children --link_children--> the next level's parents
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare, compiled, divide_floor, source_fingerprint
from hemgs_codec.location.coder import STATE_OK, Channel
from hemgs_codec.location.contexts import code_both, code_share, code_side
from hemgs_codec.location.evidence import Evidence, witness
from hemgs_codec.location.features import Surroundings, add_mass, box_centre, look_around, open_surroundings
from hemgs_codec.location.mixing import Mixer
from hemgs_codec.location.neighbours import Int32Array, Level

Int64Array = npt.NDArray[np.int64]


class Boxes(NamedTuple):
    """The occupied boxes (at most 8) that a node has been split into so far, in Morton order."""

    octant: Int64Array  # (8,) bit a: upper half along axis a
    num_points: Int64Array  # (8,) points inside
    start: Int64Array  # (8,) rank of the first


class Scratch(NamedTuple):
    """Scratch space of a walk."""

    near: Surroundings
    centre: Int64Array  # (3,) of a box
    boxes: Boxes
    halves: Boxes


def open_scratch() -> Scratch:
    """Make the scratch space."""
    boxes, halves = (Boxes(*np.zeros((3, 8), np.int64)) for _ in range(2))
    return Scratch(open_surroundings(), np.zeros(3, np.int64), boxes, halves)


@compiled
def _count_upper(coords: Int32Array, start: int, count: int, axis: int, bit: int) -> int:
    """Count the points whose coordinate has this bit set."""
    upper = 0
    for rank in range(start, start + count):
        upper += (coords[rank, axis] >> bit) & 1
    return upper


@compiled
def _split_count(mixer: Mixer, channel: Channel, seen: Evidence, count: int, upper: int) -> int:
    """Code how many of count points are in the upper half; return it."""
    if count > 1 and code_both(mixer, channel, seen, count, 1 if 0 < upper < count else 0):
        return code_share(mixer, channel, seen, count, upper)
    return count * code_side(mixer, channel, seen, count, 1 if upper == count else 0)


@compiled
def _code_level(
    coords: Int32Array,
    node_bits: int,
    parents: Level,
    first_child: Int32Array,
    children: Level,
    middle: Int32Array,
    scratch: Scratch,
    mixer: Mixer,
    channel: Channel,
) -> int:
    """Split every node; return how many children there are.

    Parameters
    ----------
    coords
        (N, 3) points, Morton sorted; not looked at when decoding.
    node_bits
        Log2 of the node's size, at least 1.
    parents
        The level's nodes (n).
    first_child
        (n + 1,), written: node i's children are ``first_child[i] .. first_child[i + 1] - 1``.
    children
        Room for ``min(8 * n, N)`` nodes, written, neighbours excepted.
    middle
        (n, 3), written.
    mixer, channel
        Adaptive state; where bits come from or go.
    """
    near, centre, boxes, halves = scratch.near, scratch.centre, scratch.boxes, scratch.halves
    half_bits = node_bits - 1
    half = 1 << half_bits
    total = 0
    for node in range(len(parents.num_points)):
        for axis in range(3):
            middle[node, axis] = 2 * (parents.corner[node, axis] + half)
    for node in range(len(parents.num_points)):
        if channel.cursor[1] != STATE_OK:
            break
        first_child[node] = total
        num_masses = look_around(node, node_bits, parents, middle, first_child, children, near)
        num_boxes = 1
        boxes.octant[0] = 0
        boxes.num_points[0] = parents.num_points[node]
        boxes.start[0] = parents.start[node]
        for axis in range(3):
            num_halves = 0
            for box in range(num_boxes):
                octant, count, start = boxes.octant[box], boxes.num_points[box], boxes.start[box]
                for other in range(3):
                    centre[other] = box_centre(octant, axis, other)
                seen_masses = num_masses
                for sibling in range(num_halves):  # halved just now
                    seen_masses = add_mass(
                        near, seen_masses, halves.octant[sibling], axis + 1, halves.num_points[sibling]
                    )
                for sibling in range(box + 1, num_boxes):  # yet to be halved
                    seen_masses = add_mass(
                        near, seen_masses, boxes.octant[sibling], axis, boxes.num_points[sibling]
                    )
                node_count = parents.num_points[node]
                seen = witness(near, num_masses, seen_masses, axis, centre, node_bits, node_count, num_boxes)
                upper = 0
                if not channel.is_decoder:
                    upper = _count_upper(coords, start, count, axis, half_bits)
                upper = _split_count(mixer, channel, seen, count, upper)
                if upper < count:
                    halves.octant[num_halves], halves.num_points[num_halves] = octant, count - upper
                    halves.start[num_halves] = start
                    num_halves += 1
                if upper > 0:
                    halves.octant[num_halves], halves.num_points[num_halves] = octant | (1 << axis), upper
                    halves.start[num_halves] = start + count - upper
                    num_halves += 1
            num_boxes = num_halves
            boxes, halves = halves, boxes
        for axis in range(3):
            middle[node, axis] = 0
        for box in range(num_boxes):
            for axis in range(3):
                lowest = parents.corner[node, axis] + (((boxes.octant[box] >> axis) & 1) << half_bits)
                children.corner[total, axis] = lowest
                middle[node, axis] += 2 * lowest + half
            children.num_points[total] = boxes.num_points[box]
            children.start[total] = boxes.start[box]
            total += 1
        for axis in range(3):
            middle[node, axis] = divide_floor(np.int64(middle[node, axis]), num_boxes)
    first_child[len(parents.num_points)] = total
    return total


def _bind_fingerprint(
    fingerprint: str,
) -> Callable[[Int32Array, int, Level, Int32Array, Level, Int32Array, Scratch, Mixer, Channel], int]:
    """Return the compiled `code_level`, cached under what it was compiled from."""

    def walk(
        coords: Int32Array,
        node_bits: int,
        parents: Level,
        first_child: Int32Array,
        children: Level,
        middle: Int32Array,
        scratch: Scratch,
        mixer: Mixer,
        channel: Channel,
    ) -> int:
        _ = fingerprint
        return _code_level(coords, node_bits, parents, first_child, children, middle, scratch, mixer, channel)

    return cached_bare(walk)


code_level = _bind_fingerprint(source_fingerprint(Path(__file__).parent))
