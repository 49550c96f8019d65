"""Encoder and decoder together, with random models: they needn't predict well to be decodable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec import profile, verify
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.coding import arrange
from hemgs_codec.coding.model_fields import MAX_CONTEXT
from hemgs_codec.coding.walk import Walked, walk
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.decoder import decode_gaussians, decode_symbols
from hemgs_codec.fit.cache import load_fit, store_fit
from hemgs_codec.fit.fitted import FittedModel, pack_fitted, unpack_fitted
from hemgs_codec.lattice import fit_lattice, index_for_bits
from hemgs_codec.location import morton_sort
from hemgs_codec.model.units import step_table
from hemgs_codec.scene import GaussianScene
from hemgs_codec.sections import KNOWN, RUN_IDS
from hemgs_format.container import read_container
from hemgs_format.errors import CorruptError
from tests.small import crop, encode_with, random_fitted
from tests.strategies import random_scene

Float64Array = npt.NDArray[np.float64]
DEVICES = (
    "cpu",
    "torch:cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
)


@pytest.fixture(scope="module")
def scene(chair: GaussianScene) -> GaussianScene:
    return crop(chair, 40, sh_degree=2)


def in_file_order(scene: GaussianScene, lattice_index: int) -> Float64Array:
    """Attributes (N, C) in the order in which they are decoded."""
    coords = fit_lattice(scene.means, lattice_index).quantise(scene.means)
    return profile.attributes_from_scene(scene)[morton_sort(coords)]


def check_round_trip(scene: GaussianScene, fitted: FittedModel, lattice_index: int = 60) -> GaussianScene:
    """Code without rate-distortion choices; what comes back is within half a step of what went in."""
    lattice = fit_lattice(scene.means, lattice_index)
    data, coder = encode_fitted(gaussian_channels(scene), None, fitted, lattice, 2e-3)
    decoded = decode_gaussians(data, threads=1)
    assert decoded.num_gaussians == scene.num_gaussians
    assert decoded.sh_degree == scene.sh_degree
    symbols = decode_symbols(data)
    cell = lattice.step * lattice.unit
    size = np.empty((scene.num_gaussians, 1))
    size[symbols.sequence, 0] = cell * 0.5**symbols.walked.halvings
    moved = decoded.means.astype(np.float64) - scene.means[morton_sort(lattice.quantise(scene.means))]
    assert (np.abs(moved) <= 0.5 * size * (1 + 1e-6) + 1e-6).all()

    scales = fitted.scaling.channel_scales(fitted.model.spec.groups)
    values = np.empty(symbols.walked.values.shape)
    values[symbols.sequence] = symbols.walked.values * 2.0**-16
    largest_step = step_table()[-1] / 65536
    centred = in_file_order(scene, lattice_index) - fitted.scaling.channel_offsets(fitted.model.spec.groups)
    float32 = 1e-6 * (1 + np.abs(centred))  # offsets are float32
    assert (np.abs(values * scales - centred) <= (largest_step / 2 + 1e-9) * scales + float32).all()
    # and no more than half of its own step, as far as its symbol tells the step
    is_coded = symbols.walked.symbols != 0
    own_step = symbols.walked.values[is_coded] / symbols.walked.symbols[is_coded] * 2.0**-16
    wanted = (centred / np.where(scales > 0, scales, 1))[symbols.sequence][is_coded]
    assert (np.abs(symbols.walked.values[is_coded] * 2.0**-16 - wanted) <= own_step / 2 + 1e-9).all()
    assert coder.bits[scales == 0].sum() == 0
    return decoded


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_scenes_of_every_sh_degree_come_back(degree: int, order: Order, chair: GaussianScene) -> None:
    scene = crop(chair, 30, sh_degree=degree)
    check_round_trip(scene, random_fitted(scene, order=order))


def test_the_decoder_holds_what_the_encoder_held(
    scene: GaussianScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Walked] = []

    def spy(*arguments: Any) -> Walked:
        held.append(walk(*arguments))
        return held[-1]

    monkeypatch.setattr(arrange, "walk", spy)
    data = encode_with(scene, random_fitted(scene))
    decoded = decode_symbols(data)
    np.testing.assert_array_equal(decoded.walked.symbols, held[0].symbols)
    np.testing.assert_array_equal(decoded.walked.values, held[0].values)


def attribute_bytes(data: bytes) -> int:
    sections = read_container(data, known=KNOWN).sections
    return sum(len(section.data) for section in sections if section.id in RUN_IDS)


def test_choices_by_rate_and_distortion_save_bits(chair: GaussianScene) -> None:
    scene = crop(chair, 200, sh_degree=1)
    fitted, lattice = random_fitted(scene), fit_lattice(scene.means, 60)
    rounded, _ = encode_fitted(gaussian_channels(scene), None, fitted, lattice, 2e-3)
    chosen = encode_with(scene, fitted, lattice_index=60)
    verify(chosen)
    assert attribute_bytes(chosen) < attribute_bytes(rounded)


@pytest.mark.parametrize("device", DEVICES)
def test_the_device_changes_nothing(device: str, tiny_file: bytes) -> None:
    scene, expected = decode_gaussians(tiny_file, device=device, threads=1), decode_gaussians(tiny_file)
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN"):
        assert getattr(scene, name).tobytes() == getattr(expected, name).tobytes()


def test_torch_encodes_the_same_bytes(scene: GaussianScene) -> None:
    channels, fitted = gaussian_channels(scene), random_fitted(scene)
    lattice = fit_lattice(scene.means, 60)
    files = {
        encode_fitted(channels, None, fitted, lattice, 2e-3, device=device)[0]
        for device in ("cpu", "torch:cpu")
    }
    assert len(files) == 1


def test_the_order_doesnt_change_positions_and_hardly_values(chair: GaussianScene) -> None:
    scene = crop(chair, 60, sh_degree=1)
    permuted = check_round_trip(scene, random_fitted(scene, order="permuted"))
    raster = check_round_trip(scene, random_fitted(scene, order="raster"))
    np.testing.assert_array_equal(permuted.means, raster.means)


@pytest.mark.parametrize(
    "options",
    [
        {"levels": ()},
        {"context": 0},
        {"use_earlier": False},
        {"levels": (), "context": 0, "use_earlier": False},
        {"context": 1},
        {"context": MAX_CONTEXT},
        {"window": 1},
        {"window": 255},
    ],
    ids=str,
)
@pytest.mark.parametrize("order", ORDERS)
def test_every_part_of_the_model_can_be_left_out(
    options: dict[str, Any], order: Order, scene: GaussianScene
) -> None:
    check_round_trip(scene, random_fitted(scene, order=order, **options))


@pytest.mark.parametrize("bits", [1, 2, 11, 21])
def test_positions_of_any_fineness_come_back(bits: int, scene: GaussianScene) -> None:
    decoded = check_round_trip(scene, random_fitted(scene), index_for_bits(bits))
    extent = float((scene.means - scene.means.min(axis=0)).max())
    order = morton_sort(fit_lattice(scene.means, index_for_bits(bits)).quantise(scene.means))
    assert np.abs(decoded.means - scene.means[order]).max() <= extent / 2**bits / 2 * 1.001 + 1e-6


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("context", [0, 3])
def test_a_single_gaussian_comes_back_exactly(order: Order, context: int, scene: GaussianScene) -> None:
    one = scene.take(np.array([3]))
    decoded = check_round_trip(one, random_fitted(one, order=order, context=context))
    np.testing.assert_array_equal(decoded.means, one.means)
    np.testing.assert_array_equal(decoded.opacity_logits, one.opacity_logits)
    np.testing.assert_allclose(decoded.sh0, one.sh0, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_few_far_gaussians_come_back(count: int, scene: GaussianScene) -> None:
    few = scene.take(np.arange(count))
    few.means[:] = np.arange(count, dtype=np.float32)[:, None]
    check_round_trip(few, random_fitted(few))


def test_duplicates_are_kept_with_attributes_of_their_own(scene: GaussianScene) -> None:
    heap = scene.take(np.repeat(np.arange(10), 3))
    heap.opacity_logits[:] = np.arange(30, dtype=np.float32)
    fitted = random_fitted(heap)
    decoded = check_round_trip(heap, fitted)
    assert len(np.unique(decode_symbols(encode_with(heap, fitted)).coords, axis=0)) == 10
    assert len(np.unique(decoded.opacity_logits)) > 3


@pytest.mark.parametrize("order", ORDERS)
def test_equal_positions_come_back(order: Order, scene: GaussianScene) -> None:
    heap = replace(scene, means=np.full_like(scene.means, 1.25))
    decoded = check_round_trip(heap, random_fitted(heap, order=order))
    assert (decoded.means == 1.25).all()


def test_constant_channels_are_flagged_and_exact(scene: GaussianScene) -> None:
    flat = replace(
        scene,
        opacity_logits=np.full_like(scene.opacity_logits, 0.3),
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (40, 1)),
        shN=np.zeros_like(scene.shN),
    )
    fitted = random_fitted(flat)
    decoded = check_round_trip(flat, fitted)
    assert (decoded.opacity_logits == np.float32(0.3)).all()
    assert not decoded.shN.any()
    assert len(encode_with(flat, fitted)) < len(encode_with(scene, random_fitted(scene)))


@pytest.mark.parametrize(
    ("factor", "shift"), [(1e30, 0), (1e-30, 0), (1e-42, 0), (1e23, 1e30), (1e-6, 1), (0, 7)]
)
def test_scenes_of_any_size_and_place_come_back(factor: float, shift: float, scene: GaussianScene) -> None:
    means = (scene.means.astype(np.float64) * factor + shift).astype(np.float32)
    moved = replace(scene, means=means)
    check_round_trip(moved, random_fitted(moved))


@pytest.mark.parametrize("seed", range(8))
def test_random_scenes_come_back(seed: int) -> None:
    scene = random_scene(1 + 3 * seed, sh_degree=seed % 3, seed=seed)
    check_round_trip(scene, random_fitted(scene, order=ORDERS[seed % 2], context=seed % 5, seed=seed))


def test_a_fit_comes_back_from_its_bytes(scene: GaussianScene) -> None:
    fitted = random_fitted(scene)
    again, key = unpack_fitted(pack_fitted(fitted, b"key"))
    assert key == b"key"
    assert encode_with(scene, again) == encode_with(scene, fitted)


def test_a_damaged_fit_is_refused_if_named_and_ignored_in_the_cache(
    scene: GaussianScene, tmp_path: Any
) -> None:
    path = tmp_path / "a.fit"
    store_fit(path, random_fitted(scene), b"key")
    assert load_fit(path, b"key", explicit=True) is not None
    assert load_fit(path, b"other", explicit=False) is None
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    assert load_fit(path, b"key", explicit=False) is None
    with pytest.raises(CorruptError):
        load_fit(path, b"key", explicit=True)
    assert load_fit(tmp_path / "none.fit", b"key", explicit=True) is None
