"""Begin an entropy model beside a scene: the file's lattice, contexts and units; first steps as measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.neural import AnchorTensors
from hemgs_codec.anchors.profile import anchor_lattice, attributes_from_anchors, groups
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.sensitivity import squared_derivatives, wanted_weights
from hemgs_codec.coding.model_fields import Geometry, pack_model_fields, unpack_model_fields
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.distortion.weights import IMPORTANCE_STEP
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.setting import hash_box
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.hashgrid import make_levels
from hemgs_codec.model.scaling import Scaling, coded_entries
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.options import RateOptions, has_hash
from hemgs_codec.train.parameters import SceneParameters
from hemgs_codec.train.rate import JointRate
from hemgs_format.metadata import pack_metadata, unpack_metadata

MOST_STEP = 2.0
"""In standard deviations of a slice, however little is seen of an anchor: others views may show more."""
_LEAST_SCALE = 1e-6
IMPORTANCE_GROUP = 0


@dataclass(frozen=True)
class RateSetup:
    """What an entropy model's geometry and units are, for the file that is written in the end.

    Attributes
    ----------
    tie_steps : bool
        See `RateOptions`.
    num_values : int
        What bits are divided by, in rate and prices: the values of all anchors that growth has left. With
        those that are left after each pruning, the same λ would ask for ever less.
    """

    geometry: Geometry
    scaling: Scaling
    spec: ModelSpec
    tie_steps: bool
    num_values: int

    def tobytes(self) -> bytes:
        """Return what `unpack_setup` takes."""
        fields = pack_model_fields(self.geometry, self.scaling, self.spec, None)
        return pack_metadata({**fields, "values": self.num_values})


def unpack_setup(data: bytes, shape: NetworkShape, options: RateOptions) -> RateSetup:
    """Invert `RateSetup.tobytes`."""
    fields: dict[str, Any] = unpack_metadata(data)
    geometry, scaling, spec, _ = unpack_model_fields(fields, shape)
    return RateSetup(geometry, scaling, spec, options.tie_steps, fields["values"])


def plan_rate(scene: AnchorScene, options: RateOptions, num_values: int) -> RateSetup:
    """Choose geometry, units and networks' sizes for a scene."""
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
        if has_hash(options, scene.num_anchors)
        else (),
        features=options.grid_features,
        hidden=options.hidden or hidden,
        slice_hidden=options.slice_hidden or slice_hidden,
        heads=2,
        use_context=options.use_context,
        use_earlier=options.use_earlier,
        use_adaptation=options.use_adaptation,
        constant=frozenset() if options.use_importance else frozenset({IMPORTANCE_GROUP}),
    )
    return RateSetup(geometry, _scaling(scene, spec), spec, options.tie_steps, num_values)


def _widths(num_values: int) -> tuple[int, int]:
    """Widths of all layers and of the slices': a network must save its own bits."""
    if num_values < 300_000:
        return 8, 12
    if num_values < 600_000:
        return 12, 16
    return (16, 24) if num_values < 3_000_000 else (24, 32)


def make_rate(
    scene: AnchorScene,
    setup: RateSetup,
    generator: torch.Generator,
    device: str,
) -> JointRate:
    """Make an entropy model with steps of 1."""
    lattice = anchor_lattice(scene)
    geometry, spec = setup.geometry, setup.spec
    samples = make_samples(
        scene.anchors,
        [lattice],
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    return JointRate(
        spec,
        setup.scaling,
        lattice.base_points(lattice.quantise(scene.anchors)),
        np.array(geometry.box),
        samples,
        generator,
        device,
        tie_steps=setup.tie_steps,
    )


def set_importance(rate: JointRate, octaves: torch.Tensor) -> None:
    """Tell how coarse each anchor's steps may be, from log2 (N, C) of the steps that renders ask for."""
    if IMPORTANCE_GROUP in rate.spec.constant:
        rate.importance = torch.zeros(len(octaves), device=rate.scale.device)
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


def squares_by_values(
    rate: JointRate,
    parameters: SceneParameters,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    generator: torch.Generator,
    *,
    moves: bool,
) -> torch.Tensor:
    """Return the image's squared derivatives (N, C) by the values.

    Parameters
    ----------
    moves
        Whether values get the noise that they have at the reference λ; there must be steps by then.
    """
    with torch.no_grad():
        values = rate.values(parameters)
        network, _ = rate.network()

    def make() -> tuple[torch.Tensor, AnchorTensors]:
        moved = values
        if moves:
            with torch.no_grad():
                moved = rate.noisy(values, network, LAMBDA_REFERENCE_Q, generator)
        leaf = moved.clone().requires_grad_()
        return leaf, parameters.tensors(rate.scene_values(leaf, parameters))

    return squared_derivatives(make, cameras, background, generator)


def wanted_octaves(squares: torch.Tensor, num_values: int) -> torch.Tensor:
    """Return log2 (N, C) of the steps that renders ask for at the reference λ, from squared derivatives."""
    return -0.5 * torch.log2(wanted_weights(squares, num_values) + MOST_STEP**-2)


def mean_steps(rate: JointRate, parameters: SceneParameters, octaves: torch.Tensor) -> torch.Tensor:
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
