"""The priors that ship: all that files may name, and small enough to ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemgs_codec.prior.library import DEFAULT, FOLDER, default_prior, find_prior, load_prior
from hemgs_codec.prior.prior import pack_prior
from hemgs_codec.shapes import GaussianShape

SHIPPED = sorted(FOLDER.glob("*.hgp"))


def test_there_is_one_to_encode_with() -> None:
    assert FOLDER / DEFAULT in SHIPPED


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_every_vanilla_scene_has_a_prior(degree: int) -> None:
    assert default_prior(GaussianShape(degree)) is load_prior(FOLDER / DEFAULT)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_prior_is_found_by_its_name(path: Path) -> None:
    prior = load_prior(path)
    assert find_prior(prior.id, prior.since) is prior


def test_priors_are_small_and_say_what_they_have_seen() -> None:
    assert sum(path.stat().st_size for path in SHIPPED) <= 4_500_000
    for path in SHIPPED:
        prior = load_prior(path)
        assert pack_prior(prior) == path.read_bytes()
        assert list(prior.corpus) == sorted(set(prior.corpus))
        assert len(prior.corpus) >= 7
