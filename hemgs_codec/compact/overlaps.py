"""What merging a pair of neighbours would do to the images, without rendering it.

In a view, splats are small enough that what lies before and behind the pair is constant across them: a
transmittance T and a colour b. A pair then draws T (a1 u1 + a2 u2 - a1 a2 u2), with the alphas a(x) of two
elliptic Gaussians, 1 in front, and colours u relative to b; the merged one draws T a u. All four terms are
Gaussians on the image plane (the product of two is one), so the integral of the squared difference is a
closed form of overlaps. The opacity is the one whose coverage is nearest to the pair's by least squares.

The sum over all views that see the pair at all keeps those honest that look alike from one side only.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_parallel, compiled
from hemgs_codec.scene import Float32Array

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

_BLUR = 0.3  # as in render.projection
_NEAR = 0.01
_LEAST_OPACITY, _MOST_OPACITY = 1e-3, 0.995
_LEAST_VIEW = 0.01  # of the pair's weight in all views: what sees less isn't looked at


@compiled
def _flat(to_image: Float64Array, covariance: Float64Array) -> tuple[float, float, float]:
    """Return xx, xy, yy of a covariance (3, 3) on the image."""
    xx, xy, yy = _BLUR, 0.0, _BLUR
    for a in range(3):
        for b in range(3):
            xx += to_image[0, a] * covariance[a, b] * to_image[0, b]
            xy += to_image[0, a] * covariance[a, b] * to_image[1, b]
            yy += to_image[1, a] * covariance[a, b] * to_image[1, b]
    return xx, xy, yy


@compiled
def _overlap(one: Float64Array, two: Float64Array) -> float:
    """Return the integral of the product of two Gaussians of peak 1: rows are x, y, xx, xy, yy."""
    x, y = one[0] - two[0], one[1] - two[1]
    xx, xy, yy = one[2] + two[2], one[3] + two[3], one[4] + two[4]
    both = xx * yy - xy * xy
    own = (one[2] * one[4] - one[3] * one[3]) * (two[2] * two[4] - two[3] * two[3])
    power = (yy * x * x - 2 * xy * x * y + xx * y * y) / both
    return float(2 * np.pi * np.sqrt(own / both) * np.exp(-0.5 * power))


@compiled
def _product(one: Float64Array, two: Float64Array, out: Float64Array) -> float:
    """Fill out with the Gaussian that is the product of two of peak 1, and return its peak."""
    x, y = two[0] - one[0], two[1] - one[1]
    xx, xy, yy = one[2] + two[2], one[3] + two[3], one[4] + two[4]
    both = xx * yy - xy * xy
    kx, ky = (yy * x - xy * y) / both, (xx * y - xy * x) / both
    out[0] = one[0] + one[2] * kx + one[3] * ky
    out[1] = one[1] + one[3] * kx + one[4] * ky
    # A (A + B)^-1 B, symmetric
    b0x, b0y = (yy * two[2] - xy * two[3]) / both, (xx * two[3] - xy * two[2]) / both
    b1x, b1y = (yy * two[3] - xy * two[4]) / both, (xx * two[4] - xy * two[3]) / both
    out[2] = one[2] * b0x + one[3] * b0y
    out[3] = one[2] * b1x + one[3] * b1y
    out[4] = one[3] * b1x + one[4] * b1y
    return float(np.exp(-0.5 * (x * kx + y * ky)))


@cached_parallel
def pair_costs_by_overlaps(
    pairs: Int64Array,
    shares: Float64Array,
    means: Float32Array,
    covariance: Float64Array,
    merged_means: Float64Array,
    merged_covariance: Float64Array,
    opacities: Float64Array,
    totals: Float64Array,
    weights: Float32Array,
    transmittances: Float32Array,
    colours: Float32Array,
    behind: Float32Array,
    poses: Float64Array,
    focals: Float64Array,
    costs: Float64Array,
    merged_opacities: Float64Array,
) -> None:
    """Fill in costs (P,) and merged opacities (P,).

    Parameters
    ----------
    pairs, shares : (P, 2)
    means, covariance, opacities, totals : (N, 3), (N, 3, 3), (N,), (N,)
        Of the scene; totals are the weights of all views.
    merged_means, merged_covariance : (P, 3), (P, 3, 3)
    weights, transmittances, colours, behind : (V, N) and (V, N, 3)
        As in `measure.ByView`.
    poses, focals : (V, 4, 4), (V, 2)
    """
    for p in numba.prange(len(pairs)):
        first, second = pairs[p, 0], pairs[p, 1]
        total = totals[first] + totals[second]
        seen, wanted, own = 0.0, 0.0, 0.0
        fixed, linear, squared = 0.0, 0.0, 0.0  # the cost is a parabola in the merged opacity
        flat, at, to_image = np.zeros((4, 5)), np.zeros(3), np.zeros((2, 3))
        for view in range(len(poses)):
            weight = weights[view, first] + weights[view, second]
            if weight <= _LEAST_VIEW * total:
                continue
            pose = poses[view]
            for a in range(3):
                at[a] = pose[a, 3]
                for b in range(3):
                    at[a] += pose[a, b] * merged_means[p, b]
            if at[2] <= _NEAR:
                continue
            ahead = 0.0
            for b in range(3):
                ahead += pose[2, b] * (means[second, b] - means[first, b])
                to_image[0, b] = focals[view, 0] / at[2] * (pose[0, b] - at[0] / at[2] * pose[2, b])
                to_image[1, b] = focals[view, 1] / at[2] * (pose[1, b] - at[1] / at[2] * pose[2, b])
            front, back = (first, second) if ahead >= 0 else (second, first)
            share = shares[p, 0] if ahead >= 0 else shares[p, 1]
            for k in range(2):
                i = front if k == 0 else back
                flat[k, 0], flat[k, 1] = 0.0, 0.0
                for b in range(3):
                    flat[k, 0] += to_image[0, b] * (means[i, b] - merged_means[p, b])
                    flat[k, 1] += to_image[1, b] * (means[i, b] - merged_means[p, b])
                flat[k, 2], flat[k, 3], flat[k, 4] = _flat(to_image, covariance[i])
            one, two = opacities[front], opacities[back]
            three = -one * two * _product(flat[0], flat[1], flat[2])
            flat[3, 2], flat[3, 3], flat[3, 4] = _flat(to_image, merged_covariance[p])
            ff, fb, bb = 0.0, 0.0, 0.0  # inner products of the two colours
            for channel in range(3):
                u = colours[view, front, channel] - behind[view, back, channel]
                v = colours[view, back, channel] - behind[view, back, channel]
                ff, fb, bb = ff + u * u, fb + u * v, bb + v * v
            mixed_front, mixed_back = share * ff + (1 - share) * fb, share * fb + (1 - share) * bb
            of_one, of_two, of_three = (
                one * _overlap(flat[0], flat[3]),
                two * _overlap(flat[1], flat[3]),
                three * _overlap(flat[2], flat[3]),
            )
            alone = _overlap(flat[3], flat[3])
            light = share * transmittances[view, front] + (1 - share) * transmittances[view, back]
            light *= light
            fixed += light * (
                one * one * _overlap(flat[0], flat[0]) * ff
                + two * two * _overlap(flat[1], flat[1]) * bb
                + three * three * _overlap(flat[2], flat[2]) * bb
                + 2 * one * two * _overlap(flat[0], flat[1]) * fb
                + 2 * one * three * _overlap(flat[0], flat[2]) * fb
                + 2 * two * three * _overlap(flat[1], flat[2]) * bb
            )
            linear -= 2 * light * (of_one * mixed_front + (of_two + of_three) * mixed_back)
            squared += light * alone * (share * mixed_front + (1 - share) * mixed_back)
            wanted += light * (of_one + of_two + of_three)
            own += light * alone
            seen += weight
        if not (own > 0 and seen > 0):
            costs[p], merged_opacities[p] = np.inf, _LEAST_OPACITY
            continue
        opacity = max(min(wanted / own, _MOST_OPACITY), _LEAST_OPACITY)
        merged_opacities[p] = opacity
        costs[p] = max(fixed + opacity * (linear + opacity * squared), 0.0) * total / seen
