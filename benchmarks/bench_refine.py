"""What refinement is worth: bytes, and renders of views held out beside the original's and beside photos.

One fit a scene; then, at each lambda, a file without and one with refinement towards renders of the original.
Scenes need a `cameras.json` beside them, and photos of the held-out cameras.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, scene_option, scene_path

if TYPE_CHECKING:
    from hemgs_codec.render.eight_bit import UInt8Array

LAMBDAS = (2e-3, 8e-3, 1.6e-2)


def mean_psnr(expected: list[UInt8Array], images: list[UInt8Array]) -> float:
    """Return the mean PSNR over views in dB."""
    from hemgs_codec.metrics import psnr

    return round(float(np.mean([psnr(a, b) for a, b in zip(expected, images, strict=True)])), 3)


@click.command()
@data_option
@scene_option
@click.option("--lambda", "lambdas", type=float, multiple=True, default=LAMBDAS, show_default=True)
@click.option(
    "--steps",
    "lengths",
    type=click.IntRange(min=0),
    multiple=True,
    default=(0, 500),
    show_default=True,
    help="Steps of refinement, may be repeated.",
)
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    lambdas: tuple[float, ...],
    lengths: tuple[int, ...],
    iterations: int | None,
    threads: int | None,
) -> None:
    """Put files of refined scenes beside those of scenes as they came."""
    from hemgs_codec import profile, read_ply
    from hemgs_codec.cameras import read_cameras
    from hemgs_codec.channel_scene import gaussian_channels
    from hemgs_codec.decoder import decode_gaussians
    from hemgs_codec.distortion.measured import measured_weights
    from hemgs_codec.distortion.views import choose_views
    from hemgs_codec.fit.fit import fit_model
    from hemgs_codec.fit.options import EncodeOptions
    from hemgs_codec.passes import CodingPass, Refinement
    from hemgs_codec.photos import find_photos, read_photo
    from hemgs_codec.refine import Targets
    from hemgs_codec.threads import use_threads

    results = Results("refine")
    for name in names or ("chair", "mic"):
        ply = scene_path(name, data)
        red, green, blue = json.loads((ply.parent / "metrics.json").read_text())["background"]
        scene = read_ply(ply)
        with use_threads(threads) as used:
            views = choose_views(scene, read_cameras(ply.parent / "cameras.json"), (red, green, blue))
            photos = [
                read_photo(p, views.background) for p in find_photos(ply.parent / "images", views.judged)
            ]
            originals = views.render_judged(scene)
            attributes = profile.attributes_from_scene(scene)
            weights = measured_weights(scene, attributes, views.measured, views.background)
            channels = gaussian_channels(scene, attributes)
            fitted = fit_model(channels, weights, EncodeOptions(iterations=iterations))
            targets = Targets(scene, views)

            for lambda_ in lambdas:
                for steps in lengths:
                    refinement = Refinement(scene, targets, steps, 0) if steps else None
                    start = time.perf_counter()
                    code = CodingPass(channels, weights, fitted, None, refinement, "cpu", None)
                    file = code(lambda_)
                    seconds = round(time.perf_counter() - start, 1)
                    renders = views.render_judged(decode_gaussians(file))
                    results.add(
                        {
                            **identify(name, ply),
                            "num_gaussians": scene.num_gaussians,
                            "lambda": lambda_,
                            "steps": steps,
                            "threads": used,
                            "file_bytes": len(file),
                            "num_views": len(views.judged),
                            "psnr_vs_original": mean_psnr(originals, renders),
                            "psnr_photo_decoded": mean_psnr(photos, renders),
                            "psnr_photo_original": mean_psnr(photos, originals),
                            "seconds": seconds,
                        }
                    )


if __name__ == "__main__":
    main()
