"""A PointNet++ in 16-bit integers: `network.point_features` of exact arithmetic on NumPy, sooner.

Activations have 16 bits wherever they lie in memory. All sums are whole, so that features are those of the
arithmetic's own operations, bit by bit, whoever computes them and in whatever order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.frozen import proven_biases
from hemgs_codec.model.short_layers import padded
from hemgs_codec.model.units import LIMIT, UNIT_BITS
from hemgs_codec.pointnet.frozen import FrozenPointNet
from hemgs_codec.pointnet.plan import PointLevel, PointPlan
from hemgs_codec.pointnet.short_kernels import blend_pass, group_pass, layer_pass
from hemgs_codec.pointnet.wide_layers import WideLayer, open_scratch, wide_layer
from hemgs_codec.threads import together

Int16Array = npt.NDArray[np.int16]
Int64Array = npt.NDArray[np.int64]


class ShortPointNet:
    """A PointNet++'s layers as 16-bit integers, which hold the weights of every file."""

    def __init__(self, net: FrozenPointNet) -> None:
        self.spec = net.spec
        biases = proven_biases(net.weights, net.biases, net.shifts)
        self._layers = {
            name: wide_layer(matrix, biases[name], net.shifts[name]) for name, matrix in net.weights.items()
        }

    def point_features(self, plan: PointPlan) -> Int16Array:
        """Return the features (N, F) of a scene's points: see `network.point_features`."""
        known = [np.zeros((plan.num_points, 0), np.int16)]  # by the points of each level
        for number, level in enumerate(plan.levels):
            known.append(self._abstract(number, level, known[number]))
        feature, width = known[-1], self.spec.down[-1]
        for number, level in reversed(tuple(enumerate(plan.levels))):
            below = self.spec.down[number - 1] if number else 0
            seen = np.empty((len(level.inputs), width + below), np.int16)
            self._blend(level, feature, width, seen)
            seen[:, width:] = known[number][:, :below]
            feature, width = self._layer(f"{number}.up", seen, level.inputs, low=0), self.spec.up[number]
        return self._layer("out", feature, feature[:, :0], width=width)[:, : self.spec.features]

    def _abstract(self, number: int, level: PointLevel, known: Int16Array) -> Int16Array:
        """Return features (c, …) of a level's centres from those of its points (n, …)."""
        width = self.spec.down[number - 1] if number else 0
        keys = self._layer(f"{number}.key", known, level.inputs, width=width)
        query = self._layer(f"{number}.query", known, level.inputs, width=width, points=level.centres)
        edge, group = self._layers[f"{number}.edge"], self._layers[f"{number}.group"]
        out = np.empty_like(query)

        def passes(counter: Int64Array) -> None:
            best = np.empty((1, out.shape[1]), np.int64)
            scratch = open_scratch(edge), open_scratch(group)
            group_pass(
                level.groups, level.edges, keys, query, edge, group, LIMIT, out, counter, *scratch, best
            )

        _share(passes, len(out))
        return out

    def _blend(self, level: PointLevel, coarse: Int16Array, width: int, out: Int16Array) -> None:
        """Fill the first columns of out (n, …) with what the centres around each point know."""
        parents, shares = level.parents, level.shares
        _share(lambda counter: blend_pass(coarse, parents, shares, UNIT_BITS, width, out, counter), len(out))

    def _layer(
        self,
        name: str,
        one: Int16Array,
        other: Int16Array,
        *,
        width: int | None = None,
        points: Int64Array | None = None,
        low: int = -LIMIT,
    ) -> Int16Array:
        """Return a layer (n, …) of some columns of one (all if not said) and all of other, of all points."""
        layer: WideLayer = self._layers[name]
        points = np.arange(len(one)) if points is None else points
        columns = one.shape[1] if width is None else width
        out = np.empty((len(points), padded(layer.weights.shape[1])), np.int16)

        def passes(counter: Int64Array) -> None:
            layer_pass(points, one, columns, other, layer, low, LIMIT, out, counter, open_scratch(layer))

        _share(passes, len(points))
        return out


def _share(passes: Callable[[Int64Array], None], count: int) -> None:
    """Have a pass done over so many points by all threads that they are worth."""
    counter = np.zeros(1, np.int64)
    together(lambda: passes(counter), count)
