from __future__ import annotations

import numpy as np

from hemgs_codec.colour import LUMA_CHROMA, luma_chroma_from_rgb, rgb_from_luma_chroma


def test_basis_is_orthonormal() -> None:
    basis = np.array(LUMA_CHROMA)
    np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-15)


def test_grey_has_no_chroma() -> None:
    luma_chroma = luma_chroma_from_rgb(np.full((4, 3), 0.25, np.float32))
    np.testing.assert_allclose(luma_chroma[:, 0], 0.25 * np.sqrt(3.0), rtol=1e-15)
    np.testing.assert_allclose(luma_chroma[:, 1:], 0.0, atol=1e-16)


def test_float32_colours_come_back_exactly() -> None:
    rgb = np.random.default_rng(0).standard_normal((10_000, 15, 3)).astype(np.float32)
    back = rgb_from_luma_chroma(luma_chroma_from_rgb(rgb))
    assert back.shape == rgb.shape
    np.testing.assert_allclose(back, rgb, rtol=0, atol=1e-14)
    # Only a channel that is tiny beside the other two can lose a last bit.
    large = np.abs(rgb) > 1e-6
    np.testing.assert_array_equal(back.astype(np.float32)[large], rgb[large])


def test_squared_errors_are_the_same_in_either_basis() -> None:
    rng = np.random.default_rng(1)
    rgb, error = rng.standard_normal((2, 100, 3))
    moved = luma_chroma_from_rgb(rgb + error) - luma_chroma_from_rgb(rgb)
    np.testing.assert_allclose((moved**2).sum(axis=1), (error**2).sum(axis=1), rtol=1e-12)
