"""From a training to a scene and an entropy model that a file can be made of, at any λ.

The scene stands still now: its networks are rounded, errors are weighed once more, and the entropy model is
fitted on from where training left it, to the symbols that a coder will really meet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hemgs_codec.anchors.measured import measured_anchor_weights
from hemgs_codec.anchors.network_coding import quantise_networks
from hemgs_codec.anchors.profile import anchor_lattice, attributes_from_anchors, take, used_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.train import Fit, FitOptions
from hemgs_codec.model.scaling import coded_entries
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.rate import JointRate
from hemgs_codec.train.rate_setup import RateSetup
from hemgs_codec.train.result import Finished

_LEARNING_RATE = 3e-3


def finish(
    scene: AnchorScene,
    setup: RateSetup,
    rate: JointRate,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    *,
    iterations: int,
    lambdas: Sequence[float],
    seed: int = 0,
    progress: Progress | None = None,
) -> Finished:
    """Round networks, leave out anchors of no slots, weigh errors, fit.

    Parameters
    ----------
    iterations
        Of the fit; 0 freezes the entropy model as training left it.
    """
    scene = take(scene, used_anchors(scene))
    quantised = quantise_networks(scene.networks).networks()
    scene = AnchorScene(
        scene.anchors,
        scene.features,
        scene.log_scales,
        scene.offsets,
        scene.masks,
        quantised,
        scene.voxel_size,
    )
    weights = measured_anchor_weights(scene, cameras, background, seed=seed, progress=progress)
    spec, scaling, geometry = setup.spec, setup.scaling, setup.geometry
    steps = rate.parameters.weight_steps() if rate.weight_steps is None else rate.weight_steps
    if iterations == 0:
        model = freeze(spec, rate.parameters, steps)
        return Finished(scene, weights, FittedModel(scene.networks.shape, geometry, scaling, model))
    lattice = anchor_lattice(scene)
    samples = make_samples(
        scene.anchors,
        [lattice],
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    attributes = attributes_from_anchors(scene)
    fit = Fit(
        spec,
        scaling.normalise(attributes, spec.groups),
        weights.values * scaling.channel_scales(spec.groups) ** 2,
        np.zeros(scene.num_anchors),
        lattice.base_points(lattice.quantise(scene.anchors)),
        np.array(geometry.box),
        samples,
        FitOptions(iterations=iterations, seed=seed, lambdas=tuple(lambdas), learning_rate=_LEARNING_RATE),
        coded=coded_entries(attributes, spec.groups),
        start=rate.parameters,
    )
    fit.run(progress)
    model = freeze(spec, fit.parameters, fit.weight_steps)
    return Finished(scene, weights, FittedModel(scene.networks.shape, geometry, scaling, model))
