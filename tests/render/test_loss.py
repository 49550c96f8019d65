"""The rendering loss and its gradient, against torch in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hemgs_codec.render.loss import rendering_loss
from hemgs_codec.threads import use_threads


def expected_loss(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    offsets = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()
    window = (line[:, None] * line)[None, None].expand(3, 1, 11, 11)

    def blur(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, window, padding=5, groups=3)

    x, y = image.permute(2, 0, 1)[None], target.permute(2, 0, 1)[None]
    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    top = (2 * mx * my + 0.01**2) * (2 * vxy + 0.03**2)
    ssim = top / ((mx**2 + my**2 + 0.01**2) * (vx + vy + 0.03**2))
    return 0.8 * (image - target).abs().mean() + 0.2 * (1 - ssim.mean())


@pytest.mark.parametrize("size", [(40, 53), (7, 5), (1, 1), (17, 64)])
def test_loss_and_gradient_are_those_of_torch(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size[0])
    target = rng.random((*size, 3)).astype(np.float32)
    target[: size[0] // 2] = 0.5  # flat: where variances cancel
    image = (target + 0.2 * rng.standard_normal(target.shape)).astype(np.float32)
    image[0, 0] = target[0, 0]
    loss, by_image = rendering_loss(image, target)
    leaf = torch.from_numpy(image).double().requires_grad_()
    expected = expected_loss(leaf, torch.from_numpy(target).double())
    expected.backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    gradient = leaf.grad.numpy()
    np.testing.assert_allclose(by_image, gradient, atol=1e-3 * np.abs(gradient).max() + 1e-7)


def test_equal_images_lose_nothing() -> None:
    image = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    loss, by_image = rendering_loss(image, image.copy())
    assert abs(loss) < 1e-6
    assert np.abs(by_image).max() < 1e-6


def test_the_loss_does_not_depend_on_threads() -> None:
    rng = np.random.default_rng(2)
    image, target = rng.random((2, 33, 47, 3)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with use_threads(threads):
            results.append(rendering_loss(image, target))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])
