"""`encode` as a whole: fits, their cache, options, rates."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemgs_codec import encode, profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.coding.model_fields import MAX_CONTEXT
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.decoder import decode_gaussians, decode_symbols
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fit import fit_model
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.setting import choose_lattice
from hemgs_codec.fit.train import LAMBDAS as FITTED_LAMBDAS
from hemgs_codec.inspect import describe
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import HgsError, SceneError
from tests.small import crop
from tests.strategies import random_scene

Stages = set[str]


@pytest.fixture
def scene(chair: GaussianScene) -> GaussianScene:
    return crop(chair, 60, sh_degree=1)


def quick(scene: GaussianScene, **options: Any) -> bytes:
    return encode(scene, **{"iterations": 3, "threads": 1, "cache": False, "weights": "analytic", **options})


def stages_of(call: Callable[..., bytes]) -> tuple[bytes, Stages]:
    """Return what a call of `encode` returns and which stages it went through."""
    stages: Stages = set()

    def listen(stage: str, done: int, total: int) -> None:
        assert 0 < done <= total
        stages.add(stage)

    return call(progress=listen), stages


def test_a_fitted_file_is_smaller_than_its_floats_and_near_them(
    tiny_scene: GaussianScene, tiny_file: bytes
) -> None:
    decoded = decode_gaussians(tiny_file)
    assert len(tiny_file) < tiny_scene.num_gaussians * 59 * 4 / 8
    extent = (tiny_scene.means.max(axis=0) - tiny_scene.means.min(axis=0)).max()
    distance = np.linalg.norm(decoded.means[:, None] - tiny_scene.means[None], axis=2)
    nearest = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 0.02 * extent
    assert np.abs(decoded.sh0 - tiny_scene.sh0[nearest]).mean() < 0.3
    assert np.abs(decoded.opacity_logits - tiny_scene.opacity_logits[nearest]).mean() < 1


def test_the_same_call_gives_the_same_bytes(scene: GaussianScene) -> None:
    assert quick(scene) == quick(scene)


def test_another_seed_gives_another_fit(scene: GaussianScene) -> None:
    assert quick(scene, seed=1, prior=None) != quick(scene, prior=None)


def test_a_second_lambda_is_one_coding_pass(scene: GaussianScene) -> None:
    first, stages = stages_of(lambda **k: quick(scene, seed=5, cache=True, **k))
    assert stages == {"fit", "encode", "decode"}
    coarse, stages = stages_of(lambda **k: quick(scene, seed=5, cache=True, lambda_=8e-3, **k))
    assert stages == {"encode", "decode"}
    assert len(coarse) < len(first)
    again, stages = stages_of(lambda **k: quick(scene, seed=5, cache=True, verify=False, **k))
    assert stages == {"encode"}
    assert again == first


def test_a_cached_fit_gives_the_bytes_of_a_new_one(scene: GaussianScene) -> None:
    assert quick(scene, seed=6, cache=True) == quick(scene, seed=6, cache=True) == quick(scene, seed=6)


def test_without_the_cache_every_call_fits(scene: GaussianScene) -> None:
    for _ in range(2):
        assert "fit" in stages_of(lambda **k: quick(scene, **k))[1]


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 8},
        {"iterations": 4},
        {"order": "raster"},
        {"context": 3},
        {"window": 9},
        {"position_bits": 9},
    ],
)
def test_the_cache_knows_every_option_of_the_fit(other: dict[str, Any], scene: GaussianScene) -> None:
    quick(scene, seed=7, cache=True)
    assert "fit" in stages_of(lambda **k: quick(scene, **{"seed": 7, **other}, cache=True, **k))[1]


def test_a_model_file_is_kept_reused_and_refused_for_another_scene(
    scene: GaussianScene, tmp_path: Path
) -> None:
    model = tmp_path / "fit.bin"
    first, stages = stages_of(lambda **k: quick(scene, model=model, **k))
    assert "fit" in stages
    kept = model.read_bytes()
    again, stages = stages_of(lambda **k: quick(scene, model=model, **k))
    assert "fit" not in stages
    assert again == first
    other = replace(scene, opacity_logits=scene.opacity_logits + np.float32(0.5))
    with pytest.raises(SceneError, match="another scene or of other options"):
        quick(other, model=model)
    with pytest.raises(SceneError, match="another scene or of other options"):
        quick(scene, model=model, seed=1)
    model.write_bytes(kept[:-1])
    with pytest.raises(HgsError):
        quick(scene, model=model)
    assert list(tmp_path.iterdir()) == [model]


SIXTEEN = [3e-4 * 2 ** (k / 4) for k in range(16)]
"""Lambdas a quarter octave apart."""


def sizes_of(scene: GaussianScene, iterations: int, lambdas: list[float]) -> list[int]:
    """Bytes at these λs, all from one fit."""
    channels = gaussian_channels(scene)
    weights = analytic_weights(channels.attributes)
    fitted = fit_model(channels, weights, EncodeOptions(iterations=iterations))
    sizes = []
    for lambda_ in lambdas:
        lattice = choose_lattice(channels, weights, lambda_, None)
        sizes.append(len(encode_fitted(channels, weights, fitted, lattice, lambda_)[0]))
    return sizes


def test_size_falls_strictly_over_16_lambdas_a_quarter_octave_apart(chair: GaussianScene) -> None:
    sizes = sizes_of(crop(chair, 600), 60, SIXTEEN)
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] < 0.7 * sizes[0]


def test_size_goes_on_growing_at_lambdas_below_those_that_a_fit_sees(chair: GaussianScene) -> None:
    sizes = sizes_of(crop(chair, 600), 60, [LAMBDA_MIN, 1e-6, 1e-5, 6.4e-5, min(FITTED_LAMBDAS)])
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] < 0.7 * sizes[0]


@pytest.mark.slow
def test_size_falls_strictly_for_a_whole_scene(chair: GaussianScene) -> None:
    sizes = sizes_of(chair, 400, SIXTEEN)
    assert sizes == sorted(set(sizes), reverse=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambda_": LAMBDA_MIN * 0.99}, "lambda 9.9e-08 is out of range: expected 1e-07 .. 0.016"),
        ({"lambda_": LAMBDA_MAX * 1.01}, "lambda"),
        ({"lambda_": float("nan")}, "lambda"),
        ({"order": "spiral"}, "order 'spiral' is unknown"),
        ({"context": -1}, "context"),
        ({"context": MAX_CONTEXT + 1}, "context"),
        ({"window": 24}, "window 24 is out of range: expected an odd number"),
        ({"window": 257}, "window"),
        ({"position_bits": 0}, "position bits"),
        ({"position_bits": 22}, "position bits"),
        ({"iterations": 0}, "iterations"),
        ({"weights": "guessed"}, "weights 'guessed' are unknown"),
        ({"weights": Weights(np.ones((3, 3)), np.ones(3))}, "values of weights"),
        ({"device": "nonsense"}, "device 'nonsense' can't be used"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, Any], message: str, scene: GaussianScene
) -> None:
    with pytest.raises(SceneError, match=message):
        quick(scene, **options)


@pytest.mark.parametrize("lambda_", [LAMBDA_MIN, LAMBDA_MAX])
def test_the_ends_of_the_range_are_in_it(lambda_: float, scene: GaussianScene) -> None:
    description = describe(quick(scene, lambda_=lambda_))
    assert description["lambda"] == pytest.approx(lambda_, rel=0.002)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("means", np.nan, "means isn't finite"),
        ("means", 1e37, "means is beyond"),
        ("opacity_logits", np.inf, "opacity_logits isn't finite"),
        ("log_scales", -1e7, "log_scales is beyond"),
        ("sh0", 3e38, "sh0 is beyond"),
        ("quats", 0.0, "quaternion of row 0 is zero"),
    ],
)
def test_scenes_that_no_one_trained_are_refused(
    name: str, value: float, message: str, scene: GaussianScene
) -> None:
    array = getattr(scene, name).copy()
    array[0] = value
    with pytest.raises(SceneError, match=message):
        quick(replace(scene, **{name: array}))


@pytest.mark.parametrize("name", ["log_scales", "opacity_logits", "sh0", "shN"])
@pytest.mark.parametrize("value", [-1e6, 1e6])
def test_outliers_within_the_limits_are_coded(name: str, value: float, scene: GaussianScene) -> None:
    array = getattr(scene, name).copy()
    array.reshape(60, -1)[5, 0] = value
    scene = replace(scene, **{name: array})
    if name == "opacity_logits" and value > 0:  # nothing to see between 10 and a million
        # half a step of companded opacity, whichever the step: with the default one that is 7 and more
        assert decode_gaussians(quick(scene, lambda_=5e-4)).opacity_logits.max() > 10
        near = profile.compress_opacity(decode_gaussians(quick(scene)).opacity_logits.astype(np.float64))
        assert abs(near.max() - profile.OPACITY_KNEE) < 0.2
    else:
        decoded = decode_gaussians(quick(scene))
        assert np.abs(getattr(decoded, name)).max() == pytest.approx(1e6, rel=0.3)


def test_weights_are_replaceable(scene: GaussianScene) -> None:
    attributes = profile.attributes_from_scene(scene)
    weights = analytic_weights(attributes)
    assert quick(scene, weights=weights) == quick(scene)
    assert quick(scene, weights=replace(weights, values=weights.values * 100)) != quick(scene)
    assert quick(scene, weights=replace(weights, positions=weights.positions * 100)) != quick(scene)
    ignored = weights.values.copy()
    ignored[:, profile.DC_CHANNELS.start :] = 1e-9
    assert decode_gaussians(quick(scene, weights=replace(weights, values=ignored))).num_gaussians == 60


def test_a_raster_file_is_another_with_the_same_positions(tiny_file: bytes, raster_file: bytes) -> None:
    permuted, raster = decode_symbols(tiny_file), decode_symbols(raster_file)
    np.testing.assert_array_equal(permuted.coords, raster.coords)
    assert permuted.fields.geometry.order == "permuted"
    assert raster.fields.geometry.order == "raster"


def test_options_are_in_the_file(scene: GaussianScene) -> None:
    fields = decode_symbols(quick(scene, context=7, window=9, position_bits=12, lambda_=4e-3)).fields
    assert (fields.geometry.context, fields.geometry.window) == (7, 9)
    assert fields.spec.use_context
    assert fields.lattice.index == 8 * (21 - 12)
    assert not decode_symbols(quick(scene, context=0)).fields.spec.use_context


@pytest.mark.parametrize("switch", ["use_hash", "use_context", "use_earlier", "use_adaptation"])
def test_models_without_a_part_code_scenes(switch: str, chair: GaussianScene) -> None:
    scene = gaussian_channels(crop(chair, 700, sh_degree=0))
    weights = analytic_weights(scene.attributes)
    options = EncodeOptions(iterations=2, **{switch: False})  # type: ignore[arg-type]
    fitted = fit_model(scene, weights, options)
    assert bool(fitted.model.spec.levels) == (switch != "use_hash")
    assert fitted.model.spec.use_context == (switch != "use_context")
    assert fitted.model.spec.use_earlier == (switch != "use_earlier")
    assert fitted.model.spec.use_adaptation == (switch != "use_adaptation")
    lattice = choose_lattice(scene, weights, 2e-3, None)
    data, _ = encode_fitted(scene, weights, fitted, lattice, 2e-3)
    assert decode_gaussians(data).num_gaussians == 700


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_scenes_of_a_few_gaussians_can_be_fitted(count: int) -> None:
    assert decode_gaussians(quick(random_scene(count, sh_degree=1))).num_gaussians == count


def test_a_file_that_doesnt_decode_is_never_returned(
    scene: GaussianScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hemgs_codec.coding_pass.symbols_digest", lambda *_: bytes(32))
    with pytest.raises(HgsError, match="the file just encoded doesn't decode"):
        quick(scene)
    quick(scene, verify=False)


def test_an_interrupted_fit_leaves_nothing_in_the_cache(
    scene: GaussianScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMGS_CACHE", str(tmp_path))

    def interrupt(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        quick(scene, cache=True, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cant_be_written_to_costs_a_warning_only(
    scene: GaussianScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HEMGS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="the fit isn't kept"):
        data = quick(scene, cache=True)
    assert data == quick(scene)
    with pytest.raises(OSError, match="file"):
        quick(scene, model=tmp_path / "file" / "fit.bin")


def test_the_sections_of_a_file_sum_to_it(tiny_file: bytes) -> None:
    description = describe(tiny_file)
    assert sum(section["bytes"] for section in description["sections"]) == len(tiny_file)
    assert description["bits_per_gaussian"] == 8 * len(tiny_file) / 350
    assert description["num_gaussians"] == 350
    assert len(description["symbols_sha256"]) == 64
    names = [section["name"] for section in description["sections"]]
    assert names[:3] == ["header", "section table", "metadata"]
    assert names[-4:] == ["base", "sh1", "sh2", "sh3"]
