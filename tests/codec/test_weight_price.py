"""What a fit takes a changed weight to cost is about what the coder writes for it."""

from __future__ import annotations

import torch

from hemgs_codec.fit.fit import learning_rate
from hemgs_codec.fit.parameters import initial_parameters, parameters_from
from hemgs_codec.model.spec import Group, ModelSpec
from tests.small import random_model

SPEC = ModelSpec((Group("a", (30,), (0,)),), (), 2, 24, 32, 2)


def test_the_first_difference_from_shipped_networks_costs_a_handful_of_bits() -> None:
    """Priced at 29 bits, as a Laplacian of so small a mean says, hardly any difference was ever worth it."""
    fresh = initial_parameters(SPEC, torch.zeros(1), torch.Generator().manual_seed(0))
    parameters = parameters_from(random_model(SPEC), fresh)
    steps = parameters.weight_steps()
    _, before = parameters.quantised(steps)
    largest = int(torch.bincount(parameters.matrix).argmax())
    place = int((parameters.matrix == largest).nonzero()[0])
    with torch.no_grad():
        parameters.network[place] += steps[largest]
    _, after = parameters.quantised(steps)
    assert 5 < float(after.detach() - before.detach()) < 11
    (gradient,) = torch.autograd.grad(after, parameters.network)
    assert 5 < float(gradient[place] * steps[largest]) < 11


def test_longer_fits_from_shipped_networks_stride_less() -> None:
    """With one rate for all lengths the usual fit was no better than one of a fifth of its length."""
    rates = [learning_rate(iterations) for iterations in (0, 60, 240, 1200, 7200)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] / rates[-1] > 5
