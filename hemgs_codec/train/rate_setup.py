"""Begin an entropy model beside a scene: the file's lattice, contexts and units; first steps as measured."""

from __future__ import annotations

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


@dataclass(frozen=True)
class RateSetup:
    """What an entropy model's geometry and units are, for the file that is written in the end."""

    geometry: Geometry
    scaling: Scaling
    spec: ModelSpec


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
    )
    return RateSetup(geometry, _scaling(scene, spec), spec), points


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
        torch.zeros(sum(group.num_steps for group in spec.groups)),
        generator,
        device,
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
    octaves = _wanted_octaves(rate, parameters, cameras, background, generator)
    rate.begin(octaves, generator)
    return rate


def _scaling(scene: AnchorScene, spec: ModelSpec) -> Scaling:
    """Return the units of a scene that still moves: no slice is taken to be constant."""
    attributes = attributes_from_anchors(scene)
    coded = coded_entries(attributes, spec.groups)
    offsets, scales, first = [], [], 0
    for group in spec.groups:
        for width in group.slices:
            channels = slice(first, first + width)
            first += width
            part = attributes[:, channels]
            if coded is not None:
                part = part[coded[:, channels]]
            is_known = part.size > 0 and not group.flags
            offsets.append(np.float32(part.mean() if is_known else 0))
            scales.append(np.float32(max(part.std(), _LEAST_SCALE) if is_known else 1))
    return Scaling(np.array(offsets, dtype=np.float32), np.array(scales, dtype=np.float32))


def _wanted_octaves(
    rate: JointRate,
    parameters: SceneParameters,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    generator: torch.Generator,
) -> torch.Tensor:
    """Return log2 (S,) of the steps that renders ask for at the reference λ, averaged over anchors."""
    with torch.no_grad():
        values = rate.values(parameters)

    def make() -> tuple[torch.Tensor, AnchorTensors]:
        leaf = values.clone().requires_grad_()
        return leaf, parameters.tensors(rate.scene_values(leaf, parameters))

    squares = squared_derivatives(make, cameras, background, generator)
    weights = wanted_weights(squares, parameters.num_values) + MOST_STEP**-2
    octaves = -0.5 * torch.log2(weights)
    coded = torch.ones_like(octaves)
    gated = rate.gate >= 0
    coded[:, gated] = values[:, rate.gate[gated]]
    number = int(rate.step_channel.max()) + 1
    total = torch.zeros(number).index_add_(0, rate.step_channel.cpu(), (octaves * coded).sum(0).cpu())
    count = torch.zeros(number).index_add_(0, rate.step_channel.cpu(), coded.sum(0).cpu())
    return total / count.clamp(min=1)
