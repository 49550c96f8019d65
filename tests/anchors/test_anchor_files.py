"""Anchor scenes to files and back, by random models and by short fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec import AnchorScene, decode, encode_anchors, verify
from hemgs_codec.anchors.network_coding import quantise_networks
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.profile import (
    FIRST_MASK,
    SCALES,
    anchor_lattice,
    attributes_from_anchors,
    take,
    used_anchors,
)
from hemgs_codec.anchors.weights import analytic_anchor_weights
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.decoder import decode_gaussians, decode_symbols
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fit import prepare_fit
from hemgs_codec.fit.fitted import FittedModel, pack_fitted, unpack_fitted
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.inspect import describe
from hemgs_codec.location import morton_sort
from hemgs_codec.model.scaling import coded_entries
from hemgs_codec.model.units import step_table
from hemgs_codec.sections import KNOWN, RUN_IDS
from hemgs_format.container import read_container
from hemgs_format.errors import SceneError
from tests.anchors.small import (
    BANK,
    SHAPE,
    channels_of,
    random_anchors,
    random_file,
    random_fit,
    with_importance,
)


@pytest.fixture(scope="module")
def scene() -> AnchorScene:
    return random_anchors(300, seed=5)


@pytest.fixture(scope="module")
def file(scene: AnchorScene) -> bytes:
    return encode_anchors(scene, iterations=30, cache=False, threads=1)


def anchors_of(data: bytes, device: str = "cpu") -> AnchorScene:
    decoded = decode(data, device=device, threads=1)
    assert isinstance(decoded, AnchorScene)
    return decoded


def bytes_of_runs(data: bytes) -> int:
    sections = read_container(data, known=KNOWN).sections
    return sum(len(section.data) for section in sections if section.id in RUN_IDS)


def check_round_trip(scene: AnchorScene, order: Order, seed: int = 0) -> None:
    """Code without rate-distortion choices: flags and positions are exact, others half a step off."""
    channels = with_importance(channels_of(scene), seed)
    fitted = random_fit(channels, order=order, seed=seed)
    assert channels.lattice is not None
    data, coder = encode_fitted(channels, None, fitted, channels.lattice, 2e-3)
    decoded, integers = anchors_of(data), decode_symbols(data)
    rows = morton_sort(channels.lattice.quantise(channels.means))
    expected = channels.attributes[rows]
    assert decoded.anchors.tobytes() == channels.means[rows].tobytes()
    slots, features = decoded.networks.shape.slots, decoded.networks.shape.features
    np.testing.assert_array_equal(decoded.masks, expected[:, FIRST_MASK : FIRST_MASK + slots] == 1)
    spec, by_morton = fitted.model.spec, np.argsort(integers.sequence)
    scales = fitted.scaling.channel_scales(spec.groups)
    got = attributes_from_anchors(decoded)
    got[:, 0] = fitted.scaling.attributes(integers.walked.values, spec.groups)[by_morton, 0]
    coded = coded_entries(expected, spec.groups)
    assert coded is not None
    steps = step_table()[integers.walked.steps[:, spec.step_channels]][by_morton] / 65536
    tolerance = steps / 2 * scales + 1e-5 * (1 + np.abs(expected))
    assert (np.abs(got - expected) <= tolerance)[coded].all()
    offsets = slice(FIRST_MASK + slots + features + SCALES, None)
    assert (got[:, offsets][~coded[:, offsets]] == 0).all()
    symbols = integers.walked.symbols[by_morton]
    assert (symbols[~coded] == 0).all()
    assert coder.bits[scales == 0].sum() == 0
    for name, weight in quantise_networks(scene.networks).networks().weights.items():
        assert decoded.networks.weights[name].tobytes() == weight.tobytes()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [SHAPE, BANK, NetworkShape(1, 1), NetworkShape(50, 10)])
def test_scenes_of_every_shape_come_back(shape: NetworkShape, order: Order) -> None:
    check_round_trip(random_anchors(40, shape), order)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 12),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    st.sampled_from([0.01, None]),
    st.integers(0, 1000),
)
def test_any_small_scene_comes_back(
    count: int, features: int, slots: int, used: float, voxel: float | None, seed: int
) -> None:
    scene = random_anchors(count, NetworkShape(features, slots), seed=seed, voxel=0.01, used=used, spread=4)
    if voxel is None:  # then positions are what the lattice of 16 bits makes of them
        decoded = anchors_of(random_file(replace(scene, voxel_size=None)))
        spread = float(np.ptp(scene.anchors, axis=0).max())
        assert np.abs(np.sort(decoded.anchors, 0) - np.sort(scene.anchors, 0)).max() <= spread * 2**-16
    else:
        check_round_trip(scene, "permuted", seed)


def test_positions_of_a_fitted_file_are_bit_for_bit_those_of_the_scene(
    scene: AnchorScene, file: bytes
) -> None:
    decoded = anchors_of(file)
    assert sorted(map(bytes, decoded.anchors)) == sorted(map(bytes, scene.anchors))
    assert decoded.voxel_size == float(np.float32(0.01))
    assert decoded.masks.sum() == scene.masks.sum()


def test_the_same_scene_gives_the_same_bytes(scene: AnchorScene, file: bytes) -> None:
    assert encode_anchors(scene, iterations=30, cache=False, threads=1) == file


def test_the_networks_device_changes_nothing(file: bytes) -> None:
    first, second = anchors_of(file), anchors_of(file, "torch:cpu")
    for name in ("anchors", "features", "log_scales", "offsets", "masks"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_files_grow_as_lambda_falls(scene: AnchorScene) -> None:
    sizes = [
        len(encode_anchors(scene, lambda_=v, iterations=30, threads=1, verify=False))
        for v in (1.6e-2, 2e-3, 2.5e-4)
    ]
    assert sizes[0] < sizes[1] < sizes[2]


def test_unused_anchors_are_left_out_and_counted(scene: AnchorScene) -> None:
    masks = scene.masks.copy()
    masks[::3] = False
    data = encode_anchors(replace(scene, masks=masks), iterations=5, cache=False, threads=1)
    described = describe(data)
    assert described["num_anchors"] == 300
    assert described["num_coded"] == 200
    assert anchors_of(data).num_anchors == 200


def test_weights_go_with_their_anchors(scene: AnchorScene) -> None:
    masks = scene.masks.copy()
    masks[:150] = False
    part = replace(scene, masks=masks)
    attributes = attributes_from_anchors(part)
    values = analytic_anchor_weights(attributes, SHAPE).values
    values *= np.exp2(np.random.default_rng(0).integers(-4, 5, (300, 1)))
    weights = Weights(values, np.ones(300))
    rows = np.arange(150, 300)
    whole = encode_anchors(part, weights=weights, iterations=30, cache=False, threads=1)
    alone = encode_anchors(
        take(part, rows), weights=weights.take(rows), iterations=30, cache=False, threads=1
    )
    assert read_container(whole, known=KNOWN).sections == read_container(alone, known=KNOWN).sections
    with pytest.raises(SceneError, match="weights"):
        encode_anchors(part, weights=weights.take(rows), iterations=5, cache=False, threads=1)


def test_a_given_fit_codes_without_another(scene: AnchorScene) -> None:
    channels = channels_of(scene)
    fitted = random_fit(channels)
    data = encode_anchors(scene, fitted=fitted, cache=False, threads=1)
    assert channels.lattice is not None
    assert data == encode_fitted(channels, None, fitted, channels.lattice, 2e-3)[0]
    weights = analytic_anchor_weights(attributes_from_anchors(scene), SHAPE)
    chosen = encode_anchors(scene, fitted=fitted, weights=weights, cache=False, threads=1)
    assert bytes_of_runs(chosen) < bytes_of_runs(data)


def test_importance_goes_with_its_anchors_and_is_coded(scene: AnchorScene) -> None:
    masks = scene.masks.copy()
    masks[::3] = False
    part = replace(scene, masks=masks)
    known = np.random.default_rng(3).normal(0, 1, part.num_anchors)
    data = encode_anchors(part, importance=known, iterations=5, cache=False, threads=1)
    decoded = decode_symbols(data)
    spec, steps = decoded.fields.spec, step_table()[decoded.walked.steps[:, 0]] / 65536
    coded = decoded.fields.scaling.attributes(decoded.walked.values, spec.groups)[:, 0]
    used = take(part, used_anchors(part))
    rows = morton_sort(anchor_lattice(used).quantise(used.anchors))[decoded.sequence]
    error = np.abs(coded - known[used_anchors(part)][rows])
    # rate and distortion may take the next symbol, shifts move it by half a step at most
    assert (error <= 1.5 * steps * decoded.fields.scaling.scales[0]).all()
    with pytest.raises(SceneError, match=r"importance is \(200,\), expected \(300,\)"):
        encode_anchors(part, importance=known[:200], iterations=5)


def test_a_fit_of_another_shape_is_refused(scene: AnchorScene) -> None:
    fitted = random_fit(channels_of(random_anchors(10, BANK)))
    with pytest.raises(SceneError, match="the fit is one of"):
        encode_anchors(scene, fitted=fitted)


def test_fits_of_anchors_can_be_kept(scene: AnchorScene) -> None:
    fitted = random_fit(channels_of(scene))
    again, key = unpack_fitted(pack_fitted(fitted, b"key"))
    assert key == b"key"
    assert isinstance(again, FittedModel)
    assert again.shape == fitted.shape
    assert again.geometry == fitted.geometry
    assert pack_fitted(again, b"key") == pack_fitted(fitted, b"key")


def test_a_target_size_is_kept(scene: AnchorScene, file: bytes) -> None:
    data = encode_anchors(scene, target_size=len(file) - 400, iterations=30, threads=1)
    assert len(data) <= len(file) - 400
    verify(data)


@pytest.mark.parametrize("switch", ["use_hash", "use_context", "use_earlier", "use_adaptation"])
def test_models_without_a_part_code_anchors(switch: str) -> None:
    many = random_anchors(700)
    arguments = {switch: False, "iterations": 2, "cache": False, "threads": 1}
    data = encode_anchors(many, **arguments)  # type: ignore[arg-type]
    spec = decode_symbols(data).fields.spec
    assert (bool(spec.levels), spec.use_context, spec.use_earlier, spec.use_adaptation) == (
        switch != "use_hash",
        switch != "use_context",
        switch != "use_earlier",
        switch != "use_adaptation",
    )


def test_scenes_without_any_slot_in_use_are_refused(scene: AnchorScene) -> None:
    with pytest.raises(SceneError, match="no anchor has a slot in use"):
        encode_anchors(replace(scene, masks=np.zeros_like(scene.masks)))


def test_values_beyond_the_format_are_refused(scene: AnchorScene) -> None:
    features = scene.features.copy()
    features[7, 1] = 1e7
    with pytest.raises(SceneError, match=r"features is beyond .* first in row 7"):
        encode_anchors(replace(scene, features=features))


def test_gated_values_cost_a_fit_nothing(scene: AnchorScene) -> None:
    channels = channels_of(scene)
    shape = scene.networks.shape
    weights = analytic_anchor_weights(channels.attributes, shape)
    fit, _, _ = prepare_fit(channels, weights, EncodeOptions(iterations=1))
    fit.refresh()
    rows = torch.arange(channels.count)
    bits, _ = fit.losses(rows, torch.zeros_like(rows), fit.parameters.network)
    masks = channels.attributes[:, FIRST_MASK : FIRST_MASK + shape.slots] == 1
    shut = ~torch.from_numpy(np.repeat(masks, 3, axis=1))
    offsets = slice(FIRST_MASK + shape.slots + shape.features + SCALES, None)
    assert (bits[:, offsets][shut] == 0).all()
    assert (bits[:, offsets][~shut] > 0).all()
    assert (fit.quantised[:, :, offsets][:, shut] == 0).all()
    # importance that is constant has no step to be wrong about, nor have masks
    assert (fit.step_share[:, :2] == 0).all()
    assert (fit.octaves[:, :, :2] == 0).all()


def test_a_slot_that_no_anchor_uses_costs_nothing() -> None:
    scene = random_anchors(60, BANK, used=1.0)
    masks = scene.masks.copy()
    masks[:, 3:] = False
    data = random_file(replace(scene, masks=masks))
    assert (anchors_of(data).masks == masks[0]).all()
    fields = decode_symbols(data).fields
    assert not fields.scaling.channel_scales(fields.spec.groups)[FIRST_MASK : FIRST_MASK + BANK.slots].any()


def test_files_of_anchors_hold_no_gaussians(file: bytes) -> None:
    with pytest.raises(SceneError, match="holds anchors"):
        decode_gaussians(file)


def test_what_an_anchor_file_holds_is_described(file: bytes) -> None:
    described = describe(file)
    assert described["profile"] == "anchor"
    assert described["bits_per_anchor"] == pytest.approx(8 * len(file) / 300)
    names = {part["id"]: part["name"] for part in described["sections"]}
    assert names["MLPS"] == "rendering networks"
    assert names["RUN0"] == "base"
    assert sum(part["bytes"] for part in described["sections"]) == len(file)
