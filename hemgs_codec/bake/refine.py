"""Plain Gaussians moved until they look like the anchor scene: Adam, one view a step.

fitted view ── networks ── Gaussians of the view ── render ─┐
     │                                                     loss (0.8 L1 + 0.2 (1 - SSIM))
     └──────────────────── plain Gaussians ──────── render ─┘
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from hemgs_codec.bake.views import BakeViews
from hemgs_codec.cameras.layout import layout_of
from hemgs_codec.progress import Progress
from hemgs_codec.render.autograd import render_tensors
from hemgs_codec.scene import GaussianScene
from hemgs_codec.train.loss import loss_against

RATES = {
    "means": 4.8e-4,  # times the scene's extent
    "log_scales": 1.5e-2,
    "quats": 3e-3,
    "opacity_logits": 7.5e-2,
    "sh0": 7.5e-3,
    "shN": 7.5e-3,
}
"""First learning rates: thrice those of 3DGS, since steps are few; bands after the first as the first, since
they are not to be learned one by one."""
LAST_SHARE = 0.1
"""Of the first rates, that the last step has."""
_EPSILON = 1e-15


def refine(
    scene: GaussianScene,
    views: BakeViews,
    *,
    steps: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> GaussianScene:
    """Return the scene after ``steps`` steps; the same for the same arguments."""
    if steps == 0:
        return scene
    leaves = {f.name: torch.tensor(getattr(scene, f.name), requires_grad=True) for f in fields(scene)}
    first = RATES | {"means": RATES["means"] * layout_of(scene).extent}
    optimiser = torch.optim.Adam(
        [{"params": [leaf], "lr": first[name], "name": name} for name, leaf in leaves.items()],
        eps=_EPSILON,
        fused=True,
    )
    cameras = views.order(np.random.default_rng(seed))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = first[str(group["name"])] * LAST_SHARE ** (step / steps)
        camera = next(cameras)
        image, _ = render_tensors(
            leaves["means"],
            leaves["log_scales"],
            leaves["quats"],
            leaves["opacity_logits"],
            leaves["sh0"],
            leaves["shN"],
            camera,
            views.background,
        )
        loss_against(image, views.target(camera)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if progress is not None:
            progress("refine", step + 1, steps)
    return GaussianScene(**{name: leaf.detach().numpy() for name, leaf in leaves.items()})
