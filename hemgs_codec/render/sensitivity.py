"""Rendering sensitivities: how much the image's squared error grows with a small error in each parameter.

That is the diagonal of the Gauss-Newton matrix: squared derivatives, summed over pixels and colours. It is
exact, not sampled, but for one thing: a moved Gaussian is seen from another direction, and what that does to
its colour isn't counted.

A parameter moves the ellipse's centre and covariance, and so the logarithm of a pixel's alpha by a quadratic
polynomial of where the pixel lies in the ellipse. `moments` has summed what products of two of them need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import add_colour_squares
from hemgs_codec.render.gradients import View
from hemgs_codec.render.jacobian import LOG_SCALE, MEAN, QUAT, ellipse_jacobian
from hemgs_codec.render.moments import MONOMIALS, blend_moments
from hemgs_codec.render.splats import SplatView
from hemgs_codec.scene import GaussianScene

Float64Array = npt.NDArray[np.float64]

_BASIS = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))  # powers of a and b in a polynomial
_PRODUCTS = [[MONOMIALS.index((p + r, q + s)) for r, s in _BASIS] for p, q in _BASIS]
_PAIRS = ((0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2))
_BATCH = 1 << 13  # Gaussians at a time: their Jacobians stay in the cache


@dataclass(frozen=True)
class Sensitivities:
    """Sums over views, pixels and colour channels, float64, named and shaped like a scene's arrays.

    Attributes
    ----------
    means, log_scales, quats, opacity_logits, sh0, shN
        Squared derivatives of the image.
    mean_products : (N, 6)
        Products of derivatives by two coordinates of the mean: xx, xy, xz, yy, yz, zz.
    num_pixels : int
        In all views.
    """

    means: Float64Array
    log_scales: Float64Array
    quats: Float64Array
    opacity_logits: Float64Array
    sh0: Float64Array
    shN: Float64Array  # noqa: N815  as in GaussianScene
    mean_products: Float64Array
    num_pixels: int


def accumulate_sensitivities(
    scene: GaussianScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    progress: Progress | None = None,
) -> Sensitivities:
    """Return the sensitivities of a scene's parameters, summed over views."""
    count = scene.num_gaussians
    sums = Sensitivities(
        means=np.zeros((count, 3)),
        log_scales=np.zeros((count, 3)),
        quats=np.zeros((count, 4)),
        opacity_logits=np.zeros(count),
        sh0=np.zeros(scene.sh0.shape),
        shN=np.zeros(scene.shN.shape),
        mean_products=np.zeros((count, 6)),
        num_pixels=sum(camera.width * camera.height for camera in cameras),
    )
    for number, camera in enumerate(cameras):
        if progress is not None:
            progress("sensitivities", number, len(cameras))
        _add_view(View(scene, camera, background), sums)
    if progress is not None:
        progress("sensitivities", len(cameras), len(cameras))
    return sums


def _add_view(view: View, sums: Sensitivities) -> None:
    splats = view.splats
    moments = blend_moments(splats.ellipses, splats.strokes, splats.tiles, view.image)
    eye, colours = splats.camera.position, splats.splats.colours
    add_colour_squares(view.scene, eye, colours, moments[:, -1], sums.sh0, sums.shN)
    sums.opacity_logits[:] += moments[:, 0] * (1.0 - splats.opacities.astype(np.float64)) ** 2
    drawn = np.flatnonzero(moments[:, 0])
    for start in range(0, len(drawn), _BATCH):
        rows = drawn[start : start + _BATCH]
        polynomials = _polynomials(splats, rows)  # (V, 10, 5)
        weighted = polynomials @ moments[rows][:, _PRODUCTS]
        squares = (weighted * polynomials).sum(axis=-1).clip(min=0.0)
        sums.means[rows] += squares[:, MEAN]
        sums.log_scales[rows] += squares[:, LOG_SCALE]
        sums.quats[rows] += squares[:, QUAT]
        first, second = _PAIRS
        products = (weighted[:, first] * polynomials[:, second]).sum(axis=-1)
        sums.mean_products[rows] += products


def _polynomials(view: SplatView, rows: npt.NDArray[np.int64]) -> Float64Array:
    """Return (V, 10, 5): by how much each parameter changes log alpha at (a, b), by powers in `_BASIS`."""
    centre, form, variance_y = ellipse_jacobian(view.splats, view.camera, rows)
    xx, xy = view.ellipses.conics[rows, :2].T.astype(np.float64)[..., None]
    reach_y = view.ellipses.reaches[rows, 1].astype(np.float64)[:, None]
    # log alpha changes by p · centre' + p · form p, with p = (ka a, ma a + mb b) the conic times the offset
    ka, ma, mb = np.sqrt(xx), xy / np.sqrt(xx), (reach_y + 1.0) / variance_y[:, None]
    out = np.empty((*centre.shape[:2], len(_BASIS)))
    out[..., 0] = centre[..., 0] * ka + centre[..., 1] * ma
    out[..., 1] = centre[..., 1] * mb
    out[..., 2] = form[..., 0] * ka * ka + form[..., 1] * ka * ma + form[..., 2] * ma * ma
    out[..., 3] = form[..., 1] * ka * mb + 2.0 * form[..., 2] * ma * mb
    out[..., 4] = form[..., 2] * mb * mb
    return out
