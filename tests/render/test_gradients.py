"""The renderer's gradients, against those of a plain compositor by automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hemgs_codec.render import View
from tests.render.plain import FIELDS, plain_render, tensors_of
from tests.views import cloud, look_at

BACKGROUND = (0.3, 0.1, 0.6)


@pytest.mark.parametrize("eye", [(2.5, 0.7, 0.4), (0.3, 0.2, 0.1)])
@pytest.mark.parametrize("sh_degree", [0, 3])
def test_gradients_are_those_of_a_plain_compositor(eye: tuple[float, float, float], sh_degree: int) -> None:
    rng = np.random.default_rng(3)
    camera = look_at(eye, width=48, height=40)
    scene = cloud(150, 11, sh_degree=sh_degree)
    by_image = rng.standard_normal((40, 48, 3)).astype(np.float32)
    by_alpha = rng.standard_normal((40, 48)).astype(np.float32)
    found = View(scene, camera, BACKGROUND).gradients(by_image, by_alpha)
    leaves = tensors_of(scene)
    image, alpha = plain_render(leaves, camera, BACKGROUND)
    loss = (image * torch.from_numpy(by_image)).sum() + (alpha * torch.from_numpy(by_alpha)).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for name in FIELDS:
        if getattr(scene, name).size:
            expected = leaves[name].grad
            assert expected is not None
            size = float(expected.abs().max())
            assert size > 0.1
            off = np.abs(getattr(found, name) - expected.numpy())
            assert (off < 1e-3 * size).mean() > 0.98, name
            assert off.max() < 0.05 * size, name


def test_a_gaussian_out_of_sight_has_no_gradient() -> None:
    camera, scene = look_at((2.0, 1.0, 0.5)), cloud(20, 12)
    scene.means[4] = 40 * np.array([2.0, 1.0, 0.5], np.float32)
    gradients = View(scene, camera).gradients(np.ones((camera.height, camera.width, 3), np.float32))
    for name in FIELDS:
        assert not getattr(gradients, name)[4].any()
        assert np.isfinite(getattr(gradients, name)).all()


def test_gradients_do_not_depend_on_threads() -> None:
    from hemgs_codec.threads import use_threads

    camera, scene = look_at((2.0, 1.0, 0.5), width=100, height=90), cloud(400, 13)
    by_image = np.random.default_rng(1).standard_normal((90, 100, 3)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with use_threads(threads):
            results.append(View(scene, camera).gradients(by_image))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))
