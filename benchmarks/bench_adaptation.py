"""What it is worth that a scene sets right what a prior says: predictions as they are coded, tilts of steps.

A row is a scene coded with its fold's prior, with one of the two left out, or with both there. Without
adaptation symbols and renders are nearly the same; without tilts steps are others. So sizes are compared at
equal renders, by the slope between two lambdas with both there: `equal_bytes` is the size at their PSNR.
"""

from __future__ import annotations

import math
from pathlib import Path

import click

from benchmarks.bench_prior import LAMBDA, judges
from benchmarks.priors import FOLDER
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, scene_option


@click.command()
@data_option
@scene_option
@click.option("--effort", type=click.IntRange(0, 9), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
def main(data: Path | None, names: tuple[str, ...], effort: int, threads: int) -> None:
    """Measure scenes with their fold's prior; where something is fitted there are no tilts to leave out."""
    from hemgs_codec.fit.cache import make_fit
    from hemgs_codec.fit.options import EncodeOptions
    from hemgs_codec.threads import use_threads

    variants = {
        "both": EncodeOptions(effort=effort),
        "no adaptation": EncodeOptions(effort=effort, use_adaptation=False),
        "no tilts": EncodeOptions(effort=effort, use_tilts=False),
    }
    if effort:
        del variants["no tilts"]
    results = Results("adaptation")
    with use_threads(threads):
        for judge, path, _, prior in judges(data, names, FOLDER, False):
            whole, slope = (0, 0.0), 0.0
            for variant, options in variants.items():
                fitted = make_fit(judge.channels, judge.member.weights, options, prior=prior)
                coded, _ = judge.code(fitted, LAMBDA)
                psnr = judge.psnr(coded)
                if variant == "both":
                    other, _ = judge.code(fitted, 2 * LAMBDA)
                    whole = len(coded), psnr
                    slope = math.log(len(coded) / len(other)) / (psnr - judge.psnr(other))
                equal = len(coded) * math.exp(slope * (whole[1] - psnr))
                results.add(
                    {
                        **identify(judge.name, path),
                        "num_gaussians": judge.member.scene.num_gaussians,
                        "lambda": LAMBDA,
                        "effort": effort,
                        "variant": variant,
                        "file_bytes": len(coded),
                        "psnr": round(psnr, 4),
                        "equal_bytes": round(equal),
                        "worth": round(equal / whole[0] - 1, 4),
                    }
                )


if __name__ == "__main__":
    main()
