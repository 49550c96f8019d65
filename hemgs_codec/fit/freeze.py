"""Freeze a fit to integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.parameters import Parameters
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.frozen import BIAS_BITS, PARAMETER_LIMIT, FrozenModel
from hemgs_codec.model.spec import ModelSpec


def freeze(spec: ModelSpec, parameters: Parameters, steps: torch.Tensor) -> FrozenModel:
    """Round parameters to the grids they were fitted on.

    Parameters
    ----------
    steps : (matrices,)
        Power-of-two step of every matrix, at most 1 and at least 2**-20.
    """
    weights, biases, shifts = freeze_matrices(list(spec.matrices()), parameters, steps)
    signs = np.where(parameters.grid.detach().cpu().numpy() >= 0, 1, -1).astype(np.int8)
    bounds = np.cumsum([level.entries for level in spec.levels])[:-1]
    tables = list(np.split(signs, bounds)) if spec.levels else []
    return FrozenModel(spec, weights, biases, shifts, tables)


def freeze_matrices(
    names: list[str], parameters: Parameters, steps: torch.Tensor
) -> tuple[dict[str, npt.NDArray[np.int32]], dict[str, npt.NDArray[np.int32]], dict[str, int]]:
    """Round matrices to their steps (matrices,): weights, biases and shifts by name."""
    pieces = {name: p.cpu().numpy() for name, p in parameters.pieces(parameters.network.detach()).items()}
    weights, biases, shifts = {}, {}, {}
    for name, step in zip(names, steps.tolist(), strict=True):
        shifts[name] = int(np.clip(-np.rint(np.log2(step)), 0, MAX_SHIFT))
        weights[name] = _rounded(pieces[f"{name}.w"], shifts[name])
        if f"{name}.b" in pieces:
            biases[name] = _rounded(pieces[f"{name}.b"], BIAS_BITS)
    return weights, biases, shifts


def _rounded(values: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.int32]:
    limit = PARAMETER_LIMIT
    return np.clip(np.rint(values.astype(np.float64) * 2.0**bits), -limit, limit).astype(np.int32)
