"""Train plain 3D Gaussian scenes of photos on a GPU with gsplat, for priors to learn from.

What a trainer does to a scene's statistics (its densification, its length, the size of its photos) shows in
what a codec finds there, so a corpus has several of each capture. Needs a CUDA device; a scene trained twice
isn't the same to the bit.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import torch

    from hemgs_codec.train.dataset import Dataset

DEGREE = 3
_SSIM_FROM = 11  # pixels: SSIM's window
_RATES = {"scales": 5e-3, "quats": 1e-3, "opacities": 5e-2, "sh0": 2.5e-3, "shN": 2.5e-3 / 20}
_MEANS_RATE, _MEANS_DECAY = 1.6e-4, 0.01


@dataclass(frozen=True)
class VanillaOptions:
    """How a scene is trained: length, who makes Gaussians, at most how many, how many to start from."""

    iterations: int = 7000
    strategy: str = "default"
    most: int = 100_000
    first: int = 50_000
    seed: int = 0


def first_parameters(dataset: Dataset, options: VanillaOptions) -> torch.nn.ParameterDict:
    """Return grey Gaussians at the points of a data set, as wide as their neighbours are far."""
    import numpy as np
    import torch

    from hemgs_codec.train.initial_points import initial_points
    from hemgs_codec.train.spacing import nearest_distances

    points = initial_points(dataset, options.first, options.seed).astype(np.float32)
    distances = np.maximum(nearest_distances(points), 1e-6)
    count = len(points)
    values = {
        "means": torch.from_numpy(points),
        "scales": torch.from_numpy(np.log(distances)).float()[:, None].repeat(1, 3),
        "quats": torch.tensor([1.0, 0.0, 0.0, 0.0]).repeat(count, 1),
        "opacities": torch.full((count,), math.log(0.1 / 0.9)),
        "sh0": torch.zeros((count, 1, 3)),
        "shN": torch.zeros((count, (DEGREE + 1) ** 2 - 1, 3)),
    }
    return torch.nn.ParameterDict({name: torch.nn.Parameter(value.cuda()) for name, value in values.items()})


def train_vanilla(dataset: Dataset, options: VanillaOptions) -> tuple[torch.nn.ParameterDict, float]:
    """Train a scene; return its parameters and the mean PSNR of held-out photos."""
    import numpy as np
    import torch
    from gsplat import DefaultStrategy, MCMCStrategy, rasterization

    from hemgs_codec.train.initial_points import scene_extent
    from hemgs_codec.train.loss import torch_loss

    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    extent = scene_extent([photo.camera for photo in dataset.train])
    params = first_parameters(dataset, options)
    rates = {"means": _MEANS_RATE * extent, **_RATES}
    optimisers = {
        name: torch.optim.Adam([{"params": params[name], "lr": rate}], eps=1e-15)
        for name, rate in rates.items()
    }
    grows = options.strategy == "default"
    until = options.iterations * 2 // 3
    strategy: Any = (
        DefaultStrategy(refine_stop_iter=until)
        if grows
        else MCMCStrategy(cap_max=options.most, refine_stop_iter=until)
    )
    strategy.check_sanity(params, optimisers)
    state = strategy.initialize_state(**({"scene_scale": extent} if grows else {}))
    background = torch.tensor([dataset.background], device="cuda")
    photos = [torch.from_numpy(np.array(dataset.pixels(photo))).cuda() for photo in dataset.train]

    def draw(camera: Any, degree: int) -> tuple[torch.Tensor, dict[str, Any]]:
        intrinsics = [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]]
        images, _, info = rasterization(
            params["means"],
            params["quats"],
            params["scales"].exp(),
            params["opacities"].sigmoid(),
            torch.cat([params["sh0"], params["shN"]], dim=1),
            torch.from_numpy(camera.world_to_camera).float().cuda()[None],
            torch.tensor(intrinsics, device="cuda")[None],
            camera.width,
            camera.height,
            sh_degree=degree,
            packed=False,
            backgrounds=background,
        )
        return images[0], info

    for iteration in range(options.iterations):
        place = int(rng.integers(len(photos)))
        rate = rates["means"] * _MEANS_DECAY ** (iteration / options.iterations)
        for group in optimisers["means"].param_groups:
            group["lr"] = rate
        degree = min(DEGREE, iteration * 30 // options.iterations)
        image, info = draw(dataset.train[place].camera, degree)
        strategy.step_pre_backward(params, optimisers, state, iteration, info) if grows else None
        loss = torch_loss(image, photos[place].float() / 255)
        if not grows:
            loss = loss + 0.01 * (params["opacities"].sigmoid().mean() + params["scales"].exp().mean())
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if grows and len(params["means"]) < options.most:
            strategy.step_post_backward(params, optimisers, state, iteration, info)
        elif not grows:
            strategy.step_post_backward(params, optimisers, state, iteration, info, lr=rate)
    with torch.no_grad():
        errors = []
        for photo in dataset.test:
            target = torch.from_numpy(np.array(dataset.pixels(photo))).cuda().float() / 255
            image = draw(photo.camera, DEGREE)[0].clamp(0, 1)
            errors.append(-10 * math.log10(float((image - target).square().mean())))
    return params, sum(errors) / len(errors)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--iterations", type=click.IntRange(min=100), default=7000, show_default=True)
@click.option("--strategy", type=click.Choice(["default", "mcmc"]), default="default", show_default=True)
@click.option("--most", type=click.IntRange(min=1), default=100_000, show_default=True, help="Gaussians.")
@click.option("--max-width", type=click.IntRange(min=_SSIM_FROM), default=1600, show_default=True)
@click.option("-o", "output", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(folder: Path, iterations: int, strategy: str, most: int, max_width: int, output: Path) -> None:
    """Train a scene of the photos in FOLDER, and write it as corpora have them."""
    import numpy as np

    from hemgs_codec.cameras.inria import pack_cameras_json
    from hemgs_codec.ply import write_ply
    from hemgs_codec.scene import GaussianScene
    from hemgs_codec.train.dataset import load_dataset

    dataset = load_dataset(folder, max_width=max_width)
    options = VanillaOptions(iterations, strategy, most)
    params, psnr = train_vanilla(dataset, options)

    def array(name: str, *shape: int) -> Any:
        values = params[name].detach().cpu().numpy().astype(np.float32)
        return np.ascontiguousarray(values.reshape(len(values), *shape))

    scene = GaussianScene(
        means=array("means", 3),
        log_scales=array("scales", 3),
        quats=array("quats", 4),
        opacity_logits=array("opacities"),
        sh0=array("sh0", 3),
        shN=array("shN", (DEGREE + 1) ** 2 - 1, 3),
    )
    output.mkdir(parents=True, exist_ok=True)
    write_ply(scene, output / "point_cloud.ply")
    views = [(photo.camera, "train") for photo in dataset.train]
    views += [(photo.camera, "test") for photo in dataset.test]
    (output / "cameras.json").write_bytes(pack_cameras_json(views))
    metrics = {
        **asdict(options),
        "max_width": max_width,
        "test_psnr": psnr,
        "gaussians": scene.num_gaussians,
        "background": list(dataset.background),
    }
    (output / "metrics.json").write_text(json.dumps(metrics, indent=1))
    click.echo(json.dumps(metrics))


if __name__ == "__main__":
    main()
