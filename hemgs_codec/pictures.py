"""How a scene of either profile looks."""

from __future__ import annotations

from hemgs_codec.anchors.neural import tensors_of
from hemgs_codec.anchors.render import render_anchors
from hemgs_codec.bake.rough import rough_gaussians
from hemgs_codec.decoder import Scene
from hemgs_codec.render import render
from hemgs_codec.render.autograd import Background
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array, eight_bit
from hemgs_codec.scene import GaussianScene


def picture(scene: Scene, camera: Camera, background: Background = (0.0, 0.0, 0.0)) -> UInt8Array:
    """Render a scene of either profile to 8 bits (H, W, 3)."""
    if isinstance(scene, GaussianScene):
        return eight_bit(render(scene, camera, background)[0])
    return eight_bit(render_anchors(tensors_of(scene), camera, background))


def stand_in(scene: Scene) -> GaussianScene:
    """Return plain Gaussians to place cameras by: the scene's own, or rough ones of an anchor scene."""
    return scene if isinstance(scene, GaussianScene) else rough_gaussians(scene)
