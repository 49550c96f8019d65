"""Projection and colours against gsplat's own reference functions (torch, no GPU needed)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from hemgs_codec.render import Camera
from hemgs_codec.render.colour import colours_from
from hemgs_codec.render.projection import opacities_of, project
from tests.views import cloud, look_at


@pytest.fixture(scope="module")
def reference() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gsplat's dependencies warn of what isn't ours
        return pytest.importorskip("gsplat.cuda._torch_impl", reason="gsplat isn't installed")


def intrinsics(camera: Camera) -> torch.Tensor:
    matrix = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    return torch.tensor(matrix, dtype=torch.float64)


@pytest.mark.parametrize("eye", [(3.0, 0.5, 0.4), (0.3, 0.2, 0.1)])
def test_ellipses_are_those_of_gsplat(eye: tuple[float, float, float], reference: Any) -> None:
    scene, camera = cloud(400, 21), look_at(eye)
    covariances, _ = reference._quat_scale_to_covar_preci(
        torch.from_numpy(scene.quats).double(), torch.from_numpy(scene.log_scales).double().exp(), True, False
    )
    _, centres, depths, conics, _ = reference._fully_fused_projection(
        torch.from_numpy(scene.means).double(),
        covariances,
        torch.from_numpy(camera.world_to_camera)[None],
        intrinsics(camera)[None],
        camera.width,
        camera.height,
    )
    found = project(scene, opacities_of(scene), camera)
    drawn = found.depths > 0
    assert drawn.sum() > 50
    np.testing.assert_allclose(found.centres[drawn], centres[0].numpy()[drawn], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.depths[drawn], depths[0].numpy()[drawn], rtol=1e-5)
    np.testing.assert_allclose(found.conics[drawn], conics[0].numpy()[drawn], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sh_degree", [0, 1, 2, 3])
def test_colours_are_those_of_gsplat(sh_degree: int, reference: Any) -> None:
    scene, camera = cloud(400, 22, sh_degree=sh_degree), look_at((1.5, 0.5, 0.4))
    coefficients = torch.from_numpy(np.concatenate([scene.sh0[:, None], scene.shN], axis=1)).double()
    directions = torch.from_numpy(scene.means - camera.position)
    expected = (reference._spherical_harmonics(sh_degree, directions, coefficients) + 0.5).clamp(min=0)
    np.testing.assert_allclose(colours_from(scene, camera.position), expected.numpy(), atol=1e-5)
