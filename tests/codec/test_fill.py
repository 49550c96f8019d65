"""What a part of a file doesn't tell of Gaussians: worked numbers of SPEC "Partial decoding"."""

from __future__ import annotations

import numpy as np
import pytest

from hemgs_codec.fill import log_spacing


def test_spacing_is_of_the_three_nearest_and_of_two_voxels() -> None:
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [60, 0, 0]])
    # e + 4**2: 12 + 16, 4 + 8 + 8 + 16 thrice, 58**2 + 2 * (60**2 + 4) - 4 + 16, less 4 or so for the nearest
    squares = np.array([28, 36, 36, 36, 58**2 + 60**2 + (60**2 + 2**2) + 16])
    logs = np.floor(256 * np.log2(squares))
    np.testing.assert_allclose(log_spacing(points, 1), logs - np.floor(logs.mean()), atol=3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_points_and_duplicates_have_a_spacing(count: int) -> None:
    assert not log_spacing(np.zeros((count, 3), dtype=np.int64), 0).any()
