"""Arguments and options that several commands share."""

from __future__ import annotations

import click

source_hgs = click.argument(
    "source", metavar="SCENE.HGS", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
source_scene = click.argument("source", metavar="SCENE", type=click.Path(exists=True, allow_dash=True))
output = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True),
    help="File to write; - is standard output.",
)
force = click.option("-f", "--force", is_flag=True, help="Replace the output if it exists.")
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of a text for people."
)
device = click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where the networks run: cpu, or cuda where there is one.",
)
threads = click.option(
    "--threads", type=click.IntRange(min=1), help="CPU threads; the machine's cores if not given."
)
max_points = click.option(
    "--max-points",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse a file of more Gaussians or anchors, before memory is asked for: for files of strangers.",
)
drop_invalid = click.option(
    "--drop-invalid",
    is_flag=True,
    help="Leave out Gaussians with NaN or infinite values instead of stopping.",
)
split = click.option(
    "--split",
    type=click.Choice(["all", "test"]),
    default="test",
    show_default=True,
    help="Which views: all, or those held out (every eighth where the file doesn't say).",
)
BACKGROUNDS = {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)}
background = click.option(
    "--background",
    type=click.Choice(list(BACKGROUNDS)),
    default="black",
    show_default=True,
    help="Behind it all; a scene was trained on one of them.",
)
