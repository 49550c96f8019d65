"""The renderer inside torch, against a plain float64 compositor and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hemgs_codec.render.autograd import render_coloured_tensors, render_tensors
from hemgs_codec.render.colour import colours_from
from tests.render.plain import FIELDS, plain_render, tensors_of
from tests.views import cloud, look_at

BACKGROUND = (0.3, 0.1, 0.6)
SHAPES = FIELDS[:4]


def anything(tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return tensors as arguments by name: a type checker can't see which there are."""
    return tensors


@pytest.mark.parametrize("sh_degree", [0, 2])
def test_images_and_gradients_are_those_of_a_plain_compositor(sh_degree: int) -> None:
    scene, camera = cloud(120, 6, sh_degree=sh_degree), look_at((2.5, 0.7, 0.4), width=48, height=40)
    rng = np.random.default_rng(1)
    by_image, by_alpha = torch.from_numpy(rng.random((40, 48, 3))), torch.from_numpy(rng.random((40, 48)))
    gradients = []
    for plain in (True, False):
        leaves = tensors_of(scene)
        if plain:
            image, alpha = plain_render(leaves, camera, BACKGROUND)
        else:
            leaves = {name: leaf.detach().float().requires_grad_() for name, leaf in leaves.items()}
            found = render_tensors(**anything(leaves), camera=camera, background=BACKGROUND, backend="cpu")
            for ours, theirs in zip(found, (image, alpha), strict=True):
                assert ((ours - theirs).abs() <= 1e-4).double().mean() >= 0.999
            image, alpha = found
        ((image * by_image).sum() + (alpha * by_alpha).sum()).backward()  # type: ignore[no-untyped-call]
        gradients.append([leaf.grad for leaf in leaves.values()])
    for expected, ours in zip(*gradients, strict=True):
        assert expected is not None
        assert ours is not None
        if expected.numel():
            off = (ours - expected).abs()
            assert (off < 1e-3 * expected.abs().max()).double().mean() > 0.98
            assert off.max() < 0.05 * expected.abs().max()


def test_plain_colours_blend_like_harmonics_that_give_them() -> None:
    scene, camera = cloud(80, 7), look_at((2.5, 0.7, 0.4))
    tensors = {name: torch.from_numpy(getattr(scene, name)) for name in FIELDS}
    colours = torch.from_numpy(colours_from(scene, camera.position))
    found = render_coloured_tensors(
        **anything({**{name: tensors[name] for name in SHAPES}, "colours": colours}),
        camera=camera,
        background=BACKGROUND,
    )
    expected = render_tensors(**anything(tensors), camera=camera, background=BACKGROUND)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", [*SHAPES, "colours"])
def test_gradients_are_finite_differences(name: str) -> None:
    scene, camera = cloud(3, 2, sh_degree=0), look_at((2.5, 0.7, 0.4), width=32, height=24, focal=26.0)
    scene.log_scales[:] = 0.7 + 0.1 * scene.log_scales  # no edge at the cut in sight: it has no gradient
    scene.opacity_logits[:] = 0.3
    values = {field: torch.from_numpy(getattr(scene, field)) for field in SHAPES}
    values["colours"] = torch.from_numpy(np.random.default_rng(0).random((3, 3)).astype(np.float32))
    weights = torch.from_numpy(np.random.default_rng(1).random((24, 32, 3)))

    def loss(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        image, alpha = render_coloured_tensors(
            **anything(tensors), camera=camera, background=BACKGROUND, backend="cpu"
        )
        return (image * weights).sum() + alpha.double().sum()

    leaf = values[name].clone().requires_grad_()
    loss({**values, name: leaf}).backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    expected = torch.zeros_like(leaf)
    step = 1e-2  # float32's noise forbids less
    for k in range(leaf.numel()):
        moved = [values[name].clone() for _ in range(2)]
        moved[0].view(-1)[k] += step
        moved[1].view(-1)[k] -= step
        difference = loss({**values, name: moved[0]}) - loss({**values, name: moved[1]})
        expected.view(-1)[k] = difference / (2 * step)
    assert ((leaf.grad - expected).abs() < 0.01 * expected.abs().max()).all()


def test_only_what_asks_for_gradients_gets_them() -> None:
    scene, camera = cloud(20, 3), look_at((2.5, 0.7, 0.4))
    tensors = {name: torch.from_numpy(getattr(scene, name)).double() for name in FIELDS}
    tensors["sh0"].requires_grad_()
    image, alpha = render_tensors(**anything(tensors), camera=camera)
    image.sum().backward()  # type: ignore[no-untyped-call]
    assert tensors["sh0"].grad is not None
    assert tensors["sh0"].grad.dtype == torch.float64
    assert tensors["means"].grad is None
    assert alpha.shape == (camera.height, camera.width)
