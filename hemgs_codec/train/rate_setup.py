"""Begin an entropy model beside a scene: the file's lattice, contexts and units; first steps as measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.profile import anchor_lattice, attributes_from_anchors, groups
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.sensitivity import squared_derivatives, wanted_weights
from hemgs_codec.coding.fields import Geometry
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.distortion.weights import IMPORTANCE_STEP
from hemgs_codec.fit.fit import hash_box
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.hashgrid import make_levels
from hemgs_codec.model.scaling import Scaling, coded_entries
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.options import RateOptions
from hemgs_codec.train.parameters import SceneParameters
from hemgs_codec.train.rate import JointRate

MOST_STEP = 2.0
"""In standard deviations of a slice, however little is seen of an anchor: others views may show more."""
_LEAST_SCALE = 1e-6
IMPORTANCE_GROUP = 0


@dataclass(frozen=True)
class RateSetup:
    """What an entropy model's geometry and units are, for the file that is written in the end."""

    geometry: Geometry
    scaling: Scaling
    spec: ModelSpec
    tie_steps: bool


def plan_rate(scene: AnchorScene, options: RateOptions) -> tuple[RateSetup, npt.NDArray[np.int64]]:
    """Choose geometry, units and networks' sizes for a scene; also its base coordinates (N, 3)."""
    lattice = anchor_lattice(scene)
    coords = lattice.quantise(scene.anchors)
    points = lattice.base_points(coords)
    geometry = Geometry(
        options.order,
        options.context,
        options.window,
        choose_voxel_shift(points[morton_sort(coords)]),
        hash_box(points),
        0,
    )
    shape = groups(scene.networks.shape.features, scene.networks.shape.slots)
    hidden, slice_hidden = _widths(scene.num_anchors * sum(group.channels for group in shape))
    spec = ModelSpec(
        groups=shape,
        levels=make_levels(scene.num_anchors, options.grid_bits, options.grid_features)
        if options.use_hash
        else (),
        features=options.grid_features,
        hidden=options.hidden or hidden,
        slice_hidden=options.slice_hidden or slice_hidden,
        heads=2,
        use_context=options.use_context,
        use_earlier=options.use_earlier,
        constant=frozenset() if options.use_importance else frozenset({IMPORTANCE_GROUP}),
    )
    return RateSetup(geometry, _scaling(scene, spec), spec, options.tie_steps), points


def _widths(num_values: int) -> tuple[int, int]:
    """Widths of all layers and of the slices': a network must save its own bits."""
    if num_values < 500_000:
        return 12, 16
    return (16, 24) if num_values < 3_000_000 else (24, 32)


def make_rate(
    scene: AnchorScene,
    setup: RateSetup,
    points: npt.NDArray[np.int64],
    generator: torch.Generator,
    device: str,
) -> JointRate:
    """Make an entropy model with steps of 1."""
    geometry, spec = setup.geometry, setup.spec
    samples = make_samples(
        scene.anchors,
        [anchor_lattice(scene)],
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    return JointRate(
        spec,
        setup.scaling,
        points,
        np.array(geometry.box),
        samples,
        generator,
        device,
        tie_steps=setup.tie_steps,
    )


def begin_rate(
    parameters: SceneParameters,
    scene: AnchorScene,
    setup: RateSetup,
    points: npt.NDArray[np.int64],
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    generator: torch.Generator,
    device: str,
) -> JointRate:
    """Make the entropy model that is trained from here on."""
    rate = make_rate(scene, setup, points, generator, device)
    octaves = wanted_octaves(rate, parameters, cameras, background, generator)
    set_importance(rate, octaves)
    rate.begin(_mean_steps(rate, parameters, octaves), generator)
    return rate


def set_importance(rate: JointRate, octaves: torch.Tensor) -> None:
    """Tell how coarse each anchor's steps may be, from log2 (N, C) of the steps that renders ask for."""
    if IMPORTANCE_GROUP in rate.spec.constant:
        return
    features = len(rate.spec.groups) - 2
    first = rate.spec.first_channel(features)
    last = first + rate.spec.groups[features].channels
    rate.importance = (octaves + torch.log2(rate.scale))[:, first:last].mean(dim=1)


def _scaling(scene: AnchorScene, spec: ModelSpec) -> Scaling:
    """Return the units of a scene that still moves: no slice is taken to be constant."""
    attributes = attributes_from_anchors(scene)
    coded = coded_entries(attributes, spec.groups)
    offsets, scales, first = [], [], 0
    for number, group in enumerate(spec.groups):
        for width in group.slices:
            channels = slice(first, first + width)
            first += width
            if number in spec.constant:
                offsets.append(np.float32(0))
                scales.append(np.float32(0))
                continue
            part = attributes[:, channels]
            if coded is not None:
                part = part[coded[:, channels]]
            is_known = part.size > 0 and not group.flags and number != IMPORTANCE_GROUP
            offsets.append(np.float32(part.mean() if is_known else 0))
            scales.append(np.float32(max(part.std(), _LEAST_SCALE) if is_known else 1))
    return Scaling(np.array(offsets, dtype=np.float32), np.array(scales, dtype=np.float32))


def wanted_octaves(
    rate: JointRate,
    parameters: SceneParameters,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    generator: torch.Generator,
) -> torch.Tensor:
    """Return log2 (N, C) of the steps that renders ask for at the reference λ, in channel scales."""
    with torch.no_grad():
        values = rate.values(parameters)

    def make() -> tuple[torch.Tensor, AnchorTensors]:
        leaf = values.clone().requires_grad_()
        return leaf, parameters.tensors(rate.scene_values(leaf, parameters))

    squares = squared_derivatives(make, cameras, background, generator)
    weights = wanted_weights(squares, parameters.num_values) + MOST_STEP**-2
    return -0.5 * torch.log2(weights)


def _mean_steps(rate: JointRate, parameters: SceneParameters, octaves: torch.Tensor) -> torch.Tensor:
    """Return the mean (S,) over anchors and channels of what steps should be."""
    with torch.no_grad():
        values = rate.values(parameters)
    coded = torch.ones_like(octaves)
    gated = rate.gate >= 0
    coded[:, gated] = values[:, rate.gate[gated]]
    number = int(rate.step_channel.max()) + 1
    total = torch.zeros(number).index_add_(0, rate.step_channel.cpu(), (octaves * coded).sum(0).cpu())
    count = torch.zeros(number).index_add_(0, rate.step_channel.cpu(), coded.sum(0).cpu())
    mean = total / count.clamp(min=1)
    mean[rate.spec.first_step(IMPORTANCE_GROUP)] = math.log2(IMPORTANCE_STEP)
    return mean
