"""Priors: their files, and files that lean on one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hemgs_codec import decode, encode
from hemgs_codec.inspect import describe
from hemgs_codec.ply import read_ply
from hemgs_codec.prior import library
from hemgs_codec.prior.prior import pack_prior, unpack_prior
from hemgs_codec.scene import GaussianScene
from hemgs_format.container import Container, read_container, write_container
from hemgs_format.errors import CorruptError, HgsError, SceneError, UnsupportedVersionError
from tests.mutations import metadata_of, with_metadata
from tests.prior.small import random_prior
from tests.small import CHAIR, crop


@pytest.fixture(scope="module")
def scene() -> GaussianScene:
    return crop(read_ply(CHAIR), 400)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    library.register(random_prior())
    yield
    library._known.clear()


def encoded(scene: GaussianScene, effort: int, *, iterations: int | None = None) -> bytes:
    return encode(
        scene, weights="analytic", prior=random_prior(), effort=effort, iterations=iterations, cache=False
    )


def network_bytes(data: bytes) -> int:
    return sum(part["bytes"] for part in describe(data)["sections"] if part["id"] in ("NETS", "HASH"))


def test_a_prior_comes_back_from_its_file() -> None:
    prior = random_prior()
    data = pack_prior(prior)
    again = unpack_prior(data)
    assert pack_prior(again) == data
    assert (again.id, again.since, again.corpus) == (prior.id, prior.since, prior.corpus)
    for name, matrix in prior.model.weights.items():
        np.testing.assert_array_equal(again.model.weights[name], matrix)


def test_without_effort_there_is_no_fit_and_no_network_in_the_file(scene: GaussianScene) -> None:
    data = encoded(scene, 0)  # which decodes it to compare
    assert network_bytes(data) == 0
    assert isinstance(decode(data), GaussianScene)


def test_a_fit_is_sent_as_differences(scene: GaussianScene) -> None:
    data = encoded(scene, 4, iterations=30)
    assert network_bytes(data) > 0
    assert isinstance(decode(data), GaussianScene)


def test_scenes_of_lower_degree_lean_on_the_same_prior(scene: GaussianScene) -> None:
    flat = replace(scene, shN=np.zeros((scene.num_gaussians, 0, 3), np.float32))
    assert network_bytes(encoded(flat, 0)) == 0


def test_a_prior_that_isnt_there_is_told_with_the_version_that_has_it(scene: GaussianScene) -> None:
    data = encoded(scene, 0)
    library._known.clear()
    with pytest.raises(UnsupportedVersionError, match=r"prior [0-9a-f]{16}.*since version 0\.1\.0"):
        decode(data)


def test_a_files_networks_must_be_the_priors(scene: GaussianScene) -> None:
    data = encoded(scene, 0)
    net = metadata_of(data)["net"]
    for place, value in ((0, net[0] + 1), (1, net[1] + 1), (2, net[2] + 1), (4, 1), (4, 2)):
        changed = [*net[:place], value, *net[place + 1 :]]
        with pytest.raises(CorruptError, match=r'"net" isn\'t that of prior'):
            decode(with_metadata(data, net=changed))


def test_a_prior_of_another_version_is_refused(scene: GaussianScene) -> None:
    data = encoded(scene, 0)
    with pytest.raises(CorruptError, match=r"is since version 0\.1\.0, not 9\.9"):
        decode(with_metadata(data, prior=[random_prior().id, "9.9"]))


def test_metadata_of_a_prior_is_checked(scene: GaussianScene) -> None:
    data = encoded(scene, 0)
    for prior in ([b"short", "0.1.0"], [random_prior().id], "text", [random_prior().id, 3]):
        with pytest.raises(CorruptError, match='"prior" isn'):
            decode(with_metadata(data, prior=prior))
    with pytest.raises(CorruptError, match='"octaves" isn'):
        decode(with_metadata(data, octaves=b"\0"))
    with pytest.raises(CorruptError, match='"tilts" isn'):
        decode(with_metadata(data, tilts=b"\0"))


def test_a_priors_id_is_that_of_its_sections() -> None:
    data = pack_prior(random_prior())
    container = read_container(data, known=frozenset({"PRIO", "NETS", "PNTS"}))
    turned = write_container(replace(container, sections=container.sections[::-1]))
    assert turned != data
    assert unpack_prior(turned).id == random_prior().id


def test_no_effort_without_a_prior_is_refused(scene: GaussianScene) -> None:
    with pytest.raises(SceneError, match="effort 0 is no fit at all"):
        encode(scene, weights="analytic", prior=None, effort=0)


@pytest.mark.parametrize("effort", [-1, 10])
def test_an_effort_that_there_isnt_is_refused(scene: GaussianScene, effort: int) -> None:
    with pytest.raises(SceneError, match=r"effort -?[0-9]+ is out of range: expected 0 \.\. 9"):
        encode(scene, weights="analytic", prior=None, effort=effort)


def test_a_damaged_prior_is_refused() -> None:
    data = bytearray(pack_prior(random_prior()))
    for place in range(0, len(data), 997):
        broken = bytes(data[:place]) + bytes([data[place] ^ 0x55]) + bytes(data[place + 1 :])
        with pytest.raises(HgsError):
            unpack_prior(broken)
    with pytest.raises(CorruptError):
        unpack_prior(write_container(Container("gaussian", 0, 0, ())))


def test_a_prior_without_contexts_is_refused(scene: GaussianScene) -> None:
    with pytest.raises(SceneError, match="a prior has contexts"):
        encode(scene, weights="analytic", prior=random_prior(), context=0)
