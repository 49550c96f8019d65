"""From a training to a scene and an entropy model that a file can be made of, at any λ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hemgs_codec.anchors.measured import measured_anchor_weights
from hemgs_codec.anchors.network_coding import quantise_networks
from hemgs_codec.anchors.profile import take, used_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.rate import JointRate
from hemgs_codec.train.rate_setup import IMPORTANCE_GROUP, RateSetup
from hemgs_codec.train.result import Finished


def finish(
    scene: AnchorScene,
    setup: RateSetup,
    rate: JointRate,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Finished:
    """Round networks, leave out anchors of no slots, weigh errors, freeze the entropy model.

    The entropy model is used as training left it. Fitting it on to rounded symbols, with steps as the weights
    want them, was tried and lost: at low rates the steps that training found are better than those.
    """
    scene = take(scene, used_anchors(scene))
    scene = replace(scene, networks=quantise_networks(scene.networks).networks())
    weights = measured_anchor_weights(scene, cameras, background, seed=seed, progress=progress)
    if IMPORTANCE_GROUP in setup.spec.constant:
        weights = replace(weights, importance=None)
    steps = rate.parameters.weight_steps() if rate.weight_steps is None else rate.weight_steps
    model = freeze(setup.spec, rate.parameters, steps)
    return Finished(scene, weights, FittedModel(scene.networks.shape, setup.geometry, setup.scaling, model))
