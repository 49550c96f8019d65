from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec.render import View, render
from hemgs_codec.render.removal import remove_each
from tests.views import cloud, look_at

BACKGROUND = (0.2, 0.7, 0.4)


def test_removal_costs_are_those_of_rendering_without_each_gaussian() -> None:
    scene, camera = cloud(60, 3), look_at((2.0, 1.0, 0.7))
    reference = np.random.default_rng(0).random((camera.height, camera.width, 3)).astype(np.float32)
    image, removal = remove_each(scene, camera, BACKGROUND, reference)
    assert np.array_equal(image, render(scene, camera, BACKGROUND)[0])
    error = (image - reference).astype(np.float64)
    for i in range(scene.num_gaussians):
        rest = np.delete(np.arange(scene.num_gaussians), i)
        change = render(scene.take(rest), camera, BACKGROUND)[0].astype(np.float64) - image
        assert removal.squares[i] == pytest.approx((change**2).sum(), rel=1e-3, abs=1e-5)
        assert removal.along[i] == pytest.approx((change * error).sum(), rel=1e-3, abs=1e-4)
        assert removal.changes[i] == pytest.approx(change.sum(axis=(0, 1)), rel=1e-3, abs=1e-3)


def test_weights_are_those_of_the_backward_pass() -> None:
    scene, camera = cloud(40, 5, sh_degree=0), look_at((2.0, -1.0, 0.5))
    _, removal = remove_each(scene, camera)
    view = View(scene, camera)
    by_sh0 = view.gradients(np.ones_like(view.image)).sh0 / 0.28209479177387814
    shown = (0.5 + 0.28209479177387814 * scene.sh0 > 0) & (removal.weights[:, None] > 0)
    assert by_sh0[shown] == pytest.approx(np.broadcast_to(removal.weights[:, None], (40, 3))[shown], rel=1e-4)
    assert (removal.weights <= removal.alphas * (1 + 1e-5)).all()
