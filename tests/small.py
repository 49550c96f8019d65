"""Small scenes and models, made without a fit where a test needs a file but not a good one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hemgs_codec import profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.coding.model_fields import Geometry
from hemgs_codec.coding.runs import RUN_BITS
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.context.graph import choose_voxel_shift
from hemgs_codec.context.order import Order
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import fit_lattice
from hemgs_codec.location import morton_sort
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.model.scaling import constant_groups, fit_scaling
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.scene import SH_REST_COUNTS, GaussianScene
from hemgs_codec.shapes import GaussianShape

ROOT = Path(__file__).parents[1]
CHAIR = ROOT / "examples" / "chair.ply"

POSITION_STEP = 64
"""Random models refine positions on lattices about as coarse as this step index, or coarser."""
DENSE_AND_HASHED = (Level((0, 1, 2), 1, 27), Level((0, 1, 2), 5, 40), Level((0, 2), 4, 30))


def crop(scene: GaussianScene, count: int, *, sh_degree: int = 3) -> GaussianScene:
    """Return the Gaussians nearest to one of a scene's, in its order, with fewer SH bands if wished."""
    distance = np.abs(scene.means.astype(np.float64) - scene.means[100]).max(axis=1)
    part = scene.take(np.sort(np.argsort(distance, kind="stable")[:count]))
    rest = np.ascontiguousarray(part.shN[:, : SH_REST_COUNTS[sh_degree]])
    return GaussianScene(part.means, part.log_scales, part.quats, part.opacity_logits, part.sh0, rest)


def random_model(spec: ModelSpec, seed: int = 0) -> FrozenModel:
    """Return a model with random parameters: every layer matters, none saturates."""
    rng = np.random.default_rng(seed)
    weights, biases, shifts = {}, {}, {}
    for number, (name, (fan_in, fan_out)) in enumerate(spec.matrices().items()):
        shifts[name] = 6 + number % (MAX_SHIFT - 8)
        size = min(0.8 * 2.0 ** shifts[name] / np.sqrt(fan_in), 2.0**14)
        weights[name] = np.rint(rng.normal(0, size, (fan_in, fan_out)).clip(-3e4, 3e4)).astype(np.int32)
        if not name.endswith(".skip"):
            biases[name] = np.rint(rng.normal(0, 30, fan_out)).astype(np.int32)
    tables = [
        (2 * (rng.random((level.entries, spec.features)) < 0.7) - 1).astype(np.int8) for level in spec.levels
    ]
    return FrozenModel(spec, weights, biases, shifts, tables)


def random_fitted(
    scene: GaussianScene,
    *,
    hidden: int = 4,
    levels: tuple[Level, ...] = DENSE_AND_HASHED,
    order: Order = "permuted",
    context: int = 6,
    window: int = 25,
    use_earlier: bool = True,
    seed: int = 0,
) -> FittedModel:
    """Return what a fit returns, but with a random model."""
    attributes = profile.attributes_from_scene(scene)
    groups = profile.groups(scene.sh_degree)
    scaling = fit_scaling(attributes, groups)
    spec = ModelSpec(
        groups,
        levels,
        2,
        hidden,
        hidden,
        2,
        use_context=context > 0,
        use_earlier=use_earlier,
        constant=constant_groups(scaling, groups),
    )
    finest = fit_lattice(scene.means, 0)
    coords = finest.quantise(scene.means)
    points = finest.base_points(coords)[morton_sort(coords)]
    low, high = points.min(axis=0), points.max(axis=0)
    box = (int(low[0]), int(low[1]), int(low[2]), int((high - low).max()) + 1)
    geometry = Geometry(order, context, window, choose_voxel_shift(points), box, POSITION_STEP)
    return FittedModel(GaussianShape(scene.sh_degree), geometry, scaling, random_model(spec, seed))


def encode_with(
    scene: GaussianScene,
    fitted: FittedModel,
    *,
    lambda_: float = 2e-3,
    lattice_index: int = 80,
    run_bits: int = RUN_BITS,
) -> bytes:
    """Code a scene with a given model."""
    attributes = profile.attributes_from_scene(scene)
    lattice = fit_lattice(scene.means, lattice_index)
    channels = gaussian_channels(scene, attributes)
    weights = analytic_weights(attributes)
    data, _ = encode_fitted(channels, weights, fitted, lattice, lambda_, run_bits=run_bits)
    return data
