"""Coding passes at any lambda, refined first if asked: what a search for a size or a PSNR calls."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.setting import choose_lattice
from hemgs_codec.progress import Progress
from hemgs_codec.refine import Targets, refine
from hemgs_codec.scene import GaussianScene


@dataclass(frozen=True)
class Refinement:
    """How a Gaussian scene is refined before it's coded: see `refine`."""

    scene: GaussianScene
    targets: Targets
    steps: int
    seed: int


@dataclass(frozen=True)
class CodingPass:
    """A scene with its weights and fit; without weights values are rounded, on the scene's own lattice."""

    scene: ChannelScene
    weights: Weights | None
    fitted: FittedModel
    position_bits: int | None
    refinement: Refinement | None
    device: str
    progress: Progress | None

    def __call__(self, lambda_: float) -> bytes:
        """Code the scene."""
        scene, lattice = self.scene, self.scene.lattice
        if lattice is None:
            assert self.weights is not None
            lattice = choose_lattice(scene, self.weights, lambda_, self.position_bits)
        if self.refinement is not None:
            assert self.weights is not None
            refined, attributes = refine(
                self.refinement.scene,
                scene.attributes,
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
            scene = replace(scene, means=refined.means, attributes=attributes)
        data, _ = encode_fitted(
            scene,
            self.weights,
            self.fitted,
            lattice,
            lambda_,
            device=self.device,
            progress=self.progress,
        )
        return data
