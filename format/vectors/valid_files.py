"""The valid conformance files: what each is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemgs_codec import profile
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.coding.centroids import NUM_CELLS
from hemgs_codec.decoder import decode_symbols
from hemgs_codec.model.hashgrid import Level
from hemgs_codec.sections import KNOWN
from hemgs_codec.shapes import GaussianShape
from hemgs_format.container import Container, read_container, write_container
from hemgs_format.metadata import Value
from hemgs_format.sections import Section
from vectors.edits import with_keys
from vectors.tiny import (
    Recipe,
    constant_scaling,
    draws,
    encode_tiny,
    model_spec,
    tiny_channels,
    tiny_model,
    tiny_scaling,
    tiny_scene,
)
from vectors.tiny_anchors import encode_tiny_anchors
from vectors.tiny_edges import batches, blocks, corners, far_neighbours, large_symbols, tiles
from vectors.tiny_prior import encode_tiny_prior
from vectors.worked_example import worked_example

RASTER = Recipe(shape=GaussianShape(0), order="raster", context=4, window=9, hidden=2, heads=1)
PERMUTED = Recipe(
    shape=GaussianShape(3),
    order="permuted",
    context=6,
    window=25,
    hidden=3,
    heads=2,
    levels=(Level((0, 1, 2), 1, 27), Level((0, 1, 2), 5, 40), Level((0, 2), 3, 30)),
    features=2,
    lambda_=5e-4,
    log_sigma_bias=384,
)
RUNS = Recipe(
    shape=GaussianShape(1),
    order="permuted",
    context=3,
    window=25,
    hidden=2,
    heads=1,
    use_earlier=False,
    use_adaptation=False,
    lambda_=1e-2,
    run_bits=60,
)
TIERS = Recipe(shape=GaussianShape(0), order="tiers", context=4, window=5, hidden=2, heads=2, voxel_shift=21)
ANCHOR_SCENE = Recipe(NetworkShape(4, 2), "permuted", context=3, window=25, hidden=2, heads=1, voxel_shift=9)
ANCHOR_BANK = Recipe(
    NetworkShape(11, 5, (True, False, True), feature_bank=True),
    "raster",
    context=4,
    window=25,
    hidden=3,
    heads=2,
    levels=(Level((0, 1, 2), 1, 27),),
    features=2,
    lambda_=5e-4,
    voxel_shift=20,
    log_sigma_bias=384,
)
ANCHOR_TIERS = Recipe(
    NetworkShape(2, 4, (False, True, False)),
    "tiers",
    context=80,
    window=25,
    hidden=2,
    heads=1,
    voxel_shift=8,
    log_sigma_bias=256,
)
PRIOR = Recipe(shape=GaussianShape(1), order="permuted", context=8, window=25, hidden=1, heads=1)
PRIOR_GRID = Recipe(
    shape=GaussianShape(3),
    order="raster",
    context=5,
    window=25,
    hidden=1,
    heads=1,
    levels=(Level((0, 1, 2), 1, 27),),
    features=2,
    lambda_=8e-3,
    voxel_shift=19,
)
ONE = Recipe(
    shape=GaussianShape(0), order="permuted", context=20, window=25, hidden=1, heads=1, position_step=120
)


def _made(count: int, recipe: Recipe, seed: int) -> bytes:
    assert isinstance(recipe.shape, GaussianShape)
    scene = tiny_scene(count, recipe.shape.sh_degree, seed)
    scaling = tiny_scaling(recipe.shape.sh_degree)
    model = tiny_model(model_spec(recipe, scaling), seed, recipe.log_sigma_bias)
    return encode_tiny(tiny_channels(scene), recipe, scaling, model)


def _one_gaussian() -> bytes:
    scene = tiny_scene(2, 0, 700).take(np.array([1]))
    scaling = constant_scaling(profile.attributes_from_scene(scene), 0)
    return encode_tiny(tiny_channels(scene), ONE, scaling, tiny_model(model_spec(ONE, scaling), 700))


def _identical_points() -> bytes:
    """Code so many equal Gaussians that the file needs padding."""
    scene = tiny_scene(2, 0, 900).take(np.zeros(5000, dtype=np.int64))
    scaling = constant_scaling(profile.attributes_from_scene(scene), 0)
    return encode_tiny(tiny_channels(scene), ONE, scaling, tiny_model(model_spec(ONE, scaling), 900))


def _one_anchor() -> bytes:
    """Code an anchor of which everything but its position and its networks is constant."""
    recipe = replace(ANCHOR_SCENE, shape=NetworkShape(1, 1, (False, True, False)), use_context=False)
    return encode_tiny_anchors(1, recipe, 1300)


def _with_skippable_sections(data: bytes) -> bytes:
    """Add sections that no reader knows, before, between and behind the others."""
    container = read_container(data, known=KNOWN)
    first, *rest = container.sections
    unknown = Section("note", b"skip me")
    sections = (unknown, first, unknown, *rest, Section("zpad", bytes(3)), unknown)
    return write_container(Container(container.profile, container.num_points, container.num_input, sections))


def _with_centroids(data: bytes, seed: int) -> bytes:
    """Give every second group a table of shifts of its own, of both signs and the largest size; not flags."""
    groups = decode_symbols(data).fields.spec.groups
    tables: list[Value] = [
        (draws(seed + g, NUM_CELLS) >> 8).astype(np.int8).tobytes() if g % 2 and not group.flags else b""
        for g, group in enumerate(groups)
    ]
    return with_keys(centroids=tables)(data)


def valid_files() -> dict[str, tuple[str, bytes]]:
    """Return every valid file by name, with what it shows."""
    raster = _made(24, RASTER, 100)
    return {
        "worked-example": (
            "the worked example of SPEC.md: no contexts, most slices constant",
            worked_example(),
        ),
        "one-gaussian": ("one Gaussian: every slice is constant, nothing is coded", _one_gaussian()),
        "identical-points": ("5000 Gaussians alike: a file padded to the least size", _identical_points()),
        "sh0-raster": ("raster order, duplicates, an outlier coded by an escape", raster),
        "sh3-permuted": (
            "permuted order, all groups, dense and hashed grid levels, low bits",
            _made(40, PERMUTED, 300),
        ),
        "centroids": ("values moved by tables of shifts", _with_centroids(_made(40, PERMUTED, 300), 1700)),
        "sh0-tiers": ("order of tiers", _made(48, TIERS, 600)),
        "many-runs": ("several runs a group, groups that don't see each other", _made(30, RUNS, 500)),
        "anchors": (
            "anchors on their own lattice, of different importance, some slots not in use",
            encode_tiny_anchors(20, ANCHOR_SCENE, 1100, has_importance=True),
        ),
        "anchors-bank": (
            "a feature bank, distances, slices of flags that are constant, a lattice of 12 bits, centroids",
            _with_centroids(encode_tiny_anchors(30, ANCHOR_BANK, 1200, position_bits=12), 1800),
        ),
        "anchors-tiers": (
            "order of tiers, contexts of 80, every slot in use, steps that differ by slot",
            encode_tiny_anchors(150, ANCHOR_TIERS, 1400, has_importance=True, has_masks=False),
        ),
        "one-anchor": ("one anchor with one value and one slot", _one_anchor()),
        "prior": (
            "a prior's networks as they are, none in the file",
            encode_tiny_prior(150, PRIOR, 1500),
        ),
        "prior-differences": (
            "networks that differ from a prior's, with a hash grid beside its point features, centroids",
            _with_centroids(encode_tiny_prior(90, PRIOR_GRID, 1600, has_differences=True), 1900),
        ),
        "prior-tiles": ("a prior, and points of two tiles of its PointNet++", tiles()),
        "batches": ("order of tiers, with more anchors of one depth than a batch has", batches()),
        "blocks": ("a list of more weights than a block of symbols has, escapes in both blocks", blocks()),
        "large-symbols": ("degree 2, escapes of more than 16 bits, nine low bits", large_symbols()),
        "far-neighbours": ("contexts so wide that features of edges reach their bounds", far_neighbours()),
        "corners": (
            "the largest lattice from end to end, cells halved twelve times, a hash grid that ends earlier",
            corners(),
        ),
        "skippable-sections": (
            "sections that a reader doesn't know and skips",
            _with_skippable_sections(raster),
        ),
    }
