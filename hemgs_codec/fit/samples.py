"""What a fit draws its minibatches from: context graphs of a few lattices.

Rows are the scene's own (its order in the input), so that graphs of different lattices can be mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.context.graph import build_graph
from hemgs_codec.context.order import Order
from hemgs_codec.lattice import Lattice
from hemgs_codec.location.morton import morton_sort


@dataclass(frozen=True)
class Samples:
    """Context graphs in scene rows.

    Attributes
    ----------
    neighbours : (G, N, n) int32
        Scene rows of the context, -1 where there is none.
    edges, geometry : (G, N, n, 4), (G, N, 2) int16
        As in `hemgs_codec.context.graph.Graph`.
    """

    neighbours: npt.NDArray[np.int32]
    edges: npt.NDArray[np.int16]
    geometry: npt.NDArray[np.int16]


def make_samples(
    means: npt.NDArray[np.float32],
    lattices: list[Lattice],
    *,
    order: Order,
    context: int,
    window: int,
    voxel_shift: int,
) -> Samples:
    """Build the context graph of each lattice and express it in scene rows."""
    count = len(means)
    neighbours = np.empty((len(lattices), count, context), dtype=np.int32)
    edges = np.empty((len(lattices), count, context, 4), dtype=np.int16)
    geometry = np.empty((len(lattices), count, 2), dtype=np.int16)
    for i, lattice in enumerate(lattices):
        coords = lattice.quantise(means)
        by_morton = morton_sort(coords)
        coords = coords[by_morton]
        graph = build_graph(
            coords,
            lattice.base_points(coords),
            order=order,
            context=context,
            window=window,
            voxel_shift=voxel_shift,
        )
        rows = by_morton[graph.sequence].astype(np.int32)  # scene row of each rank
        neighbours[i, rows] = np.where(graph.neighbours >= 0, rows[graph.neighbours], -1)
        edges[i, rows] = graph.edges
        geometry[i, rows] = graph.geometry
    return Samples(neighbours, edges, geometry)
