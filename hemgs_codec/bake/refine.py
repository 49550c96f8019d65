"""Plain Gaussians moved until they look like the anchor scene: Adam, one view a step.

    fitted views, and views between ── networks ── render ── target ─┐
                  │                                                 loss (0.8 L1 + 0.2 (1 - SSIM))
                  └────────────────── plain Gaussians ── render ─────┘
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
    "means": 1.6e-4,  # times the scene's extent
    "log_scales": 5e-3,
    "quats": 1e-3,
    "opacity_logits": 2.5e-2,
    "sh0": 2.5e-3,
    "shN": 2.5e-3 / 20,
}
"""First learning rates, those of 3DGS."""
LAST_SHARE = 0.03
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
    leaves = {f.name: torch.from_numpy(getattr(scene, f.name).copy()).requires_grad_() for f in fields(scene)}
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
        image, _ = render_tensors(**leaves, camera=camera, background=views.background)
        loss_against(image, views.target(camera)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if progress is not None:
            progress("refine", step + 1, steps)
    return GaussianScene(**{name: leaf.detach().numpy() for name, leaf in leaves.items()})
