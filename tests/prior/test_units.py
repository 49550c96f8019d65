"""What a prior sees: units that mean the same in all scenes, and an importance in every one."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec import profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.fit.fit import prepare_fit
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.model.scaling import fit_scaling, slice_widths
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.scene import GaussianScene
from tests.prior.small import random_prior
from tests.small import crop

GROUPS = profile.groups(3)
NAMES = [group.name for group in GROUPS for _ in group.slices]


@pytest.mark.parametrize("spread", [0.1, 3.0])
def test_units_do_not_hang_on_a_scenes_spread(spread: float) -> None:
    rng = np.random.default_rng(0)
    attributes = rng.standard_normal((200, sum(slice_widths(GROUPS)))) * spread
    own = fit_scaling(attributes, GROUPS)
    scaling = in_prior_units(own, GROUPS)
    shared = {
        name: scale for name, scale in zip(NAMES, scaling.scales, strict=True) if name[:2] not in ("sh", "ro")
    }
    assert shared == {"importance": 1.25, "opacity": 2.25, "scales": 1.5}
    kept = [name in ("rotation", "sh0", "sh1", "sh2", "sh3") for name in NAMES]
    np.testing.assert_array_equal(scaling.scales[kept], own.scales[kept])
    np.testing.assert_array_equal(scaling.offsets, own.offsets)


def test_what_is_constant_stays_so() -> None:
    attributes = np.zeros((10, sum(slice_widths(GROUPS))))
    assert not in_prior_units(fit_scaling(attributes, GROUPS), GROUPS).scales.any()


def test_colours_want_steps_an_octave_coarser_for_an_octave_of_importance(chair: GaussianScene) -> None:
    channels = gaussian_channels(crop(chair, 500))
    weights = analytic_weights(channels.attributes).sent()
    assert weights.importance is not None
    assert weights.sent() is weights
    fit, _, scaling = prepare_fit(channels, weights, EncodeOptions(iterations=1), prior=random_prior())
    first = next(k for k, group in enumerate(fit.spec.groups) if group.name == "sh0")
    wanted = fit.wanted_steps[:, fit.spec.first_step(first)].numpy()
    octaves = fit.values[:, 0].numpy() * scaling.scales[0]
    np.testing.assert_allclose(wanted - wanted.mean(), octaves - octaves.mean(), atol=1e-4)
