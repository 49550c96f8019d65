"""What a scene-agnostic prior is worth, by folds: every scene is coded with a prior that never saw it.

A row is one encode: bytes, seconds, and the PSNR of renders against the original's. Steps are others with
another fit, so sizes are compared at equal PSNR: `equal_bytes` is the size moved along the curve that the
same scene has without a prior, from two lambdas of one fit.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks import ROOT
from benchmarks.pretrain import FOLDS
from benchmarks.priors import FOLDER
from benchmarks.provenance import RESULTS, Results
from benchmarks.report import read_rows
from benchmarks.scenes import data_option, identify, known_scenes, scene_option, scene_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemgs_codec.distortion.views import ViewSet
    from hemgs_codec.fit.fitted import FittedModel
    from hemgs_codec.prior.corpus import CorpusScene
    from hemgs_codec.prior.prior import Prior

LAMBDA = 2e-3
"""Of all rows; the curve is from here to its double."""


def unseen_prior(path: Path, scene_hash: str, seen: bool) -> Prior:
    """Read a prior's file to judge a scene with.

    Raises
    ------
    click.ClickException
        It was trained on that scene, and nobody said that this is wanted.
    """
    from hemgs_codec.prior.library import load_prior

    prior = load_prior(path)
    if bytes.fromhex(scene_hash) in prior.corpus and not seen:
        raise click.ClickException(f"{path.name} has seen this scene: --seen scores it all the same")
    return prior


def kept_reference(rows: list[dict[str, Any]], name: str) -> tuple[dict[str, Any], float]:
    """Return a scene's latest row without a prior, and the slope of the log of its size, by dB.

    Raises
    ------
    click.ClickException
        There is none.
    """
    for row in reversed(rows):
        if row["scene"] == name and "prior_file" not in row and "log_bytes_per_db" in row:
            return row, row["log_bytes_per_db"]
    raise click.ClickException(f"no row of {name} without a prior is there: leave out --kept")


class Judge:
    """A scene, its views, and what it takes without a prior."""

    def __init__(self, name: str, member: CorpusScene, views: ViewSet) -> None:
        from hemgs_codec import profile
        from hemgs_codec.channel_scene import gaussian_channels

        self.name, self.member, self.views = name, member, views
        attributes = profile.attributes_from_scene(member.scene)
        self.channels = gaussian_channels(member.scene, attributes, member.scene.num_gaussians)
        self.pictures = views.render_judged(member.scene)
        self.slope = 0.0  # of the log of the size, by dB

    def psnr(self, data: bytes) -> float:
        """Return the mean PSNR of renders of a file's scene against the original's."""
        from hemgs_codec import decode
        from hemgs_codec.metrics.psnr import psnr
        from hemgs_codec.scene import GaussianScene

        scene = decode(data)
        assert isinstance(scene, GaussianScene)
        shown = self.views.render_judged(scene)
        return sum(psnr(a, b) for a, b in zip(shown, self.pictures, strict=True)) / len(shown)

    def fit(self, prior: Prior | None, effort: int) -> tuple[FittedModel, float]:
        """Fit a model as `hemgs encode` does: it and the seconds."""
        from hemgs_codec.fit.cache import make_fit
        from hemgs_codec.fit.options import EncodeOptions

        start = time.perf_counter()
        options = EncodeOptions(effort=effort)
        fitted = make_fit(self.channels, self.member.weights, options, prior=prior)
        return fitted, time.perf_counter() - start

    def code(self, fitted: FittedModel, lambda_: float) -> tuple[bytes, float]:
        """Code the scene: the file and the seconds."""
        from hemgs_codec.passes import CodingPass

        start = time.perf_counter()
        data = CodingPass(self.channels, self.member.weights, fitted, None, None, "cpu", None)(lambda_)
        return data, time.perf_counter() - start

    def row(self, prior: Prior | None, effort: int) -> dict[str, Any]:
        """Encode and judge."""
        from hemgs_codec.fit.options import DEFAULT_EFFORT
        from hemgs_codec.inspect import describe

        fitted, fit_s = self.fit(prior, effort)
        data, code_s = self.code(fitted, LAMBDA)
        parts = {part["id"]: part["bytes"] for part in describe(data)["sections"]}
        row = {
            "effort": effort,
            "file_bytes": len(data),
            "network_bytes": parts["NETS"] + parts["HASH"],
            "psnr": round(self.psnr(data), 4),
            "fit_s": round(fit_s, 2),
            "code_s": round(code_s, 2),
        }
        if prior is None and effort == DEFAULT_EFFORT:
            other, _ = self.code(fitted, 2 * LAMBDA)
            self.slope = math.log(len(data) / len(other)) / (row["psnr"] - self.psnr(other))
            row["log_bytes_per_db"] = round(self.slope, 5)
            self.reference = row
        if prior is not None:
            row["prior"] = prior.id.hex()
        row["equal_bytes"] = round(
            row["file_bytes"] * math.exp(self.slope * (self.reference["psnr"] - row["psnr"]))
        )
        row["saved"] = round(1 - row["equal_bytes"] / self.reference["file_bytes"], 4)
        return row


def judges(
    data: Path | None, names: tuple[str, ...], priors: Path, seen: bool
) -> Iterator[tuple[Judge, Path, Path, Prior]]:
    """Open scenes, each with its file and with the prior to judge it by: its file, and what is in it.

    Parameters
    ----------
    names
        Of scenes; all if there are none.
    priors
        Folder of folds' priors, or one prior's file.
    seen
        Whether a prior may have seen the scene.

    Raises
    ------
    click.ClickException
        It has, and mayn't.
    """
    from hemgs_codec.cameras import read_cameras
    from hemgs_codec.distortion.views import choose_views
    from hemgs_codec.prior.corpus import (
        CAMERAS,
        METRICS,
        background_of,
        folds,
        list_corpus,
        load_member,
        scene_hash,
    )
    from hemgs_codec.prior.library import register

    paths = {name: scene_path(name, data) for name in known_scenes(data)}
    fold_of = folds([entry.hash for entry in list_corpus(paths.values())], FOLDS)
    for name in names or tuple(paths):
        path = paths[name]
        file = priors / f"fold-{fold_of[scene_hash(path)]}.hgp" if priors.is_dir() else priors
        prior = unseen_prior(file, scene_hash(path), seen)
        register(prior)
        member = load_member(path, ROOT / "runs" / "weights")
        cameras = path.parent / CAMERAS
        looked = read_cameras(cameras) if cameras.is_file() else None
        views = choose_views(member.scene, looked, background_of(path.parent / METRICS))
        yield Judge(name, member, views), path, file, prior


@click.command()
@data_option
@scene_option
@click.option(
    "--priors",
    type=click.Path(exists=True, path_type=Path),
    default=FOLDER,
    help="Folder of fold-0.hgp and so on, as benchmarks.pretrain writes them; or one prior's file.",
)
@click.option("--effort", "efforts", type=click.IntRange(0, 9), multiple=True, default=(0, 2, 4, 6, 9))
@click.option("--seen", is_flag=True, help="Score scenes that a prior has seen, too; rows say so.")
@click.option("--kept", is_flag=True, help="Compare with the row without a prior that is there already.")
@click.option("--alone", is_flag=True, help="These efforts without a prior.")
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
def main(
    data: Path | None,
    names: tuple[str, ...],
    priors: Path,
    efforts: tuple[int, ...],
    seen: bool,
    kept: bool,
    alone: bool,
    threads: int,
) -> None:
    """Measure scenes with their fold's prior at some efforts, and without one at the default effort."""
    from hemgs_codec.fit.options import DEFAULT_EFFORT
    from hemgs_codec.threads import use_threads

    results = Results("prior")
    with use_threads(threads):
        for judge, path, file, prior in judges(data, names, priors, seen):
            member, name = judge.member, judge.name
            known = {"num_gaussians": member.scene.num_gaussians, "lambda": LAMBDA, "threads": threads}
            if bytes.fromhex(member.hash) in prior.corpus:
                known["seen"] = True
            if kept:
                judge.reference, judge.slope = kept_reference(read_rows(RESULTS / "prior.jsonl"), name)
            else:
                row = judge.row(None, DEFAULT_EFFORT)
                results.add({**identify(name, path), **known, "prior": None, **row})
            whose: dict[str, Any] = {"prior": None} if alone else {"prior_file": file.stem}
            for effort in efforts:
                row = judge.row(None if alone else prior, effort)
                results.add({**identify(name, path), **known, **whose, **row})


if __name__ == "__main__":
    main()
