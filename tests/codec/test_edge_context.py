"""The compiled pass over a context's edges is the networks' own arithmetic, and so are its gradients."""

from __future__ import annotations

import pytest
import torch

from hemgs_codec.fit.edge_context import edge_context
from hemgs_codec.fit.parameters import Parameters, initial_parameters
from hemgs_codec.model import predictor
from hemgs_codec.model.float_arithmetic import FloatArithmetic
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.threads import use_threads

ROWS, NEAR, GEOMETRY = 37, 9, 2
SPEC = ModelSpec(
    groups=(Group("first", (3,), (0,)), Group("second", (2, 3), (0, 0))),
    levels=(),
    features=1,
    hidden=12,
    slice_hidden=8,
    heads=2,
)


def _case(scale: float) -> tuple[Parameters, list[torch.Tensor]]:
    """Weights ``scale`` times the first ones, and inputs: visible, geometry, earlier, edges, presence."""
    generator = torch.Generator().manual_seed(3)
    parameters = initial_parameters(SPEC, torch.zeros(2), generator)
    with torch.no_grad():
        parameters.network += 0.1 * torch.randn(parameters.network.shape, generator=generator)
        parameters.network *= scale
    present = (torch.rand((ROWS, NEAR), generator=generator) < 0.8).float()
    present[0] = 0  # an anchor without a context
    shapes = [(ROWS, NEAR, 8), (ROWS, GEOMETRY), (ROWS, 3), (ROWS, NEAR, 4)]
    return parameters, [torch.randn(shape, generator=generator) for shape in shapes] + [present]


def _run(parameters: Parameters, inputs: list[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """Return what is pooled and attended, and the gradient of a random mixture of both."""
    visible, geometry, earlier, edges, present = (x.to(dtype) for x in inputs)
    network = parameters.network.detach().to(dtype).requires_grad_()
    m = FloatArithmetic(parameters.pieces(network))
    values = visible[..., 3:]
    if dtype == torch.float32:
        keys = m.linear("1.key", visible, wide=True)
        results = edge_context(m, 1, keys, values, geometry, earlier, edges, present)
    else:
        keys = predictor.key(m, 1, visible)
        results = predictor.context(m, 1, keys, values, geometry, earlier, edges, present)
    generator = torch.Generator().manual_seed(5)
    mixture = sum((x * torch.randn(x.shape, generator=generator).to(dtype)).sum() for x in results)
    assert isinstance(mixture, torch.Tensor)
    (gradient,) = torch.autograd.grad(mixture, network)
    return [*(x.detach() for x in results), gradient]


@pytest.mark.parametrize("scale", [1.0, 12.0])  # the larger one's activations are clamped
def test_the_compiled_pass_agrees_with_the_networks_arithmetic(scale: float) -> None:
    parameters, inputs = _case(scale)
    for ours, theirs in zip(
        _run(parameters, inputs, torch.float32), _run(parameters, inputs, torch.float64), strict=True
    ):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours.double(), theirs, rtol=2e-4, atol=2e-4 * float(theirs.abs().max()))


def test_gradients_dont_depend_on_the_number_of_threads() -> None:
    parameters, inputs = _case(1.0)
    with use_threads(1):
        alone = _run(parameters, inputs, torch.float32)
    with use_threads(2):
        together = _run(parameters, inputs, torch.float32)
    for ours, theirs in zip(alone, together, strict=True):
        assert torch.equal(ours, theirs)
