"""The loop: round, render, step; walk anew now and then (SPEC "Encoder notes").

    latents ── round ── what a decoder has ── render ── error against the original
       ↑         └─ slopes of the rate                      │
       └──────────────── Adam ───── gradients ──────────────┘

Tables come from a walk of the scene as it is. Values move, and with them the tables of those that see them,
so walks are repeated; the fit stays. Locations stay too: Gaussians move within their lattice cells, where
all parts cost the same.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hemgs_codec.decoder import open_arithmetic
from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR, Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.progress import Progress
from hemgs_codec.refine.chain import channel_gradients
from hemgs_codec.refine.state import State
from hemgs_codec.refine.targets import Targets, squared_error
from hemgs_codec.render import View
from hemgs_codec.scene import GaussianScene

RATE, PLACE_RATE = 0.02, 0.03
"""Symbols, and parts of cells, that the first steps take: on one scene 0.03 and 0.015 were within 0.1 dB of
each other, 0.1 was 0.6 dB behind."""
LAST_SHARE = 0.1
"""Of the first step, that the last one takes; a cosine between."""
WALKS = 4


def refine(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64],
    weights: Weights,
    fitted: FittedModel,
    lattice: Lattice,
    lambda_: float,
    targets: Targets,
    *,
    steps: int,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[GaussianScene, npt.NDArray[np.float64]]:
    """Move a scene's values to where they look right and cost little at λ.

    Parameters
    ----------
    scene, attributes, weights, fitted, lattice, lambda_
        As `encode_fitted` takes them; attributes (N, C).
    targets
        Views, and what should be seen in them.
    steps
        One view each; 0 changes nothing.
    seed
        Of the order of views.
    device
        Where networks run in walks.

    Returns
    -------
    scene : GaussianScene
    attributes : (N, C) float64
        To be coded as the given ones would have been: with the same weights, fit and lattice. Lattice
        coordinates are the same.
    """
    if steps == 0:
        return scene, attributes
    order = targets.order(np.random.default_rng(seed))
    state = State(scene, attributes, weights, fitted, lattice, lambda_, open_arithmetic(fitted.model, device))
    # what the mean squared error is worth in bits of the whole file, as in `Weights.prices`
    worth = LOSS_PER_SQUARED_ERROR * len(attributes) * (attributes.shape[1] - 1) / lambda_
    between = -(-steps // WALKS)
    for step in range(steps):
        if step and step % between == 0:
            state.settle()
            state.walk(progress)
        drawn, picture = state.draw()
        number = next(order)
        view = View(picture, targets.cameras[number], targets.background)
        _, by_image = squared_error(view.image, targets.picture(number))
        by_scene = view.gradients(by_image)
        share = LAST_SHARE + (1.0 - LAST_SHARE) * 0.5 * (1.0 + math.cos(math.pi * step / steps))
        state.step(
            channel_gradients(drawn, by_scene) * worth,
            by_scene.means * worth,
            RATE * share,
            PLACE_RATE * share,
        )
        if progress is not None:
            progress("refine", step + 1, steps)
    return state.result()
