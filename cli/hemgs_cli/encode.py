"""hemgs encode: a 3DGS .ply, or a folder with an anchor scene, to an .hgs file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hemgs_cli import options
from hemgs_cli.encode_folder import encode_folder
from hemgs_cli.files import DASH, check_output, default_output, write_output
from hemgs_cli.progress import progress_bar
from hemgs_cli.sizes import parse_ratio, parse_size
from hemgs_cli.written import report_written

if TYPE_CHECKING:
    from hemgs_codec.context.order import Order


@click.command()
@options.source_scene
@options.output
@click.option(
    "--lambda",
    "lambda_",
    type=float,
    default=2e-3,
    show_default=True,
    help="Weight of the rate: larger is smaller and coarser, 1e-7 to 1.6e-2.",
)
@click.option(
    "--target-size",
    callback=parse_size,
    help="Largest file instead of a lambda: 4MB, 900kB, 1.5MiB or a number of bytes.",
)
@click.option(
    "--target-psnr",
    type=float,
    help="Smallest file whose renders keep this many dB to the original's, instead of a lambda.",
)
@click.option(
    "--cameras",
    "cameras_path",
    type=click.Path(exists=True, path_type=Path),
    help="Views that people will look from, as for hemgs render; made up if not given.",
)
@options.background
@click.option(
    "--weights",
    type=click.Choice(["rendered", "analytic"]),
    default="rendered",
    show_default=True,
    help="What errors cost: measured in renders, or guessed from the values, which is faster.",
)
@click.option(
    "--compact",
    callback=parse_ratio,
    metavar="auto|RATIO",
    help="Leave out and merge Gaussians that images hardly show: as long as it pays at this lambda, or down "
    "to one in RATIO.",
)
@click.option(
    "--refine",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Move values to where they look right and cost little, N steps of one view each, before they are "
    "coded: some hundreds.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Photos of the cameras that aren't held out, to refine towards instead of renders of the scene.",
)
@click.option(
    "--effort",
    type=click.IntRange(0, 9),
    metavar="0..9",
    help="How long to fit, 4 if not given: more is slower, and smaller up to 4; 0 fits nothing, shipped "
    "networks do. 2 takes a fifth of 4's time, 6 twice, 9 six times.",
)
@click.option(
    "--no-prior",
    is_flag=True,
    help="Ablation: fit and send whole networks, not what they add to shipped ones.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the fit.")
@click.option(
    "--iterations",
    type=click.IntRange(min=0),
    help="Length of the fit; by effort and scene size if not given.",
)
@click.option(
    "--order",
    type=click.Choice(["permuted", "raster", "tiers"]),
    default="permuted",
    show_default=True,
    help="Coding order: raster is the paper's, permuted decodes in far fewer steps, tiers in three.",
)
@click.option(
    "--context",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Decoded neighbours that predict a Gaussian.",
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    default=25,
    show_default=True,
    help="Cells an axis to look for them in.",
)
@click.option(
    "--position-bits",
    type=click.IntRange(1, 21),
    help="Bits an axis of the positions; chosen by rate and distortion if not given.",
)
@click.option("--voxel-size", type=float, help="Of an anchor scene's lattice; found if not given.")
@click.option(
    "--trust",
    is_flag=True,
    help="Load an anchor scene's networks from TorchScript files, which may run any code.",
)
@options.drop_invalid
@click.option("--no-verify", is_flag=True, help="Don't decode the result to check it.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep a fit in the cache directory.")
@click.option(
    "--model",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the fit in this file, or use the one it holds.",
)
@options.device
@options.threads
@options.force
@options.as_json
def encode(
    source: str,
    output: str | None,
    lambda_: float,
    target_size: int | None,
    target_psnr: float | None,
    cameras_path: Path | None,
    background: str,
    weights: Literal["rendered", "analytic"],
    compact: Literal["auto"] | float | None,
    refine: int,
    images: Path | None,
    effort: int | None,
    no_prior: bool,
    seed: int,
    iterations: int | None,
    order: Order,
    context: int,
    window: int,
    position_bits: int | None,
    voxel_size: float | None,
    trust: bool,
    drop_invalid: bool,
    no_verify: bool,
    no_cache: bool,
    model: Path | None,
    device: str,
    threads: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compress a vanilla 3DGS .ply, or a folder with an anchor scene, into an .hgs file.

    The entropy model is fitted to the scene first; the fit is cached, so that another --lambda of the
    same scene is one coding pass. Bits go where renders need them: name your cameras if you have some.
    The result is decoded and compared before it is written.

    A folder holds an anchor scene: of hemgs train, which brings its entropy model, or of Scaffold-GS or HAC.

    \b
    Examples:
      hemgs encode scene.ply
      hemgs encode scene.ply --cameras cameras.json --background white
      hemgs encode scene.ply --target-size 4MB
      hemgs encode scene.ply --lambda 4e-3 -o small.hgs
      hemgs encode scene.ply --effort 0 --weights analytic --no-verify
      hemgs encode scene.ply --lambda 8e-3 --cameras cameras.json --refine 500
      hemgs encode - -o - < scene.ply > scene.hgs
      hemgs encode runs/chair --lambda 4e-3 -o chair.hgs
      hemgs encode scaffold_output -o scene.hgs --voxel-size 0.001
    """
    if images is not None and (not refine or cameras_path is None):
        raise click.UsageError("--images needs --refine and --cameras")
    if refine and (target_size is not None or target_psnr is not None):
        raise click.UsageError(
            "--refine goes with --lambda: find one with a target first (hemgs info tells it)"
        )
    is_folder = source != DASH and Path(source).is_dir()
    if not is_folder and (voxel_size is not None or trust):
        raise click.UsageError("--voxel-size and --trust are for folders with an anchor scene")
    output = output or (str(Path(source)) + ".hgs" if is_folder else default_output(source, ".hgs"))
    check_output(output, source=source, force=force)
    start = time.perf_counter()
    if is_folder:
        given = {
            "lambda_": lambda_,
            "target_size": target_size,
            "target_psnr": target_psnr,
            "cameras_path": cameras_path,
            "background": options.BACKGROUNDS[background],
            "weights": weights,
            "compact": compact,
            "refine": refine,
            "images": images,
            "effort": effort,
            "no_prior": no_prior,
            "seed": seed,
            "iterations": iterations,
            "order": order,
            "context": context,
            "window": window,
            "position_bits": position_bits,
            "voxel_size": voxel_size,
            "trust": trust,
            "drop_invalid": drop_invalid,
            "verify": not no_verify,
            "cache": not no_cache,
            "model": model,
            "device": device,
            "threads": threads,
        }
        notes: list[str] = []
        with progress_bar() as progress:
            data, count = encode_folder(Path(source), given, notes.append, progress)
        write_output(output, lambda stream: stream.write(data), force=force)
        report_written(source, output, data, count, time.perf_counter() - start, notes, as_json)
        return

    import hemgs_codec
    from hemgs_codec.cameras import read_cameras
    from hemgs_codec.fit.options import DEFAULT_EFFORT
    from hemgs_codec.ply import read_ply_with_report

    cameras = None if cameras_path is None else read_cameras(cameras_path)

    scene, report = read_ply_with_report(
        sys.stdin.buffer if source == DASH else source, drop_invalid=drop_invalid
    )
    if not as_json:
        for note in report.notes():
            click.echo(f"note: {note}", err=True)
    with progress_bar() as progress:
        data = hemgs_codec.encode(
            scene,
            lambda_=lambda_,
            target_size=target_size,
            target_psnr=target_psnr,
            cameras=cameras,
            background=options.BACKGROUNDS[background],
            weights=weights,
            compact=compact,
            refine=refine,
            images=images,
            effort=DEFAULT_EFFORT if effort is None else effort,
            prior=None if no_prior else "default",
            seed=seed,
            iterations=iterations,
            order=order,
            context=context,
            window=window,
            position_bits=position_bits,
            verify=not no_verify,
            cache=not no_cache,
            model=model,
            device=device,
            threads=threads,
            progress=progress,
        )
    write_output(output, lambda stream: stream.write(data), force=force)
    seconds = time.perf_counter() - start
    report_written(source, output, data, scene.num_gaussians, seconds, report.notes(), as_json)
