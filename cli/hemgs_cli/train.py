"""hemgs train: photos to an anchor scene and its entropy model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemgs_cli import options
from hemgs_cli.files import echo_json
from hemgs_cli.progress import progress_bar

if TYPE_CHECKING:
    from hemgs_codec.context.order import Order

_CONFIGS: dict[str, dict[str, Any]] = {
    "hemgs": {},
    "hac": {
        "use_context": False,
        "use_earlier": False,
        "use_adaptation": False,
        "use_importance": False,
        "tie_steps": True,
        "masks": "learned",
        "grid_bits": 8.0,
        "grid_features": 4,
    },
    "contextgs": {
        "order": "tiers",
        "context": 1,
        "use_hash": False,
        "use_adaptation": False,
        "use_importance": False,
        "tie_steps": True,
        "masks": "learned",
    },
}
"""What a configuration sets unless its option is given."""


@click.command()
@click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write."
)
@click.option("--iterations", type=click.IntRange(min=100), default=30_000, show_default=True)
@click.option(
    "--lambda-range",
    type=float,
    nargs=2,
    default=(5e-4, 8e-3),
    show_default=True,
    help="Rates that the one model is trained for; both alike: one rate.",
)
@click.option(
    "--lambda-loss",
    type=click.Choice(["draw", "mean"]),
    default="draw",
    show_default=True,
    help="draw: another lambda every iteration; mean: the mean loss of four, the paper's.",
)
@click.option(
    "--voxel-size",
    type=float,
    help="Spacing of the anchors' lattice; half a pixel at the scene's distance if not given.",
)
@click.option("--features", type=click.IntRange(4, 256), default=32, show_default=True, help="Per anchor.")
@click.option(
    "--slots", type=click.IntRange(1, 64), default=10, show_default=True, help="Gaussians an anchor."
)
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Random first points, where the data set has none.",
)
@click.option("--max-anchors", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--growth-gradient", type=float, default=2e-4, show_default=True, help="Less: more anchors.")
@click.option("--images", help="Folder of photos in a COLMAP data set: images_2, images_4, images_8.")
@click.option("--background", type=click.Choice(list(options.BACKGROUNDS)), help="Behind transparent photos.")
@click.option("--resume", is_flag=True, help="Go on with the training in the folder.")
@click.option(
    "--branch",
    "branch_from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Begin with the scene of another training, where it got its entropy model.",
)
@click.option(
    "--config",
    type=click.Choice(list(_CONFIGS)),
    default="hemgs",
    show_default=True,
    help="hac: hash grid only; contextgs: three tiers, coarse to fine, parents as context. "
    "Both want one lambda.",
)
@click.option(
    "--hash/--no-hash",
    "use_hash",
    default=None,
    help="With a hash grid or without; if not given, with one where there are 20,000 anchors or no contexts.",
)
@click.option("--no-context", is_flag=True, help="Ablation: no autoregressive network.")
@click.option("--no-earlier", is_flag=True, help="Ablation: what was coded before isn't seen.")
@click.option("--no-adaptation", is_flag=True, help="Ablation: what was coded sets nothing right.")
@click.option(
    "--masks",
    type=click.Choice(["measured", "learned", "none"]),
    help="How slots are left out: by what they add to images, by trained masks (HAC's), not at all.",
)
@click.option("--no-importance", is_flag=True, help="Ablation: how coarse steps may be isn't sent.")
@click.option("--one-step", is_flag=True, help="Ablation: one step for all slots of an anchor, as in HAC.")
@click.option("--order", type=click.Choice(["permuted", "raster", "tiers"]), help="Coding order.")
@click.option(
    "--context", type=click.IntRange(0, 80), help="Most anchors of a context, 20 if not given; 80 keeps all."
)
@click.option(
    "--window", type=click.IntRange(1, 255), help="Cells an axis to look for them in, 25 if not given."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@options.device
@options.threads
@options.as_json
def train(
    dataset: Path,
    output: Path,
    iterations: int,
    lambda_range: tuple[float, float],
    lambda_loss: str,
    voxel_size: float | None,
    features: int,
    slots: int,
    points: int,
    max_anchors: int,
    growth_gradient: float,
    images: str | None,
    background: str | None,
    resume: bool,
    branch_from: Path | None,
    config: str,
    use_hash: bool | None,
    no_context: bool,
    no_adaptation: bool,
    no_earlier: bool,
    masks: str | None,
    no_importance: bool,
    one_step: bool,
    order: Order | None,
    context: int | None,
    window: int | None,
    seed: int,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Train an anchor scene and its entropy model on photos with cameras.

    DATASET is a Blender set (transforms_train.json), a COLMAP one (sparse/0 and images) or nerfstudio's
    (transforms.json). One training serves every rate: hemgs encode takes the folder and any lambda of the
    range. A training that was stopped goes on with --resume, to the same result.

    \b
    Examples:
      hemgs train chair -o runs/chair
      hemgs train bonsai -o runs/bonsai --images images_4 --iterations 30000
      hemgs train chair -o runs/chair --resume
      hemgs train chair -o runs/hac --branch runs/chair --config hac --lambda-range 2e-3 2e-3
      hemgs encode runs/chair --lambda 2e-3 -o chair.hgs
    """
    start = time.perf_counter()

    from hemgs_codec.train.dataset import load_dataset
    from hemgs_codec.train.options import RateOptions, SceneOptions, check_options
    from hemgs_codec.train.run import train as run_training

    chosen = dict(_CONFIGS[config])
    given = {"order": order, "context": context, "window": window, "masks": masks, "use_hash": use_hash}
    chosen.update({name: value for name, value in given.items() if value is not None})
    switches = {
        "use_context": no_context,
        "use_earlier": no_earlier,
        "use_adaptation": no_adaptation,
        "use_importance": no_importance,
    }
    chosen.update({name: False for name, is_off in switches.items() if is_off})
    if one_step:
        chosen["tie_steps"] = True
    low, high = lambda_range
    rate = RateOptions(lambda_range=(low, high), lambda_samples=4 if lambda_loss == "mean" else 1, **chosen)
    scene = SceneOptions(
        iterations=iterations,
        voxel_size=voxel_size,
        features=features,
        slots=slots,
        points=points,
        max_anchors=max_anchors,
        growth_gradient=growth_gradient,
        seed=seed,
    )
    check_options(scene, rate)
    photos = load_dataset(
        dataset,
        background=None if background is None else options.BACKGROUNDS[background],
        images=images,
    )
    with progress_bar() as progress:
        finished = run_training(
            photos,
            output,
            scene,
            rate,
            resume=resume,
            branch_from=branch_from,
            device=device,
            threads=threads,
            progress=progress,
        )
    seconds = time.perf_counter() - start
    count = 0 if finished is None else finished.scene.num_anchors
    if as_json:
        echo_json({"input": str(dataset), "output": str(output), "num_anchors": count, "seconds": seconds})
    else:
        click.echo(f"{output}: {count:,} anchors, {seconds:.0f} s", err=True)
