"""How a scene's steps follow from importance, opacity and scales, where networks are wrong (SPEC "Tilts").

Networks know from other scenes which Gaussians' errors are seen. How much coarser the steps of small or
transparent ones may be depends on how the scene is looked at, which is the scene's own. Tilts say it: of each
step, how many octaves it is longer where one of these is a channel scale more, and where its square is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.units import UNIT_BITS

NUM_TILTING = 5
"""The first channels of a scene of Gaussians: importance, opacity, and three scales."""
NUM_TILTS = 2 * NUM_TILTING
TILT_BITS = 6
"""Tilts are in 1/64 octave."""


def tilting_features(seen: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """Return what tilts multiply, (n, 10) integers: activations of the first channels, and their squares.

    Parameters
    ----------
    seen : (n, C)
        Activations of what is coded of an anchor by now; 0 elsewhere.
    """
    first = seen[:, :NUM_TILTING].astype(np.float64)
    return np.concatenate([first, np.floor(first * first * 2.0**-UNIT_BITS)], axis=1)


def tilted_octaves(features: npt.NDArray[np.float64], tilts: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """Return by how many 1/1024 octaves steps (n, S) are longer, from `tilting_features` (n, 10).

    Parameters
    ----------
    tilts : (S, 10)
    """
    return np.floor(features @ tilts.T.astype(np.float64) * 2.0**-TILT_BITS)
