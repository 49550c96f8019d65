"""From a training to a scene and an entropy model that a file can be made of, at any λ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec.anchors.network_coding import quantise_networks
from hemgs_codec.anchors.profile import take, used_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.train.rate import JointRate
from hemgs_codec.train.rate_setup import RateSetup
from hemgs_codec.train.result import Finished


def finish(scene: AnchorScene, setup: RateSetup, rate: JointRate) -> Finished:
    """Round networks, and freeze the entropy model.

    The entropy model is used as training left it, and values are rounded. Fitting the model on to rounded
    symbols, with steps as measured weights want them, was tried and lost; so did choosing symbols by rate and
    distortion, and centroids: the scene was trained with noise, and expects the middles of bins.
    """
    used = used_anchors(scene)
    scene = take(scene, used)
    scene = replace(scene, networks=quantise_networks(scene.networks).networks())
    steps = rate.parameters.weight_steps() if rate.weight_steps is None else rate.weight_steps
    model = freeze(setup.spec, rate.parameters, steps)
    importance = rate.importance.cpu().numpy().astype(np.float64)[used]
    fitted = FittedModel(scene.networks.shape, setup.geometry, setup.scaling, model)
    return Finished(scene, importance, fitted)
