"""Finding the voxel size of anchors whose trainer's settings are lost.

Euclid's algorithm on the coordinates, with an error bound carried through every step, since float32 has
rounded each of them; what it finds is refined over all coordinates and verified on them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.lattice import MAX_ULPS, lattice_anchors, lattice_indices

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

# Relative error of a coordinate against its multiple of the best step: half a unit in the last place, and
# half as much again where products of the float32 and of the float64 voxel size are mixed.
_ROUNDING = 1.5 * 2.0**-24
# Any float32 numbers are multiples of some power of two; with fewer indices than this they needn't be.
_MAX_INDEX = 1 << 20
_SAMPLE = 1024
_ROUNDS = 16
# Differences of near numbers tell small steps, those of far ones tell them precisely.
_LAGS = (1, 4, 16, 64, 256, 1024)
_ALL_LAGS_UP_TO = 64
# Trainers that multiply the voxel size first, by what is no power of two, round once more.
_MISFIT = 2.0**-22
# A difference that may be mostly rounding says nothing.
_MIN_PRECISION = 16
# A lattice is believed where it is by chance with a probability below 2 to the minus this.
_EVIDENCE_BITS = 16


def find_voxel_size(anchors: Float32Array) -> float | None:
    """Find the largest number that all coordinates are whole multiples of.

    Parameters
    ----------
    anchors : (N, 3) float32
        Finite positions.

    Returns
    -------
    float or None
        The shortest decimal that rounds to the float32 voxel size which gives most anchors bit by bit; None
        if the anchors are on no lattice, or on one so fine, or so few, that chance would put them there.

    Examples
    --------
    >>> find_voxel_size(np.float32([[0.002, -0.004, 0.007], [0.012, 0.005, 0]]))
    0.001
    >>> find_voxel_size(np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)) is None
    True
    """
    sizes = np.unique(np.abs(anchors)).astype(np.float64)
    sizes = sizes[sizes > 0]
    step = _step_of_all(sizes)
    if step is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # beside the largest float32
        voxel_size = _most_exact(anchors, step)
        if lattice_indices(anchors, voxel_size) is None or not _is_credible(sizes, voxel_size):
            return None
    return voxel_size


def _step_of_all(sizes: Float64Array) -> float | None:
    """Return the step of sorted positive numbers, from the smallest, which are precise, and some of all."""
    if len(sizes) == 0:
        return None
    sample = np.union1d(sizes[:_SAMPLE], sizes[:: len(sizes) // _SAMPLE + 1])
    for _ in range(_ROUNDS):
        step = _common_step(*_measurements(sample), smallest=sizes[-1] / _MAX_INDEX)
        if step is None:
            return None
        times = np.rint(sizes / step)
        misfits = (times == 0) | (np.abs(sizes - times * step) > _MISFIT * sizes)
        if not misfits.any():
            # Least squares, for errors that are in proportion to the numbers.
            return float((sizes / times).mean())
        sample = np.union1d(sample, sizes[misfits][:_SAMPLE])
    return None


def _measurements(sizes: Float64Array) -> tuple[list[float], list[float]]:
    """Multiples of the unknown step and their largest errors, ascending: the numbers and differences."""
    values, errors = [sizes], [_ROUNDING * sizes]
    for lag in _LAGS if len(sizes) > _ALL_LAGS_UP_TO else range(1, len(sizes)):
        above, below = sizes[lag:], sizes[:-lag]
        values.append(above - below)
        errors.append(_ROUNDING * (above + below))
    value, error = np.concatenate(values), np.concatenate(errors)
    precise = value > _MIN_PRECISION * error
    value, error = value[precise], error[precise]
    order = np.argsort(value, kind="stable")
    return value[order].tolist(), error[order].tolist()


def _common_step(values: list[float], errors: list[float], *, smallest: float) -> float | None:
    """Return the largest number that all values are multiples of, as far as their errors let one tell."""
    step, error = values[0], errors[0]
    at, sharpened = 0, False
    while at < len(values):
        value, times = values[at], round(values[at] / step)
        slack = errors[at] + times * error
        if slack < step / 2:  # else more than one multiple may be meant
            rest = abs(value - times * step)
            if rest > slack:
                # A multiple as the others are, and the smallest: it stays for the steps to come, which are
                # imprecise, to be sharpened on, before larger values can tell anything.
                values.insert(0, rest)
                errors.insert(0, slack)
                step, error, at = rest, slack, 0
                if step < smallest:
                    return None
                continue
            if times and errors[at] / times < error / 2:
                step, error, sharpened = value / times, errors[at] / times, True
        at += 1
        if at == len(values) and sharpened:
            at, sharpened = 0, False  # what couldn't be told before may be told now
    return step


def _most_exact(anchors: Float32Array, step: float) -> float:
    """Return the number near the step whose float32 multiples are the most coordinates exactly."""
    middle = np.float32(step)
    below, above = np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))

    def hits(voxel_size: np.float32) -> int:
        indices = np.rint(anchors.astype(np.float64) / np.float64(voxel_size)).astype(np.int64)
        return int((lattice_anchors(indices, float(voxel_size)) == anchors).sum())

    candidates = [size for size in (middle, below, above) if 0 < size < np.inf]
    best = max(candidates, key=hits)  # the first of equals: the middle
    return float(str(best))


def _is_credible(sizes: Float64Array, voxel_size: float) -> bool:
    """Weigh what chance gives: each number is near a multiple by itself, and the step could be chosen."""
    ulps = np.maximum(sizes * 2.0**-23, 2.0**-149)  # or more
    windows = 2 * MAX_ULPS * ulps
    evidence = np.maximum(np.log2(voxel_size / windows), 0).sum()
    return bool(evidence - np.log2(sizes[-1] / voxel_size) >= _EVIDENCE_BITS)
