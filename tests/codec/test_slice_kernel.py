"""The compiled loops of a slice's networks say what the arithmetic's own operations say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec.model import predictor
from hemgs_codec.model.slice_kernel import slice_tables, tables_for
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.units import LIMIT, NUM_STEPS, UNIT, UNIT_STEP
from tests.small import random_model

SPEC = ModelSpec((Group("a", (2, 3), (0, 0)), Group("b", (4, 2, 1), (0, 1, 2))), (), 2, 7, 4, 2)
COUNT = 150


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("use_earlier", [True, False])
@pytest.mark.parametrize("use_context", [True, False])
def test_it_is_the_predictors_slice(seed: int, use_context: bool, use_earlier: bool) -> None:
    spec = replace(SPEC, use_context=use_context, use_earlier=use_earlier)
    rng = np.random.default_rng(seed)
    m = random_model(spec, seed).arithmetic(None)
    ranks = np.sort(rng.choice(COUNT, 90, replace=False))
    prior = rng.integers(0, LIMIT + 1, (COUNT, spec.hidden)).astype(np.float64)
    seen = rng.integers(-8 * UNIT, 8 * UNIT + 1, (COUNT, spec.channels)).astype(np.int16)
    heads = spec.heads if use_context else 0
    for group, shape in enumerate(spec.groups):
        pooled = rng.integers(0, LIMIT + 1, (90, spec.hidden if use_context else 0)).astype(np.float64)
        attended = rng.integers(-LIMIT, LIMIT + 1, (90, heads, shape.channels)).astype(np.float64)
        done = 0
        for number, width in enumerate(shape.slices):
            steps = rng.integers(0, NUM_STEPS, (90, shape.share(number)))
            found = slice_tables(m, spec, group, number, ranks, prior[ranks], seen, pooled, attended, steps)
            first = spec.first_channel(group)
            near = attended[:, :, done : done + width].reshape(90, -1) if use_context else None
            mean, log_sigma = predictor.slice_parameters(
                m,
                spec,
                group,
                number,
                prior[ranks],
                pooled if use_context else None,
                near,
                (steps - UNIT_STEP) * (UNIT / 8),
                seen[ranks, first : first + spec.earlier_own(done)].astype(np.float64),
            )
            expected = tables_for(mean, log_sigma, np.repeat(steps, width // shape.share(number), axis=1))
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
                assert len(np.unique(a)) > 3
            done += width
