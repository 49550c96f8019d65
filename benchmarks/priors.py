"""Which prior a scene is judged with: that of its fold, which has seen neither the scene nor its crops."""

from __future__ import annotations

from pathlib import Path

from benchmarks import ROOT

FOLDER = ROOT / "benchmarks" / "priors"
"""Of fold-0.hgp and so on, as `benchmarks.pretrain` wrote them."""


def prior_of(ply: Path) -> Path | None:
    """Return the file of a prior that may judge a scene, None if there is none here.

    Any prior may judge a scene that none has seen.
    """
    from hemgs_codec.prior.corpus import scene_hash
    from hemgs_codec.prior.library import load_prior

    digest = bytes.fromhex(scene_hash(ply))
    for path in sorted(FOLDER.glob("fold-*.hgp")):
        if digest not in load_prior(path).corpus:
            return path
    return None
