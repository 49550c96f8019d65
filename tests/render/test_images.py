"""The CPU renderer against a plain float64 compositor, and what a renderer must not get wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec.render import Camera, render
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.render.plain import plain_render, tensors_of
from tests.views import cloud, look_at

Array = npt.NDArray[np.float64]


def expected_of(
    scene: GaussianScene, camera: Camera, background: tuple[float, float, float]
) -> tuple[Array, Array]:
    image, alpha = plain_render(tensors_of(scene), camera, background)
    return image.detach().numpy(), alpha.detach().numpy()


def assert_alike(found: npt.NDArray[np.float32], expected: Array) -> None:
    """Compare: a pixel where one alpha is at the cut may differ by that."""
    error = np.abs(found - expected)
    assert (error <= 1e-4).mean() >= 0.999
    assert error.max() < 0.02


@pytest.mark.parametrize("eye", [(3.0, 0.5, 0.4), (-0.5, 2.0, 1.0), (0.3, 0.2, 0.1)])
@pytest.mark.parametrize("sh_degree", [0, 1, 3])
def test_images_are_those_of_a_plain_compositor(eye: tuple[float, float, float], sh_degree: int) -> None:
    scene, camera, background = cloud(300, 4, sh_degree=sh_degree), look_at(eye), (0.2, 0.5, 0.9)
    image, alpha = render(scene, camera, background)
    expected, expected_alpha = expected_of(scene, camera, background)
    assert expected_alpha.mean() > 0.3
    assert_alike(image, expected)
    assert_alike(alpha, expected_alpha)


def test_a_dense_scene_stops_where_a_plain_compositor_does() -> None:
    scene, camera = cloud(1500, 7, sh_degree=0), look_at((1.5, 0.2, 0.3))
    scene.opacity_logits[:] = 4
    expected, expected_alpha = expected_of(scene, camera, (0, 0, 0))
    image, alpha = render(scene, camera)
    assert (expected_alpha > 0.999).mean() > 0.2
    assert_alike(image, expected)
    assert_alike(alpha, expected_alpha)


def test_the_order_of_gaussians_does_not_matter() -> None:
    scene, camera = cloud(200, 5), look_at((2.0, 1.0, 0.5))
    image, _ = render(scene.take(np.random.default_rng(0).permutation(200)), camera)
    np.testing.assert_array_equal(image, render(scene, camera)[0])


def test_nothing_in_sight_is_background() -> None:
    scene, camera = cloud(50, 6), look_at((2.0, 1.0, 0.5))
    behind = replace(scene, means=scene.means + 40 * np.array([2.0, 1.0, 0.5], np.float32))
    image, alpha = render(behind, camera, (0.1, 0.2, 0.3))
    assert (image == np.array([0.1, 0.2, 0.3], np.float32)).all()
    assert (alpha == 0).all()


@pytest.mark.parametrize("value", [-1e6, 1e6])
@pytest.mark.parametrize("name", ["means", "log_scales", "opacity_logits", "sh0"])
def test_outliers_do_not_spoil_the_image(name: str, value: float) -> None:
    scene, camera = cloud(100, 8), look_at((2.0, 1.0, 0.5))
    getattr(scene, name).reshape(100, -1)[3, 0] = value
    image, alpha = render(scene, camera)
    assert np.isfinite(image).all()
    assert ((alpha >= 0) & (alpha <= 1)).all()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("width", 0, "pixels"),
        ("width", 1 << 27, "pixels"),
        ("fx", 0.0, "focal"),
        ("cy", np.nan, "focal"),
        ("world_to_camera", np.full((4, 4), np.inf), "finite"),
        ("world_to_camera", np.diag([1.0, 1.0, -1.0, 1.0]), "rotation"),
    ],
)
def test_what_is_no_camera_is_refused(key: str, value: object, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        replace(look_at((1.0, 1.0, 1.0)), **{key: value})  # type: ignore[arg-type]
