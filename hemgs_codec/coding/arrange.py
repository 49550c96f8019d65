"""A scene in coding order: what a walk needs beside a model and a coder, however often it walks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.coder import Coder
from hemgs_codec.coding.walk import Walked, walk
from hemgs_codec.context.graph import Graph, build_graph
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.progress import Progress

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Arranged:
    """Positions on a lattice, and the order and contexts that follow from them.

    Attributes
    ----------
    coords : (N, 3) int64
        Lattice coordinates in Morton order.
    rows : (N,) int64
        Row in the scene of each rank.
    points : (N, 3) int64
        Base coordinates by rank.
    places : (N, 3) float64
        Where in their lattice cells anchors lie, 0 .. 1 an axis, by rank.
    features : (N, F) int16 or None
        Of the fit's prior, by rank.
    """

    lattice: Lattice
    coords: Int64Array
    graph: Graph
    rows: Int64Array
    points: Int64Array
    places: npt.NDArray[np.float64]
    features: npt.NDArray[np.int16] | None

    def walk(
        self,
        fitted: FittedModel,
        arithmetic: ExactArithmetic,
        lambda_q: int,
        coder: Coder,
        progress: Progress | None = None,
        stage: str = "encode",
    ) -> Walked:
        """Code every group in order: see `walk`."""
        geometry = fitted.geometry
        return walk(
            fitted.model,
            arithmetic,
            self.graph,
            self.points,
            np.array(geometry.box),
            self.lattice.index - geometry.position_step,
            lambda_q,
            fitted.scaling,
            coder,
            progress,
            stage,
            self.features,
        )


def arrange(means: npt.NDArray[np.float32], fitted: FittedModel, lattice: Lattice) -> Arranged:
    """Put positions (N, 3) on a lattice and in the coding order of a fit."""
    geometry, prior = fitted.geometry, fitted.prior
    unsorted = lattice.quantise(means)
    by_morton = morton_sort(unsorted)
    coords = unsorted[by_morton]
    points = lattice.base_points(coords)
    graph = build_graph(
        coords,
        points,
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    rows = by_morton[graph.sequence]
    places = lattice.places(means, unsorted)[rows]
    features = None
    if prior is not None:
        features = prior.point_features(points, geometry.voxel_shift)[graph.sequence]
    return Arranged(lattice, coords, graph, rows, points[graph.sequence], places, features)
