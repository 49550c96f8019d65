"""Hostile files, a few of each kind: all readers refuse them in time, or take them for what they are.

`python -m tests.hostile.sweep` tries 100,000 of them; `benchmarks/results/hostile.jsonl` has what came of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.decoder import decode
from tests.hostile.attacks import ATTACKS, SEALED, TRUNCATED, corpus
from tests.hostile.readers import READERS, mended
from tests.hostile.sweep import Tally, judged
from tests.hostile.table import latest_rows, table
from tests.mutations import with_metadata
from tests.small import ROOT

MAX_SECONDS = 5.0
MAX_BYTES = 100_000_000
FOUND = sorted((Path(__file__).parent / "found").glob("*.hgs"))


def check(reader: str, counts: dict[str, int]) -> dict[str, Tally]:
    """Judge some cases of each attack."""
    tallies = {attack: Tally(reader, attack) for attack in counts}
    for attack, judgement in judged(reader, counts):
        tallies[attack].add(*judgement)
    for attack, tally in tallies.items():
        assert tally.done == counts[attack]
        assert not tally.findings
        assert tally.slowest_s < MAX_SECONDS
        assert tally.most_bytes < MAX_BYTES
    return tallies


def test_the_containers_of_both_decoders_agree() -> None:
    check("containers", dict.fromkeys(ATTACKS, 40) | {TRUNCATED: 300})


def test_the_decoder_refuses_or_decodes() -> None:
    tallies = check("decoder", dict.fromkeys(ATTACKS, 6) | {TRUNCATED: 300})
    assert all(tallies[attack].verdicts["other"] == 0 for attack in counts_alone())


def counts_alone() -> set[str]:
    return (set(ATTACKS) | {TRUNCATED}) - set(SEALED)


@pytest.mark.slow
def test_the_decoder_refuses_or_decodes_many() -> None:
    check("decoder", dict.fromkeys(ATTACKS, 400))


@pytest.mark.slow
def test_both_decoders_agree_about_everything() -> None:
    check("both decoders", dict.fromkeys(SEALED, 40))


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
@pytest.mark.parametrize("reader", ["containers", "decoder"])
def test_what_attacks_found_is_refused_or_decodes(path: Path, reader: str) -> None:
    assert not READERS[reader]("one-anchor", path.read_bytes(), True).startswith("FINDING")


def test_a_lattice_too_fine_for_floats_has_no_voxel_size() -> None:
    scene = decode(mended(with_metadata(corpus()["one-anchor"], unit=1e-310)))
    assert isinstance(scene, AnchorScene)
    assert scene.voxel_size is None


def test_the_table_of_results_is_that_of_the_rows_and_has_no_finding() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert (
        text.partition("<!-- hostile -->\n")[2].partition("<!-- /hostile -->")[0].strip() == table().strip()
    )
    assert all(row["anything_else"] == 0 for row in latest_rows())
