"""A frozen PointNet++: integer parameters, proven to stay exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.frozen import proven_biases
from hemgs_codec.pointnet.arithmetic import PointIntegers
from hemgs_codec.pointnet.spec import PointNetSpec


@dataclass(frozen=True)
class FrozenPointNet:
    """Integer parameters of a PointNet++, in the units of a `FrozenModel`'s.

    Attributes
    ----------
    spec : PointNetSpec
    weights : dict of str to (fan_in, fan_out) int32
        In units of 2**-shifts[name].
    biases : dict of str to (fan_out,) int32
        In units of 2**-8.
    shifts : dict of str to int
    """

    spec: PointNetSpec
    weights: dict[str, npt.NDArray[np.int32]]
    biases: dict[str, npt.NDArray[np.int32]]
    shifts: dict[str, int]

    def arithmetic(self, device: str | None) -> PointIntegers:
        """Return the integer arithmetic of these parameters on NumPy (None) or a torch device.

        The sums beside the layers' are small: three activations of an edge, or activations times shares that
        sum to 1024, stay below 2**24.

        Raises
        ------
        CorruptError
            A layer's sums could leave the exact range of float64.
        """
        scaled = proven_biases(self.weights, self.biases, self.shifts)
        return PointIntegers(self.weights, scaled, self.shifts, device)
