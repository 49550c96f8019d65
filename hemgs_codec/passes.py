"""Coding passes at any lambda, refined first if asked: what a search for a size or a PSNR calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fit import choose_lattice
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.progress import Progress
from hemgs_codec.refine import Targets, refine
from hemgs_codec.scene import GaussianScene


@dataclass(frozen=True)
class Refinement:
    """How a scene is refined before it's coded: see `refine`."""

    targets: Targets
    steps: int
    seed: int


@dataclass(frozen=True)
class CodingPass:
    """A scene with its attributes (N, C), weights and fit; num_input Gaussians before it was compacted."""

    scene: GaussianScene
    num_input: int
    attributes: npt.NDArray[np.float64]
    weights: Weights
    fitted: FittedModel
    position_bits: int | None
    refinement: Refinement | None
    device: str
    progress: Progress | None

    def __call__(self, lambda_: float) -> bytes:
        """Code the scene."""
        lattice = choose_lattice(self.scene, self.weights, lambda_, self.position_bits)
        scene, attributes = self.scene, self.attributes
        if self.refinement is not None:
            scene, attributes = refine(
                scene,
                attributes,
                self.weights,
                self.fitted,
                lattice,
                lambda_,
                self.refinement.targets,
                steps=self.refinement.steps,
                seed=self.refinement.seed,
                device=self.device,
                progress=self.progress,
            )
        data, _ = encode_fitted(
            scene,
            attributes,
            self.weights,
            self.fitted,
            lattice,
            lambda_,
            num_input=self.num_input,
            device=self.device,
            progress=self.progress,
        )
        return data
