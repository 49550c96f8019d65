"""Rendering: what people see of a scene, and what the encoder's errors look like."""

from __future__ import annotations

from hemgs_codec.render.camera import Camera
from hemgs_codec.render.gradients import Gradients, View
from hemgs_codec.scene import Float32Array, GaussianScene

__all__ = ["Camera", "Gradients", "View", "render"]


def render(
    scene: GaussianScene, camera: Camera, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> tuple[Float32Array, Float32Array]:
    """Render a scene.

    Returns
    -------
    image : (H, W, 3) float32
        Linear in the training's colours, not clipped.
    alpha : (H, W) float32
        1 where no background shows.
    """
    view = View(scene, camera, background)
    return view.image, view.alpha
