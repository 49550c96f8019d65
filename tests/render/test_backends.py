"""Which backend renders, and that both give the same."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from hemgs_codec.render import render
from hemgs_codec.render.autograd import render_coloured_tensors, render_tensors
from hemgs_codec.render.backends import Backend, choose_backend
from hemgs_format.errors import SceneError
from tests.render.plain import FIELDS
from tests.views import cloud, look_at

BOTH: tuple[Backend, ...] = ("cpu", "cuda")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="torch finds a CUDA device")


@without_gpu
def test_asking_for_a_gpu_where_there_is_none_says_so() -> None:
    with pytest.raises(SceneError, match="can't be used"):
        render(cloud(5, 0), look_at((2.0, 1.0, 0.5)), backend="cuda")


def test_no_other_backend_is_known() -> None:
    with pytest.raises(SceneError, match="'metal' is unknown"):
        choose_backend("metal")  # type: ignore[arg-type]


@without_gpu
def test_auto_is_the_cpu_without_a_gpu() -> None:
    scene, camera = cloud(40, 1), look_at((2.0, 1.0, 0.5))
    assert choose_backend("auto") == "cpu"
    np.testing.assert_array_equal(render(scene, camera)[0], render(scene, camera, backend="cpu")[0])


def test_importing_the_renderer_imports_neither_torch_nor_gsplat() -> None:
    code = "import sys, hemgs_codec.render; sys.exit(bool({'torch', 'gsplat'} & set(sys.modules)))"
    search = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=search, check=False).returncode == 0


@pytest.mark.parametrize("name", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_no_gaussian_at_all_leaves_the_background(name: Backend) -> None:
    camera = look_at((3.0, 0.5, 0.4))
    means = torch.zeros((0, 3), requires_grad=True)
    others = (torch.zeros((0, 3)), torch.zeros((0, 4)), torch.zeros(0), torch.zeros((0, 3)))
    image, alpha = render_coloured_tensors(means, *others, camera, (0.2, 0.5, 0.9), backend=name)
    image.sum().backward()  # type: ignore[no-untyped-call]
    np.testing.assert_allclose(image.detach()[0, 0], (0.2, 0.5, 0.9), rtol=1e-6)
    assert not alpha.any()


@needs_gpu
@pytest.mark.parametrize("sh_degree", [0, 3])
def test_both_backends_give_the_same_image(sh_degree: int) -> None:
    pytest.importorskip("gsplat")
    scene, camera = cloud(300, 4, sh_degree=sh_degree), look_at((3.0, 0.5, 0.4))
    images = [render(scene, camera, (0.2, 0.5, 0.9), backend=name) for name in BOTH]
    for found, expected in zip(*images, strict=True):
        assert (np.abs(found - expected) <= 1e-3).mean() >= 0.999


@needs_gpu
def test_both_backends_give_the_same_gradients() -> None:
    pytest.importorskip("gsplat")
    scene, camera = cloud(300, 4), look_at((3.0, 0.5, 0.4))
    weights = torch.from_numpy(np.random.default_rng(0).standard_normal((camera.height, camera.width, 3)))
    gradients = []
    for name in BOTH:
        leaves: dict[str, Any] = {
            field: torch.from_numpy(getattr(scene, field)).clone().requires_grad_() for field in FIELDS
        }
        image, _ = render_tensors(**leaves, camera=camera, backend=name)
        (image * weights).sum().backward()  # type: ignore[no-untyped-call]
        gradients.append([leaf.grad for leaf in leaves.values()])
    for ours, theirs in zip(*gradients, strict=True):
        assert ours is not None
        assert theirs is not None
        assert float((ours - theirs).abs().mean()) < 1e-2 * float(theirs.abs().mean())
