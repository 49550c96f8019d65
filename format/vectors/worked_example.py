"""The smallest instructive file: SPEC.md's worked example. `example_text` says what each of its bytes is for.

Two Gaussians that differ in opacity and brightness; networks of one hidden unit, nearly all zeros, without
contexts.
"""

from __future__ import annotations

import numpy as np

from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import GaussianShape
from vectors.tiny import Recipe, encode_tiny, model_spec, tiny_channels

RECIPE = Recipe(GaussianShape(0), "permuted", context=0, window=1, hidden=1, heads=1, use_context=False)


def worked_example(recipe: Recipe = RECIPE) -> bytes:
    """Return the file, or the same scene by another recipe; its networks hear nothing of what that adds."""
    scene = GaussianScene(
        means=np.array([[1.0, 2.0, 0.5], [3.0, 0.0, 1.25]], dtype=np.float32),
        log_scales=np.array([[-3.0, -4.0, -5.0]] * 2, dtype=np.float32),
        quats=np.array([[1.0, 0.0, 0.0, 0.0]] * 2, dtype=np.float32),
        opacity_logits=np.array([2.0, -1.0], dtype=np.float32),
        sh0=np.array([[0.5] * 3, [-0.25] * 3], dtype=np.float32),
        shN=np.zeros((2, 0, 3), dtype=np.float32),
    )
    scaling = Scaling(
        np.array([0, 0.5, -3, -4, -5, 0, 0, 0, 0.25, 0, 0], dtype=np.float32),
        np.array([0, 1.5, 0, 0, 0, 0, 0, 0, 0.75, 0, 0], dtype=np.float32),
    )
    spec = model_spec(recipe, scaling)
    shapes = spec.matrices()
    weights = {name: np.zeros(shape, dtype=np.int32) for name, shape in shapes.items()}
    biases = {
        name: np.zeros(columns, dtype=np.int32)
        for name, (_, columns) in shapes.items()
        if not name.endswith(".skip")
    }
    biases["1.step"][0] = -512  # two octaves down: a quarter of a scale
    biases["5.step"][0] = -768  # an eighth
    weights["5.prior"][spec.hash_width + 3, 0] = 1  # group 5 hears of opacity
    weights["5.0.hidden"][0, 0] = 1
    weights["5.0.out"][0, 0] = 1  # and expects as much brightness
    biases["5.0.out"][1] = -256  # within half a scale
    tables = [np.ones((level.entries, spec.features), dtype=np.int8) for level in spec.levels]
    model = FrozenModel(spec, weights, biases, dict.fromkeys(shapes, 0), tables)
    return encode_tiny(tiny_channels(scene), recipe, scaling, model)
