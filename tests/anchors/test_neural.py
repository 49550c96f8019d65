from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hemgs_codec.anchors.networks import NetworkShape, RenderingNetworks
from hemgs_codec.anchors.neural import AnchorTensors, NeuralGaussians, neural_gaussians, tensors_of
from hemgs_codec.anchors.scene import AnchorScene

Float64Array = npt.NDArray[np.float64]
EYE = np.array([0.5, -4.0, 1.5])
SHAPES = [
    NetworkShape(features, 3, distances, bank)
    for features, distances, bank in product(
        (8, 6),  # 6 isn't a multiple of four: the coarse copies of the bank are cut
        [
            (False, False, False),
            (True, False, False),
            (False, True, False),
            (False, False, True),
            (True,) * 3,
        ],
        (False, True),
    )
]


def made(shape: NetworkShape, *, count: int = 12) -> AnchorScene:
    rng = np.random.default_rng(3)

    def normal(*size: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal(size).astype(np.float32)

    return AnchorScene(
        normal(count, 3),
        normal(count, shape.features),
        normal(count, 6) - np.float32(1),
        normal(count, shape.slots, 3),
        rng.random((count, shape.slots)) < 0.7,
        RenderingNetworks(
            shape,
            {name: normal(*size) * np.float32(0.4) for name, size in shape.layers().items()},
            {name: normal(size[1]) * np.float32(0.4) for name, size in shape.layers().items()},
        ),
    )


def perceptron(scene: AnchorScene, network: str, inputs: list[float]) -> list[float]:
    """Two layers, one product at a time."""
    values = inputs
    for layer in ("hidden", "out"):
        weight = scene.networks.weights[f"{network}.{layer}"].astype(np.float64)
        bias = scene.networks.biases[f"{network}.{layer}"].astype(np.float64)
        sums = [float(bias[j]) for j in range(len(bias))]
        for j in range(len(bias)):
            for i, value in enumerate(values):
                sums[j] += value * float(weight[i, j])
        values = [max(value, 0.0) for value in sums] if layer == "hidden" else sums
    return values


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def plain(scene: AnchorScene, eye: Float64Array) -> dict[int, Float64Array]:
    """Per slot that is seen: mean, scales, quaternion, opacity and colour (14,)."""
    shape, seen = scene.networks.shape, {}
    for n in range(scene.num_anchors):
        anchor = scene.anchors[n].astype(np.float64)
        distance = float(np.sqrt(((anchor - eye) ** 2).sum()))
        view = [float(value) for value in (anchor - eye) / distance]
        feature = [float(value) for value in scene.features[n]]
        if shape.feature_bank:
            exponents = np.exp(perceptron(scene, "bank", [*view, distance]))
            coarse, middle, fine = exponents / exponents.sum()
            every4, every2 = feature[::4] * 4, feature[::2] * 2
            feature = [
                coarse * every4[i] + middle * every2[i] + fine * feature[i] for i in range(shape.features)
            ]

        def head(name: str, sees: bool, rows: list[float]) -> list[float]:
            return perceptron(scene, name, rows if sees else rows[:-1])

        rows = [*feature, *view, distance]
        opacities = head("opacity", shape.distances[0], rows)
        shapes = head("covariance", shape.distances[1], rows)
        colours = head("colour", shape.distances[2], rows)
        scales = np.exp(scene.log_scales[n].astype(np.float64))
        for k in range(shape.slots):
            opacity = float(np.tanh(opacities[k])) * float(scene.masks[n, k])
            if opacity <= 0:
                continue
            mean = anchor + scene.offsets[n, k].astype(np.float64) * scales[:3]
            size = [scales[3 + i] * sigmoid(shapes[7 * k + i]) for i in range(3)]
            quat = np.array(shapes[7 * k + 3 : 7 * k + 7])
            colour = [sigmoid(colours[3 * k + i]) for i in range(3)]
            seen[n * shape.slots + k] = np.array(
                [*mean, *size, *(quat / np.sqrt((quat**2).sum())), opacity, *colour]
            )
    return seen


def table(got: NeuralGaussians) -> Float64Array:
    columns = (
        got.means,
        got.log_scales.exp(),
        got.quats,
        torch.sigmoid(got.opacity_logits)[:, None],
        got.colours,
    )
    array: Float64Array = torch.cat(columns, dim=1).double().detach().numpy()
    return array


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gaussians_follow_the_published_formulas(shape: NetworkShape) -> None:
    scene = made(shape)
    expected = plain(scene, EYE)
    got = neural_gaussians(tensors_of(scene), EYE)
    assert 0 < len(expected) < scene.masks.sum()
    assert got.slots.tolist() == sorted(expected)
    np.testing.assert_allclose(
        table(got), np.array([expected[slot] for slot in got.slots.tolist()]), rtol=2e-5, atol=2e-6
    )


def test_opacities_are_those_before_masks() -> None:
    scene = made(SHAPES[0])
    masked = neural_gaussians(tensors_of(scene), EYE)
    everything = replace(scene, masks=np.ones_like(scene.masks))
    whole = neural_gaussians(tensors_of(everything), EYE)
    assert torch.equal(masked.opacities, whole.opacities)
    assert whole.slots.tolist() == (whole.opacities.reshape(-1) > 0).nonzero().squeeze(1).tolist()
    used = scene.masks.reshape(-1)
    assert masked.slots.tolist() == [slot for slot in whole.slots.tolist() if used[slot]]


def test_a_camera_that_sees_nothing_gets_no_gaussians() -> None:
    scene = made(SHAPES[0])
    none = neural_gaussians(tensors_of(replace(scene, masks=np.zeros_like(scene.masks))), EYE)
    assert none.means.shape == (0, 3)
    assert none.quats.shape == (0, 4)
    assert none.opacity_logits.shape == (0,)


def test_a_camera_at_an_anchor_gives_finite_gaussians() -> None:
    scene = made(SHAPES[1])
    assert np.isfinite(table(neural_gaussians(tensors_of(scene), scene.anchors[0].astype(np.float64)))).all()


def leaves(a: AnchorTensors) -> dict[str, torch.Tensor]:
    arrays = {name: getattr(a, name) for name in ("anchors", "features", "log_scales", "offsets", "masks")}
    weights = {f"{name} weights": tensor for name, tensor in a.weights.items()}
    return arrays | weights | {f"{name} biases": tensor for name, tensor in a.biases.items()}


def in_float64(scene: AnchorScene) -> AnchorTensors:
    a = tensors_of(scene)
    for name in ("anchors", "features", "log_scales", "offsets", "masks"):
        setattr(a, name, getattr(a, name).double())
    a.weights = {name: tensor.double() for name, tensor in a.weights.items()}
    a.biases = {name: tensor.double() for name, tensor in a.biases.items()}
    return a


def total(a: AnchorTensors) -> torch.Tensor:
    """Return something that every output has a part in, each entry with a weight of its own."""
    got = neural_gaussians(a, EYE)
    parts = (got.means, got.log_scales, got.quats, got.opacity_logits, got.colours, got.opacities)
    values = torch.cat([part.reshape(-1) for part in parts])
    return (values * torch.linspace(-1, 1, len(values), dtype=values.dtype)).sum()


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[-1]], ids=str)
def test_gradients_reach_every_tensor_and_are_those_of_finite_differences(shape: NetworkShape) -> None:
    a = in_float64(made(shape))
    a.masks = a.masks * 0.75  # below one, where the opacity isn't cut off
    tensors = leaves(a)
    for tensor in tensors.values():
        tensor.requires_grad_()
    total(a).backward()  # type: ignore[no-untyped-call]
    rng = np.random.default_rng(0)
    for name, tensor in tensors.items():
        assert tensor.grad is not None, name
        assert tensor.grad.abs().sum() > 0, name
        flat, gradient = tensor.detach().reshape(-1), tensor.grad.reshape(-1)
        # Masks of zero are a step: what becomes positive appears.
        choices = np.flatnonzero(gradient.numpy())
        for at in rng.choice(choices, 3):
            step, middle = 1e-6, float(flat[at])
            sides = []
            for value in (middle + step, middle - step):
                flat[at] = value
                with torch.no_grad():
                    sides.append(float(total(a)))
            flat[at] = middle
            assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(
                float(gradient[at]), rel=1e-4, abs=1e-6
            ), name
