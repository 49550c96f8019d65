"""Rendering sensitivities: how much the image's squared error grows with a small error in each parameter.

That is the diagonal of the Gauss-Newton matrix: squared derivatives, summed over pixels and colours. It is
exact, not sampled, but for one thing: a moved Gaussian is seen from another direction, and what that does to
its colour isn't counted.

A parameter moves the ellipse's centre and covariance, and so the logarithm of a pixel's alpha by a quadratic
polynomial of where the pixel lies in the ellipse. `moments` has summed what products of two of them need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached, compiled_parallel
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.colour import add_colour_squares
from hemgs_codec.render.gradients import View
from hemgs_codec.render.jacobian import PARAMETERS, ellipse_jacobian
from hemgs_codec.render.moments import MONOMIALS, blend_moments
from hemgs_codec.render.projection import lens_of
from hemgs_codec.render.strokes import FINGERPRINT
from hemgs_codec.scene import Float32Array, GaussianScene

Float64Array = npt.NDArray[np.float64]

_BASIS = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))  # powers of a and b in a polynomial
_PRODUCTS = np.array([[MONOMIALS.index((p + r, q + s)) for r, s in _BASIS] for p, q in _BASIS])
_CHUNK = 256  # Gaussians that share their room to work in


@dataclass(frozen=True)
class Sensitivities:
    """Sums over views, pixels and colour channels, float64, named and shaped like a scene's arrays.

    Attributes
    ----------
    means, log_scales, quats, opacity_logits, sh0, shN
        Squared derivatives of the image.
    mean_products : (N, 6)
        Products of derivatives by two coordinates of the mean: xx, xy, xz, yy, yz, zz.
    quat_products : (N, 10)
        The same of the quaternion: ww, wx, wy, wz, xx, xy, xz, yy, yz, zz.
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
    quat_products: Float64Array
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
        quat_products=np.zeros((count, 10)),
        num_pixels=sum(camera.width * camera.height for camera in cameras),
    )
    for number, camera in enumerate(cameras):
        if progress is not None:
            progress("sensitivities", number, len(cameras))
        _add_view(View(scene, camera, background), sums)
    if progress is not None:
        progress("sensitivities", len(cameras), len(cameras))
    return sums


@compiled_parallel
def _add_squares(
    rows: npt.NDArray[np.int64],
    means: Float32Array,
    log_scales: Float32Array,
    quats: Float32Array,
    conics: Float32Array,
    reaches: Float32Array,
    pose: Float64Array,
    lens: Float64Array,
    moments: Float64Array,
    by_mean: Float64Array,
    by_log_scale: Float64Array,
    by_quat: Float64Array,
    mean_products: Float64Array,
    quat_products: Float64Array,
) -> None:
    for chunk in numba.prange((len(rows) + _CHUNK - 1) // _CHUNK):
        turns, centre, form = np.empty((4, 3, 3)), np.zeros((PARAMETERS, 2)), np.empty((PARAMETERS, 3))
        polynomials, weighted = np.empty((PARAMETERS, 5)), np.empty((PARAMETERS, 5))
        for k in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(rows))):
            i = rows[k]
            if moments[i, 0] == 0.0:
                continue
            yy = ellipse_jacobian(means[i], log_scales[i], quats[i], pose, lens, turns, centre, form)
            # log alpha changes by p · centre' + p · form p, with p the conic times the offset,
            # which is (ka a, ma a + mb b)
            ka = np.sqrt(np.float64(conics[i, 0]))
            ma, mb = conics[i, 1] / ka, (reaches[i, 1] + 1.0) / yy
            for j in range(PARAMETERS):
                polynomials[j, 0] = centre[j, 0] * ka + centre[j, 1] * ma
                polynomials[j, 1] = centre[j, 1] * mb
                polynomials[j, 2] = form[j, 0] * ka * ka + form[j, 1] * ka * ma + form[j, 2] * ma * ma
                polynomials[j, 3] = form[j, 1] * ka * mb + 2.0 * form[j, 2] * ma * mb
                polynomials[j, 4] = form[j, 2] * mb * mb
                for n in range(5):
                    total = 0.0
                    for m in range(5):
                        total += polynomials[j, m] * moments[i, _PRODUCTS[m, n]]
                    weighted[j, n] = total
            for j in range(PARAMETERS):
                square = 0.0
                for n in range(5):
                    square += weighted[j, n] * polynomials[j, n]
                square = max(square, 0.0)
                if j < 3:
                    by_mean[i, j] += square
                elif j < 6:
                    by_log_scale[i, j - 3] += square
                else:
                    by_quat[i, j - 6] += square
            pair = 0
            for j in range(3):
                for other in range(j, 3):
                    for n in range(5):
                        mean_products[i, pair] += weighted[j, n] * polynomials[other, n]
                    pair += 1
            pair = 0
            for j in range(6, PARAMETERS):
                for other in range(j, PARAMETERS):
                    for n in range(5):
                        quat_products[i, pair] += weighted[j, n] * polynomials[other, n]
                    pair += 1


def _bind(fingerprint: str) -> Callable[..., None]:
    def add_squares(
        rows: npt.NDArray[np.int64],
        means: Float32Array,
        log_scales: Float32Array,
        quats: Float32Array,
        conics: Float32Array,
        reaches: Float32Array,
        pose: Float64Array,
        lens: Float64Array,
        moments: Float64Array,
        by_mean: Float64Array,
        by_log_scale: Float64Array,
        by_quat: Float64Array,
        mean_products: Float64Array,
        quat_products: Float64Array,
    ) -> None:
        _ = fingerprint
        _add_squares(
            rows,
            means,
            log_scales,
            quats,
            conics,
            reaches,
            pose,
            lens,
            moments,
            by_mean,
            by_log_scale,
            by_quat,
            mean_products,
            quat_products,
        )

    return cached(add_squares)


_cached_add_squares = _bind(FINGERPRINT)


def _add_view(view: View, sums: Sensitivities) -> None:
    splats, scene, camera = view.splats, view.scene, view.splats.camera
    moments = blend_moments(splats.ellipses, splats.strokes, splats.tiles, view.image)
    add_colour_squares(scene, camera.position, splats.splats.colours, moments[:, -1], sums.sh0, sums.shN)
    sums.opacity_logits[:] += moments[:, 0] * (1.0 - splats.opacities.astype(np.float64)) ** 2
    _cached_add_squares(
        splats.tiles.rows,
        scene.means,
        scene.log_scales,
        scene.quats,
        splats.ellipses.conics,
        splats.ellipses.reaches,
        np.ascontiguousarray(camera.world_to_camera),
        lens_of(camera),
        moments,
        sums.means,
        sums.log_scales,
        sums.quats,
        sums.mean_products,
        sums.quat_products,
    )
