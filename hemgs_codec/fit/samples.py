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
from hemgs_codec.model.spec import NUM_GEOMETRY
from hemgs_codec.prior.prior import Prior


@dataclass(frozen=True)
class Samples:
    """Context graphs in scene rows.

    Attributes
    ----------
    neighbours : (G, N, n) int32
        Scene rows of the context, -1 where there is none.
    edges : (G, N, n, 4) int16
        As in `hemgs_codec.context.graph.Graph`.
    geometry : (G, N, 2 + F) int16
        As there, then the features of a prior's PointNet++.
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
    prior: Prior | None = None,
) -> Samples:
    """Build the context graph of each lattice and express it in scene rows."""
    width = NUM_GEOMETRY + (0 if prior is None else prior.model.spec.points)
    count = len(means)
    neighbours = np.empty((len(lattices), count, context), dtype=np.int32)
    edges = np.empty((len(lattices), count, context, 4), dtype=np.int16)
    geometry = np.empty((len(lattices), count, width), dtype=np.int16)
    for i, lattice in enumerate(lattices):
        coords = lattice.quantise(means)
        by_morton = morton_sort(coords)
        coords = coords[by_morton]
        points = lattice.base_points(coords)
        graph = build_graph(
            coords,
            points,
            order=order,
            context=context,
            window=window,
            voxel_shift=voxel_shift,
        )
        rows = by_morton[graph.sequence].astype(np.int32)  # scene row of each rank
        neighbours[i, rows] = np.where(graph.neighbours >= 0, rows[graph.neighbours], -1)
        edges[i, rows] = graph.edges
        geometry[i, rows, :NUM_GEOMETRY] = graph.geometry
        if prior is not None:
            geometry[i, by_morton, NUM_GEOMETRY:] = prior.point_features(points, voxel_shift)
    return Samples(neighbours, edges, geometry)
