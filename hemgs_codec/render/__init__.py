"""Rendering: what people see of a scene, and what the encoder's errors look like.

`hemgs_codec.render.autograd` has the same inside torch, which isn't imported here.
"""

from __future__ import annotations

from hemgs_codec.render.backends import Backend, choose_backend
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.gradients import Gradients, View
from hemgs_codec.scene import Float32Array, GaussianScene

__all__ = ["Backend", "Camera", "Gradients", "View", "render"]


def render(
    scene: GaussianScene,
    camera: Camera,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    backend: Backend = "auto",
) -> tuple[Float32Array, Float32Array]:
    """Render a scene.

    Parameters
    ----------
    backend : "auto", "cpu" or "cuda"
        "auto" takes a GPU where torch has one and gsplat is installed.

    Returns
    -------
    image : (H, W, 3) float32
        Linear in the training's colours, not clipped.
    alpha : (H, W) float32
        1 where no background shows.

    Raises
    ------
    SceneError
        The backend can't be used.
    """
    if choose_backend(backend) == "cuda":
        return _render_cuda(scene, camera, background)
    view = View(scene, camera, background)
    return view.image, view.alpha


def _render_cuda(
    scene: GaussianScene, camera: Camera, background: tuple[float, float, float]
) -> tuple[Float32Array, Float32Array]:
    import torch

    from hemgs_codec.render.autograd import render_tensors

    with torch.no_grad():
        image, alpha = render_tensors(
            torch.from_numpy(scene.means),
            torch.from_numpy(scene.log_scales),
            torch.from_numpy(scene.quats),
            torch.from_numpy(scene.opacity_logits),
            torch.from_numpy(scene.sh0),
            torch.from_numpy(scene.shN),
            camera,
            background,
            backend="cuda",
        )
    return image.numpy(), alpha.numpy()
