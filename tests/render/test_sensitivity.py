"""Sensitivities, against squared derivatives taken one by one, and against random projections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec.render import Camera, View
from hemgs_codec.render.sensitivity import accumulate_sensitivities
from hemgs_codec.scene import GaussianScene
from tests.render.plain import FIELDS, plain_render, tensors_of
from tests.views import cloud, look_at

BACKGROUND = (0.3, 0.1, 0.6)
Array = npt.NDArray[np.float64]


def derivatives(scene: GaussianScene, camera: Camera, name: str) -> Array:
    """Return a plain compositor's image by an array, by finite differences: (the array's shape, pixels)."""
    leaves = {key: value.detach() for key, value in tensors_of(scene).items()}
    flat, step = leaves[name].view(-1), 1e-6
    columns = []
    for k in range(len(flat)):
        images = []
        for sign in (1, -1):
            flat[k] += sign * step
            images.append(plain_render(leaves, camera, BACKGROUND)[0].numpy().ravel())
            flat[k] -= sign * step
        columns.append((images[0] - images[1]) / (2 * step))
    return np.array(columns).reshape(*leaves[name].shape, -1)


@pytest.mark.parametrize("eye", [(2.5, 0.7, 0.4), (0.3, 0.2, 0.1)])
@pytest.mark.parametrize("sh_degree", [0, 2])
def test_sensitivities_are_sums_of_squared_derivatives(
    eye: tuple[float, float, float], sh_degree: int
) -> None:
    scene, camera = cloud(8, 3, sh_degree=sh_degree), look_at(eye, width=33, height=20, focal=26.0)
    scene.opacity_logits[:] = scene.opacity_logits.clip(max=2)
    found = accumulate_sensitivities(scene, [camera, camera], BACKGROUND)
    assert found.num_pixels == 2 * 33 * 20
    for name in FIELDS:
        if getattr(scene, name).size and (name != "means" or sh_degree == 0):
            expected = 2 * (derivatives(scene, camera, name) ** 2).sum(axis=-1)
            assert expected.max() > 0.1
            np.testing.assert_allclose(getattr(found, name), expected, rtol=5e-3, atol=5e-4 * expected.max())
    if sh_degree == 0:
        means = derivatives(scene, camera, "means")
        products = 2 * np.einsum("nip,njp->nij", means, means)
        first, second = np.triu_indices(3)
        size = np.trace(products, axis1=1, axis2=2)[:, None]
        off = np.abs(found.mean_products - products[:, first, second])
        assert (off <= 5e-3 * size + 5e-4 * size.max()).all()
        np.testing.assert_allclose(found.mean_products[:, [0, 3, 5]], found.means, rtol=1e-9)


def test_sensitivities_are_what_random_projections_expect() -> None:
    rng = np.random.default_rng(5)
    scene, camera = cloud(250, 9, sh_degree=0), look_at((2.0, 1.0, 0.5))
    found = accumulate_sensitivities(scene, [camera], BACKGROUND)
    view, rounds = View(scene, camera, BACKGROUND), 200
    sums = {name: np.zeros(getattr(scene, name).shape) for name in FIELDS}
    for _ in range(rounds):
        signs = rng.choice(np.array([-1, 1], np.float32), view.image.shape)
        gradients = view.gradients(signs)
        for name in FIELDS:
            sums[name] += getattr(gradients, name) ** 2
    for name in FIELDS[:-1]:
        expected = getattr(found, name)
        counted = expected > 1e-3 * expected.max()
        ratio = (sums[name] / rounds)[counted] / expected[counted]
        assert abs(float(np.median(ratio)) - 1) < 0.05, (
            name
        )  # (Jᵀz)² of one parameter spreads by √2 of its mean
        assert abs(float(ratio.mean()) - 1) < 0.05, name
        assert ratio.max() < 2.5
        assert ratio.min() > 0.4


def test_a_long_thin_gaussian_keeps_its_digits() -> None:
    scene, camera = cloud(1, 1, sh_degree=0), look_at((2.5, 0.7, 0.4), width=64, height=64)
    scene.means[:], scene.opacity_logits[:] = 0.0, 1.0
    scene.log_scales[:] = np.log([3.0, 0.001, 0.001])
    found = accumulate_sensitivities(scene, [camera], BACKGROUND)
    for name in ("means", "log_scales", "quats", "opacity_logits"):
        expected = (derivatives(scene, camera, name) ** 2).sum(axis=-1)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=2e-2, atol=1e-3 * expected.max())


def test_sensitivities_do_not_depend_on_threads() -> None:
    from hemgs_codec.threads import use_threads

    camera, scene = look_at((2.0, 1.0, 0.5), width=100, height=90), cloud(400, 13)
    results = []
    for threads in (1, 2):
        with use_threads(threads):
            results.append(accumulate_sensitivities(scene, [camera]))
    for name in (*FIELDS, "mean_products"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))


@pytest.mark.parametrize("value", [-1e6, 1e6])
@pytest.mark.parametrize("name", ["means", "log_scales", "opacity_logits", "sh0"])
def test_outliers_do_not_spoil_the_sensitivities_of_others(name: str, value: float) -> None:
    scene, camera = cloud(100, 8), look_at((2.0, 1.0, 0.5))
    getattr(scene, name).reshape(100, -1)[3, 0] = value
    found = accumulate_sensitivities(scene, [camera])
    others = np.arange(100) != 3
    for field in FIELDS:
        assert np.isfinite(getattr(found, field)[others]).all()
