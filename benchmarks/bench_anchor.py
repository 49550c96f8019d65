"""Rate and distortion of trained anchor scenes: whole files, held-out PSNR and SSIM, at many lambdas a model.

Encoding and decoding are fresh processes of the command line. What the second one gives is rendered beside
what this process makes of the same file: they must be the same images. Two sizes are told: the file's, and
what HAC's own accounting would say of the same symbols (48-bit locations, networks as float32). Contexts are
counted.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks.provenance import Results
from benchmarks.stages import Hemgs

if TYPE_CHECKING:
    from hemgs_codec import AnchorScene
    from hemgs_codec.train.dataset import Dataset

RAW_LOCATION_BYTES = 6
FLOAT_BYTES = 4


def lambdas_of(run: Path, count: int) -> list[float]:
    """Return the lambdas to code at: the range that a run was trained for, in equal ratios."""
    options = json.loads((run / "options.json").read_text())
    low, high = options["rate"]["lambda_range"]
    return [low] if low == high else [float(v) for v in np.geomspace(low, high, count)]


def renders(scene: AnchorScene, dataset: Dataset) -> list[Any]:
    """Return the held-out views of a scene, (H, W, 3) float32."""
    from hemgs_codec.anchors.neural import tensors_of
    from hemgs_codec.anchors.render import render_anchors

    tensors = tensors_of(scene)
    return [render_anchors(tensors, photo.camera, dataset.background) for photo in dataset.test]


def scores(images: list[Any], dataset: Dataset) -> dict[str, float]:
    """Return mean PSNR and SSIM against the held-out photos."""
    from hemgs_codec.metrics.psnr import psnr
    from hemgs_codec.metrics.ssim import ssim
    from hemgs_codec.render.eight_bit import eight_bit

    pairs = [
        (dataset.pixels(photo), eight_bit(image)) for photo, image in zip(dataset.test, images, strict=True)
    ]
    return {
        "psnr": round(float(np.mean([psnr(*pair) for pair in pairs])), 4),
        "ssim": round(float(np.mean([ssim(*pair) for pair in pairs])), 5),
    }


def accounted_bytes(info: dict[str, Any], hgs: Path) -> int:
    """Return the file's size with raw locations and float32 networks."""
    from hemgs_codec.anchors.networks import NetworkShape
    from hemgs_codec.coding.fields import unpack_fields
    from hemgs_codec.sections import KNOWN
    from hemgs_format.container import read_container
    from hemgs_format.metadata import unpack_metadata

    container = read_container(hgs.read_bytes(), known=KNOWN)
    meta = next(section.data for section in container.sections if section.id == "META")
    fields = unpack_fields(unpack_metadata(meta), "anchor")
    sizes = {part["id"]: part["bytes"] for part in info["sections"]}
    assert isinstance(fields.shape, NetworkShape), "an anchor file says what its networks are"
    layers = [*fields.spec.matrices().values(), *fields.shape.layers().values()]
    networks = FLOAT_BYTES * sum((fan_in + 1) * fan_out for fan_in, fan_out in layers)
    coded = sizes["LOCS"] + sizes["NETS"] + sizes["MLPS"]
    return int(info["file_bytes"] - coded + networks + RAW_LOCATION_BYTES * info["num_coded"])


def context_sizes(hgs: Path) -> dict[str, float]:
    """Return how many context anchors a file's anchors have: the mean, and the most."""
    from hemgs_codec.context.graph import build_graph
    from hemgs_codec.decoder import decode_symbols

    decoded = decode_symbols(hgs.read_bytes())
    if not decoded.fields.spec.use_context:
        return {"mean_context": 0.0, "max_context": 0}
    geometry = decoded.fields.geometry
    graph = build_graph(
        decoded.coords,
        decoded.fields.lattice.base_points(decoded.coords),
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    sizes = (graph.neighbours >= 0).sum(axis=1)
    return {"mean_context": round(float(sizes.mean()), 2), "max_context": int(sizes.max())}


def measure(hemgs: Hemgs, run: Path, dataset: Dataset, folder: Path, lambda_: float) -> dict[str, Any]:
    """Encode a run at a lambda, decode, and judge."""
    from hemgs_codec import decode
    from hemgs_codec.anchors.read import read_anchor_scene

    hgs, back = folder / "scene.hgs", folder / "back"
    encoded = hemgs.encode(run, hgs, lambda_)
    decoded = hemgs.decode(hgs, back)
    info = hemgs.info(hgs)
    images = renders(read_anchor_scene(back), dataset)
    here = decode(hgs.read_bytes())
    assert not hasattr(here, "sh0"), "an anchor file decodes to an anchor scene"
    difference = max(float(np.abs(a - b).max()) for a, b in zip(images, renders(here, dataset), strict=True))
    return {
        "lambda": lambda_,
        "file_bytes": hgs.stat().st_size,
        "accounted_bytes": accounted_bytes(info, hgs),
        **scores(images, dataset),
        "max_difference": difference,
        **context_sizes(hgs),
        "num_anchors": info["num_anchors"],
        "num_coded": info["num_coded"],
        "encode_s": encoded.seconds,
        "decode_s": decoded.seconds,
        "section_bytes": {part["name"]: part["bytes"] for part in info["sections"]},
    }


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--dataset",
    "source",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The photos that the runs were trained on.",
)
@click.option("--lambdas", "count", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
def main(runs: tuple[Path, ...], source: Path, count: int, threads: int | None) -> None:
    """Measure trained runs, each at as many lambdas as it was trained for."""
    from hemgs_codec.train.dataset import load_dataset

    results = Results("anchor")
    dataset = load_dataset(source)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hemgs = Hemgs(folder / "cache", threads)
        for run in runs:
            options = json.loads((run / "options.json").read_text())
            case = {"scene": dataset.name, "run": run.name, "iterations": options["scene"]["iterations"]}
            train_seconds = training_seconds(run)
            for lambda_ in lambdas_of(run, count):
                row = measure(hemgs, run, dataset, folder, lambda_)
                results.add({**case, **row, "num_views": len(dataset.test), "train_s": train_seconds})


def training_seconds(run: Path) -> float:
    """Return how long the iterations of a run's log took."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    before, total = lines[0]["iteration"] - 100, 0.0
    for line in lines:
        total += line["seconds_per_iteration"] * (line["iteration"] - before)
        before = line["iteration"]
    return round(total, 1)


if __name__ == "__main__":
    main()
