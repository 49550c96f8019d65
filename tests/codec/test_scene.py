from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hemgs_codec.scene import SH_REST_COUNTS
from hemgs_format.errors import SceneError
from tests.strategies import random_scene


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_sh_degree_follows_from_the_number_of_coefficients(degree: int) -> None:
    scene = random_scene(5, sh_degree=degree)
    assert scene.sh_degree == degree
    assert scene.num_gaussians == 5
    assert scene.shN.shape == (5, SH_REST_COUNTS[degree], 3)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("means", (5, 2)),
        ("means", ()),
        ("log_scales", (4, 3)),
        ("quats", (5, 3)),
        ("opacity_logits", (5, 1)),
        ("sh0", (5, 1, 3)),
        ("shN", (5, 4, 3)),
        ("shN", (5, 24, 3)),
        ("shN", (5, 45)),
    ],
)
def test_wrong_shape_is_refused_by_name(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(SceneError, match="shape"):
        replace(random_scene(5), **{name: np.zeros(shape, np.float32)})


def test_other_dtypes_are_refused_not_converted() -> None:
    wrong: Any = np.zeros((5, 3))
    with pytest.raises(SceneError, match="means has dtype float64, expected float32"):
        replace(random_scene(5), means=wrong)


def test_lists_are_refused() -> None:
    wrong: Any = [[0.0, 0.0, 0.0]]
    with pytest.raises(SceneError, match="means is a list"):
        replace(random_scene(1), means=wrong)


def test_strided_arrays_are_refused() -> None:
    with pytest.raises(SceneError, match="quats isn't C-contiguous"):
        replace(random_scene(5), quats=np.zeros((4, 5), np.float32).T)


def test_a_scene_without_gaussians_is_refused() -> None:
    with pytest.raises(SceneError, match="no Gaussians"):
        random_scene(0)


@pytest.mark.parametrize("name", ["means", "log_scales", "quats", "opacity_logits", "sh0", "shN"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_validate_names_the_array_and_row_of_a_value_that_is_not_finite(name: str, value: float) -> None:
    scene = random_scene(5)
    getattr(scene, name)[3] = value
    with pytest.raises(SceneError, match=f"{name} isn't finite in 1 of 5 Gaussians, first in row 3"):
        scene.validate()


def test_validate_refuses_a_zero_quaternion() -> None:
    scene = random_scene(5)
    scene.quats[2] = 0
    with pytest.raises(SceneError, match="row 2 is zero"):
        scene.validate()


def test_validate_accepts_any_finite_scene() -> None:
    random_scene(5).validate()


def test_take_keeps_rows_together() -> None:
    scene = random_scene(5)
    chosen = scene.take(np.array([4, 0]))
    assert chosen.num_gaussians == 2
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(scene, name)[[4, 0]])
