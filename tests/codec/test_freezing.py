"""What freezing to integers costs in bits.

The float model has the weights as the fit leaves them, rounded to their steps (the file can't hold others),
exact Gaussians instead of integer tables, and its own steps and rounded values, which are those of the
integer model but for values at a boundary. Both code every value rounded to the nearest symbol, on the same
lattice, in the same contexts.
"""

from __future__ import annotations

import pytest
import torch

from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.coding_pass import encode_fitted
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.fit import prepare_fit
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.setting import choose_lattice
from hemgs_codec.fit.train import LAMBDAS
from hemgs_codec.scene import GaussianScene
from hemgs_codec.threads import use_threads

MAX_LOSS = 0.005


def freezing_loss(scene: GaussianScene, iterations: int, lambda_: float) -> float:
    """Share of bits that a fit's integer model takes more than its float model."""
    options = EncodeOptions(iterations=iterations)
    channels = gaussian_channels(scene)
    weights = analytic_weights(channels.attributes)
    fit, geometry, scaling = prepare_fit(channels, weights, options)
    fit.run()
    fitted = FittedModel(
        channels.shape, geometry, scaling, freeze(fit.spec, fit.parameters, fit.weight_steps)
    )
    lattice = choose_lattice(channels, weights, lambda_, None)
    _, coder = encode_fitted(channels, None, fitted, lattice, lambda_)
    live = torch.from_numpy(scaling.channel_scales(fit.spec.groups) > 0)
    with torch.no_grad():
        network, _ = fit.parameters.quantised(fit.weight_steps)
        fit.refresh(network)
        total = 0.0
        for rows in torch.split(torch.arange(scene.num_gaussians), 4096):
            k = torch.full(rows.shape, LAMBDAS.index(lambda_))
            bits, _ = fit.losses(rows, k, network)
            total += float(bits[:, live].sum(dtype=torch.float64))
    return float(coder.bits.sum()) / total - 1


@pytest.mark.parametrize("lambda_", [5e-4, 2e-3, 8e-3])
def test_freezing_loses_at_most_half_a_percent(lambda_: float, tiny_scene: GaussianScene) -> None:
    with use_threads(1):
        assert abs(freezing_loss(tiny_scene, 60, lambda_)) <= MAX_LOSS


@pytest.mark.slow
def test_freezing_loses_at_most_half_a_percent_of_a_whole_scene(chair: GaussianScene) -> None:
    assert abs(freezing_loss(chair, 400, 2e-3)) <= MAX_LOSS
