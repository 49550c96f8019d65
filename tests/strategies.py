"""Hypothesis strategies shared by the tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemgs_codec.scene import SH_REST_COUNTS, GaussianScene


@st.composite
def scenes(draw: st.DrawFn, *, max_gaussians: int = 12) -> GaussianScene:
    """Scenes of 1 to `max_gaussians` Gaussians with any finite float32 values and no zero quaternion."""
    num_gaussians = draw(st.integers(1, max_gaussians))
    num_rest = draw(st.sampled_from(SH_REST_COUNTS))
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)

    def array(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return draw(hnp.arrays(np.float32, (num_gaussians, *shape), elements=finite))

    quats = array(4)
    quats[~quats.any(axis=1), 0] = 1.0
    return GaussianScene(
        means=array(3),
        log_scales=array(3),
        quats=quats,
        opacity_logits=array(),
        sh0=array(3),
        shN=array(num_rest, 3),
    )


def random_scene(num_gaussians: int, *, sh_degree: int = 3, seed: int = 0) -> GaussianScene:
    """Return an unremarkable scene with values of the sizes that training gives."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal((num_gaussians, *shape)).astype(np.float32)

    return GaussianScene(
        means=normal(3),
        log_scales=normal(3) - np.float32(4),
        quats=normal(4),
        opacity_logits=normal(),
        sh0=normal(3),
        shN=normal(SH_REST_COUNTS[sh_degree], 3) * np.float32(0.1),
    )
