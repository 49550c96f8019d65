"""Neighbour lists of octree nodes, handed down from parents to children (SPEC: "Locations", neighbours).

A child's neighbours are the nearest of its siblings and its parent's neighbours' children. That finds nearly
all true neighbours without any search structure, and costs the same at every level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached

MAX_NEIGHBOURS = 10

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


class Level(NamedTuple):
    """The n occupied nodes of one octree level, in Morton order."""

    corner: Int32Array  # (n, 3) lattice coordinates of the lowest corner
    num_points: Int32Array  # (n,) points inside, at least 1
    start: Int32Array  # (n,) rank of its first point
    neighbours: Int32Array  # (n, MAX_NEIGHBOURS) nodes of this level, nearest first
    degree: Int32Array  # (n,) how many neighbours are listed


def open_level(num_nodes: int) -> Level:
    """Make room for num_nodes nodes."""
    return Level(
        np.zeros((num_nodes, 3), np.int32),
        np.zeros(num_nodes, np.int32),
        np.zeros(num_nodes, np.int32),
        np.empty((num_nodes, MAX_NEIGHBOURS), np.int32),
        np.zeros(num_nodes, np.int32),
    )


@cached
def link_children(parents: Level, first_child: Int32Array, children: Level, child_bits: int) -> None:
    """Fill the children's neighbour lists: nearest first by (squared distance in cells, rank).

    Node i's children are ``first_child[i] .. first_child[i + 1] - 1``.
    """
    distance = np.zeros(MAX_NEIGHBOURS, np.int64)
    for parent in range(len(parents.num_points)):
        for child in range(first_child[parent], first_child[parent + 1]):
            listed = children.neighbours[child]
            degree = 0
            for slot in range(-1, parents.degree[parent]):
                near = parent if slot < 0 else parents.neighbours[parent, slot]
                for other in range(first_child[near], first_child[near + 1]):
                    if other == child:
                        continue
                    d = np.int64(0)
                    for axis in range(3):
                        step = (
                            np.int64(children.corner[other, axis] - children.corner[child, axis])
                            >> child_bits
                        )
                        d += step * step
                    place = degree
                    while place > 0 and (
                        distance[place - 1] > d or (distance[place - 1] == d and listed[place - 1] > other)
                    ):
                        place -= 1
                    if place == MAX_NEIGHBOURS:
                        continue
                    degree = min(degree + 1, MAX_NEIGHBOURS)
                    for moved in range(degree - 1, place, -1):
                        distance[moved] = distance[moved - 1]
                        listed[moved] = listed[moved - 1]
                    distance[place] = d
                    listed[place] = other
            children.degree[child] = degree
