"""Fixtures that several test modules share; fits are made once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hemgs_codec import encode, read_ply
from hemgs_codec.scene import GaussianScene
from tests.small import CHAIR, crop


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache of fits out of the tests, and the tests out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEMGS_CACHE", str(tmp_path_factory.mktemp("fits")))
        yield


@pytest.fixture(scope="session")
def chair() -> GaussianScene:
    """The bundled scene: 19,972 trained Gaussians."""
    return read_ply(CHAIR)


@pytest.fixture(scope="session")
def tiny_scene(chair: GaussianScene) -> GaussianScene:
    """350 neighbouring Gaussians of the bundled scene."""
    return crop(chair, 350)


@pytest.fixture(scope="session")
def tiny_file(tiny_scene: GaussianScene) -> bytes:
    """`tiny_scene` after a short fit."""
    return encode(tiny_scene, iterations=40, threads=1)


@pytest.fixture(scope="session")
def raster_file(tiny_scene: GaussianScene) -> bytes:
    """`tiny_scene` in raster order."""
    return encode(tiny_scene, iterations=20, threads=1, order="raster")
