"""Freeze a fit to integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.fit.parameters import Parameters
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.frozen import BIAS_BITS, PARAMETER_LIMIT, FrozenModel
from hemgs_codec.model.spec import ModelSpec


def freeze(
    spec: ModelSpec, parameters: Parameters, steps: torch.Tensor, base: FrozenModel | None = None
) -> FrozenModel:
    """Round parameters to the grids they were fitted on.

    Parameters
    ----------
    steps : (matrices,) or, with a base, (lists,)
        Power-of-two step of every matrix, at most 1 and at least 2**-20.
    base
        What ``parameters`` started from: it's differences that are rounded.
    """
    if base is None:
        weights, biases, shifts = freeze_matrices(list(spec.matrices()), parameters, steps)
    else:
        weights, biases, shifts = _freeze_differences(spec, parameters, steps, base)
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


def _freeze_differences(
    spec: ModelSpec, parameters: Parameters, steps: torch.Tensor, base: FrozenModel
) -> tuple[dict[str, npt.NDArray[np.int32]], dict[str, npt.NDArray[np.int32]], dict[str, int]]:
    """Round differences from shipped matrices and biases to their steps (lists,)."""
    assert parameters.base is not None, "there are shipped parameters to differ from"
    moved = parameters.network.detach() - parameters.base
    pieces = {name: p.cpu().numpy() for name, p in parameters.pieces(moved).items()}
    weights, biases = {}, {}
    names = list(spec.matrices())
    for number, name in enumerate(names):
        weights[name] = _moved(base.weights[name], pieces[f"{name}.w"], steps[number], base.shifts[name])
        if name in base.biases:
            step = steps[len(names) + number]
            biases[name] = _moved(base.biases[name], pieces[f"{name}.b"], step, BIAS_BITS)
    return weights, biases, {name: base.shifts[name] for name in names}


def _moved(
    shipped: npt.NDArray[np.int32], moved: npt.NDArray[np.float32], step: torch.Tensor, bits: int
) -> npt.NDArray[np.int32]:
    """Return integers of so many bits after the point, some whole steps from shipped ones."""
    unit = max(round(float(step) * 2**bits), 1)
    whole = np.rint(moved.astype(np.float64) * 2.0**bits / unit).astype(np.int64) * unit
    limit = PARAMETER_LIMIT
    return np.asarray(np.clip(shipped + whole, -limit, limit), dtype=np.int32)


def _rounded(values: npt.NDArray[np.float32], bits: int) -> npt.NDArray[np.int32]:
    limit = PARAMETER_LIMIT
    return np.clip(np.rint(values.astype(np.float64) * 2.0**bits), -limit, limit).astype(np.int32)
