"""Scenes and their distortion weights, rotated in the world: the same object, lying otherwise.

Any orthogonal matrix will do; one of determinant −1 mirrors as well. Seen by a camera that went along, the
picture is the same (mirrored). Colours need no approximation: a band of spherical harmonics, rotated, is a
combination of the same band, so each band's coefficients have an orthogonal matrix of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.cameras.look_at import directions
from hemgs_codec.canonical import multiply
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.render.colour import harmonics_along
from hemgs_codec.scene import MAX_SH_DEGREE, SH_REST_COUNTS, GaussianScene
from hemgs_format.errors import SceneError

Float64Array = npt.NDArray[np.float64]

MIRROR = np.diag([-1.0, 1.0, 1.0])
_WAYS = 64
"""Directions that harmonics are compared along: as many as make 7 functions clearly independent."""
_ORTHOGONAL = 1e-9


def random_rotation(rng: np.random.Generator) -> Float64Array:
    """Draw a rotation matrix (3, 3), all equally likely (Haar's measure)."""
    quat = rng.standard_normal(4)
    w, x, y, z = quat / np.linalg.norm(quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quat_of(rotation: Float64Array) -> Float64Array:
    """Return the unit quaternion *wxyz* (4,) of a rotation matrix (3, 3); of the two, either."""
    r = rotation
    products = np.empty((4, 4))  # four times each component by each
    products[0, 0] = 1 + r[0, 0] + r[1, 1] + r[2, 2]
    products[0, 1:] = products[1:, 0] = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    products[1:, 1:] = r + r.T
    products[range(1, 4), range(1, 4)] = 1 + 2 * np.diag(r) - np.trace(r)
    row = products[np.diag(products).argmax()]  # no small number divides anything
    return np.asarray(row / np.linalg.norm(row))


def band_matrices(matrix: Float64Array, sh_degree: int = MAX_SH_DEGREE) -> list[Float64Array]:
    """Return what turns each SH band's coefficients with the scene: (3, 3), (5, 5), (7, 7), orthogonal.

    Parameters
    ----------
    matrix : (3, 3)
        Orthogonal.
    sh_degree
        Bands 1 to this one.
    """
    ways = directions(_WAYS)
    # the rotated scene looks along d as the scene does along d · matrix
    here, before = harmonics_along(ways, sh_degree), harmonics_along(ways @ matrix, sh_degree)
    matrices = []
    for degree in range(1, sh_degree + 1):
        band = slice(degree**2, (degree + 1) ** 2)
        matrices.append(np.asarray(np.linalg.lstsq(here[:, band], before[:, band])[0], dtype=np.float64))
    return matrices


def rotated(scene: GaussianScene, matrix: Float64Array) -> GaussianScene:
    """Rotate a scene about the world's origin.

    Parameters
    ----------
    matrix : (3, 3)
        Orthogonal, of column vectors: a point x goes to matrix · x. Determinant −1 mirrors.

    Raises
    ------
    SceneError
        The matrix isn't orthogonal.
    """
    if matrix.shape != (3, 3) or not np.abs(matrix @ matrix.T - np.eye(3)).max() < _ORTHOGONAL:
        raise SceneError("a scene is rotated by an orthogonal 3 by 3 matrix, and this is none")
    # a Gaussian is its own mirror image in its centre: where the matrix mirrors, minus the matrix rotates
    quat = quat_of(matrix if np.linalg.det(matrix) > 0 else -matrix)
    rest = np.empty(scene.shN.shape)
    for degree, band in enumerate(band_matrices(matrix, scene.sh_degree), 1):
        rows = slice(degree**2 - 1, (degree + 1) ** 2 - 1)
        rest[:, rows] = band @ scene.shN[:, rows].astype(np.float64)
    return GaussianScene(
        means=(scene.means.astype(np.float64) @ matrix.T).astype(np.float32),
        log_scales=scene.log_scales,
        quats=multiply(quat[None], scene.quats.astype(np.float64)).astype(np.float32),
        opacity_logits=scene.opacity_logits,
        sh0=scene.sh0,
        shN=rest.astype(np.float32),
    )


def rotated_weights(weights: Weights, matrix: Float64Array) -> Weights:
    """Return a scene's weights when it's rotated about the world's origin: nearly those measured then.

    Weights are the diagonal of a form whose rest isn't kept, so two parts are guesses. Steps are learnt from
    them by their mean logarithm over a step's values and over Gaussians, and there these are off by 0.05
    octaves at most, on average over rotations of each of three trained scenes with 28 views. One by one they
    are off by 0.7, where measuring them with another seed changes them by 0.3.

    * Harmonics: were the form diagonal, its new diagonal would be squares of the matrix times the weights.
      That evens them out within a band, where those measured are as uneven as before: their geometric mean
      is up to 0.2 octaves too high, and as much too low where it stays as it was (in a scene seen from one
      side). Half of the growth is taken back.
    * Rotation: an error in x of the quaternion turns the Gaussian about all of its axes, more or less so by
      where the quaternion is now. Each of x, y and z gets the three's geometric mean: when no rotation is
      likelier than another, nothing that is known before they are decoded tells them apart. Solving for the
      weights of turns about the Gaussian's own axes came no nearer to what is measured.

    All else stays: opacity, scales, colours seen from everywhere, and positions, whose weight is the same for
    all axes.

    Parameters
    ----------
    weights
        (N, C), of the channels that `profile.attributes_from_scene` has.
    matrix : (3, 3)
        Orthogonal, as for `rotated`.
    """
    values = weights.values.copy()
    turns = values[:, profile.ROTATION_CHANNELS]
    turns[:] = _geometric_mean(turns)
    sh_degree = SH_REST_COUNTS.index((values.shape[1] - profile.SH_CHANNEL) // 3)
    first = profile.SH_CHANNEL
    for degree, band in enumerate(band_matrices(matrix, sh_degree), 1):
        channels = slice(first, first + 3 * (2 * degree + 1))
        first = channels.stop
        before = values[:, channels].reshape(len(values), 3, -1)
        after = before @ np.square(band).T
        after *= np.sqrt(_geometric_mean(before) / _geometric_mean(after))
        values[:, channels] = after.reshape(len(values), -1)
    return Weights(values, weights.positions, weights.importance)


def _geometric_mean(positive: Float64Array) -> Float64Array:
    """Return the geometric mean over the last axis (..., 1)."""
    return np.asarray(np.exp(np.log(positive).mean(axis=-1, keepdims=True)))
