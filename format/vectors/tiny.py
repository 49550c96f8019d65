"""Tiny scenes and models for the conformance files, made of integers only: the same on every machine.

Nothing is fitted. A model's parameters are small hashed integers, so every layer matters and no prediction is
good, and a file doesn't depend on how the reference encoder fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.channel_scene import ChannelScene, gaussian_channels
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.coding.runs import RUN_BITS
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.context.order import Order, splitmix64
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import Scaling, constant_groups, slice_widths
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.prior.prior import Prior
from hemgs_codec.scene import SH_REST_COUNTS, GaussianScene
from hemgs_codec.shapes import Shape, groups_of

UNIT = 2.0**-20
"""Base unit of all tiny scenes: they span 0 .. 16."""
_SHIFT = 5
# of importance, opacity, scales, positions (which have no channels), rotation, sh0; bands have the last one
_SPREADS = (1.0, 2.0, 0.5, 0.0, 0.25, 0.5)
_CENTRES = (0.0, 0.0, -4.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Recipe:
    """What a tiny file is made of."""

    shape: Shape
    order: Order
    context: int
    window: int
    hidden: int
    heads: int
    levels: tuple[Level, ...] = ()
    features: int = 1
    use_context: bool = True
    use_earlier: bool = True
    use_adaptation: bool = True
    lambda_: float = 2e-3
    lattice_index: int = 96  # 2**16 base units: a sixteenth; not where a scene has its own lattice
    position_step: int = 88  # an octave finer: most positions are refined, some more than others
    voxel_shift: int = 20
    log_sigma_bias: int = 0  # in 1/256 octave
    run_bits: int = RUN_BITS


def draws(seed: int, *shape: int) -> npt.NDArray[np.int64]:
    """Hashed integers -2**15 .. 2**15 - 1."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(seed << 32)
    return ((splitmix64(index) >> np.uint64(48)).astype(np.int64) - (1 << 15)).reshape(shape)


def tiny_scene(count: int, sh_degree: int, seed: int) -> GaussianScene:
    """Return a scene with a few duplicates in place and one outlier in its values."""

    def values(number: int, centre: float, spread: float, *shape: int) -> npt.NDArray[np.float32]:
        return (centre + draws(seed + number, count, *shape) * (spread / (1 << 15))).astype(np.float32)

    means = values(1, 8.0, 8.0, 3)
    means[count // 2 :: 7] = means[0]
    opacity_logits = values(4, 0.0, 4.0)
    opacity_logits[count // 3] = 4000.0
    return GaussianScene(
        means=means,
        log_scales=values(2, -4.0, 1.0, 3),
        quats=values(3, 0.0, 1.0, 4),
        opacity_logits=opacity_logits,
        sh0=values(5, 0.0, 1.0, 3),
        shN=values(6, 0.0, 0.25, SH_REST_COUNTS[sh_degree], 3),
    )


def tiny_scaling(sh_degree: int) -> Scaling:
    """Return round scales: nothing is measured."""
    groups = profile.groups(sh_degree)
    widths = [len(group.slices) for group in groups]
    kinds = [min(index, len(_SPREADS) - 1) for index, width in enumerate(widths) for _ in range(width)]
    offsets = np.array([_CENTRES[kind] for kind in kinds], dtype=np.float32)
    scales = np.array([_SPREADS[kind] for kind in kinds], dtype=np.float32)
    return Scaling(offsets, scales)


def constant_scaling(attributes: npt.NDArray[np.float64], sh_degree: int) -> Scaling:
    """Return the scaling of a scene in which every slice is constant."""
    first = np.cumsum([0, *slice_widths(profile.groups(sh_degree))])[:-1]
    return Scaling(attributes[0, first].astype(np.float32), np.zeros(len(first), dtype=np.float32))


def tiny_model(spec: ModelSpec, seed: int, log_sigma_bias: int = 0) -> FrozenModel:
    """Return a model of hashed parameters, about as large as keeps activations alive."""
    weights, biases, shifts = {}, {}, {}
    for number, (name, (fan_in, fan_out)) in enumerate(spec.matrices().items()):
        shifts[name] = _SHIFT + number % 3
        size = max(1, round((1 << shifts[name]) * fan_in**-0.5))
        weights[name] = (draws(seed + 2 * number, fan_in, fan_out) * size >> 15).astype(np.int32)
        if not name.endswith(".skip"):
            biases[name] = (draws(seed + 2 * number + 1, fan_out) >> 10).astype(np.int32)
        if name.endswith(".out"):
            biases[name][fan_out // 2 :] += log_sigma_bias
    tables = [
        np.where(draws(seed + 1000 + number, level.entries, spec.features) < 1 << 13, 1, -1).astype(np.int8)
        for number, level in enumerate(spec.levels)
    ]
    return FrozenModel(spec, weights, biases, shifts, tables)


def model_spec(recipe: Recipe, scaling: Scaling) -> ModelSpec:
    """Return a recipe's network sizes."""
    groups = groups_of(recipe.shape)
    return ModelSpec(
        groups=groups,
        levels=recipe.levels,
        features=recipe.features,
        hidden=recipe.hidden,
        slice_hidden=recipe.hidden,
        heads=recipe.heads,
        use_context=recipe.use_context,
        use_earlier=recipe.use_earlier,
        use_adaptation=recipe.use_adaptation,
        constant=constant_groups(scaling, groups),
    )


def tiny_channels(scene: GaussianScene) -> ChannelScene:
    """Return a scene's channels; importance is none of its own."""
    attributes = profile.attributes_from_scene(scene)
    attributes[:, profile.IMPORTANCE_CHANNEL] = draws(7, len(attributes)) * (3.0 / (1 << 15))
    return gaussian_channels(scene, attributes)


def encode_tiny(
    channels: ChannelScene,
    recipe: Recipe,
    scaling: Scaling,
    model: FrozenModel,
    prior: Prior | None = None,
) -> bytes:
    """Code a scene by a recipe."""
    side = 1 << 24
    geometry = Geometry(
        recipe.order, recipe.context, recipe.window, recipe.voxel_shift, (0, 0, 0, side), recipe.position_step
    )
    data, _ = encode_fitted(
        channels,
        None,
        FittedModel(channels.shape, geometry, scaling, model, prior),
        channels.lattice or Lattice((0.0, 0.0, 0.0), UNIT, recipe.lattice_index),
        recipe.lambda_,
        run_bits=recipe.run_bits,
    )
    return data
