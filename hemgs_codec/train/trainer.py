"""Train an anchor scene, then the scene and its entropy model together (paper section 3; HAC's schedule).

clean ── noise of fixed steps ── rate: steps of the variable-rate predictor, bits beside the image's loss
 growth and pruning of anchors ──┘
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import torch

from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.distortion.views import spread_views
from hemgs_codec.progress import Progress
from hemgs_codec.render.camera import Camera
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_codec.train.dataset import Dataset
from hemgs_codec.train.growth import Growth
from hemgs_codec.train.initial_points import initial_points
from hemgs_codec.train.judge import held_out_psnr, side_by_side
from hemgs_codec.train.noise import measure_steps, noisy_values
from hemgs_codec.train.options import RateOptions, SceneOptions
from hemgs_codec.train.parameters import SceneParameters, first_parameters, scene_from
from hemgs_codec.train.pruning import PRUNE_SHARES, all_bits, prune_slots
from hemgs_codec.train.rate import JointRate
from hemgs_codec.train.rate_setup import (
    RateSetup,
    make_rate,
    mean_steps,
    plan_rate,
    set_importance,
    squares_by_values,
    unpack_setup,
    wanted_octaves,
)
from hemgs_codec.train.schedule import Schedule
from hemgs_codec.train.spacing import nearest_distances, pixel_voxel_size
from hemgs_codec.train.view import look
from hemgs_codec.version import __version__

MAX_FIRST_POINTS = 100_000
"""Of structure from motion."""
_STEP_VIEWS, _PRUNE_VIEWS = 16, 48


class Trainer:
    """State of one training; `run` goes on from wherever it is."""

    def __init__(self, dataset: Dataset, scene: SceneOptions, rate: RateOptions, device: str = "cpu") -> None:
        self.dataset, self.scene_options, self.rate_options, self.device = dataset, scene, rate, device
        self.schedule = Schedule(scene.iterations)
        self.generator = torch.Generator().manual_seed(scene.seed)
        self.cameras = [photo.camera for photo in dataset.train]
        self.iteration = 0
        self.queue: list[int] = []
        self.steps: dict[str, float] = {}
        count = scene.points if dataset.points is None else MAX_FIRST_POINTS
        points = initial_points(dataset, count, scene.seed)
        self.voxel_size = scene.voxel_size or pixel_voxel_size(self.cameras, points)
        shape = NetworkShape(scene.features, scene.slots)
        self.parameters: SceneParameters = first_parameters(
            points, self.voxel_size, shape, self.generator, device, nearest_distances
        )
        self.growth = Growth(self.parameters.num_anchors, scene.slots)
        self.setup: RateSetup | None = None
        self.rate: JointRate | None = None

    def next_view(self) -> int:
        """Draw a training view: all once, in random order, then anew."""
        if not self.queue:
            self.queue = torch.randperm(len(self.cameras), generator=self.generator).tolist()
        return self.queue.pop()

    def step(self) -> dict[str, float]:
        """Do one iteration; return what there is to log."""
        photo = self.dataset.train[self.next_view()]
        target = self.dataset.pixels(photo)
        phase = self.schedule.phase(self.iteration)
        parameters = self.parameters
        parameters.set_rates(self.iteration / self.schedule.total, self.schedule.rate_share(self.iteration))
        if phase == "noise" and not self.steps:
            views = spread_views(self.cameras, _STEP_VIEWS)
            self.steps = measure_steps(parameters, views, self.dataset.background, self.generator)
        if phase == "rate":
            return self._rate_step(photo.camera, target)
        values = noisy_values(parameters, self.steps, self.generator) if phase == "noise" else None
        seen = look(parameters.tensors(values), photo.camera, target, self.dataset.background)
        counts = self.schedule.counts(self.iteration)
        if counts:
            seen.gaussians.means.retain_grad()
        seen.loss.backward()  # type: ignore[no-untyped-call]
        if counts and seen.gaussians.means.grad is not None:
            self.growth.count(seen.gaussians, seen.gaussians.means.grad, photo.camera)
        parameters.step()
        if self.schedule.grows(self.iteration):
            self.growth.apply(
                parameters,
                self.voxel_size,
                self.schedule.growth_interval,
                self.generator,
                self.scene_options,
            )
        self.iteration += 1
        return {"loss": float(seen.loss.detach())}

    def _rate_step(self, camera: Camera, target: UInt8Array) -> dict[str, float]:
        """Do one iteration of scene and entropy model together."""
        parameters, options, schedule = self.parameters, self.rate_options, self.schedule
        rate = self.rate or self.begin_rate()
        if self.iteration >= schedule.round_from and rate.weight_steps is None:
            rate.round_weights()
            parameters.round_networks()
        length = schedule.total - schedule.rate_from
        if self.iteration - schedule.rate_from in {round(share * length) for share in PRUNE_SHARES}:
            rate = self._prune(rate)
        rows = torch.randint(
            parameters.num_anchors, (min(options.batch, parameters.num_anchors),), generator=self.generator
        ).to(self.device)
        network, network_bits = rate.network()
        values = rate.values(parameters)
        total, log = torch.zeros((), device=self.device), {"loss": 0.0, "bits": 0.0}
        for _ in range(options.lambda_samples):
            lambda_ = self._draw_lambda()
            lambda_q = 256 * math.log2(lambda_)
            noisy = rate.noisy(values, network, lambda_q, self.generator)
            drawn = parameters.tensors(rate.scene_values(noisy, parameters))
            seen = look(drawn, camera, target, self.dataset.background)
            bits = rate.bits(rows, noisy, network, lambda_q).sum() / len(rows) * parameters.num_anchors
            per_value = (bits + network_bits) / self._num_values()
            total = total + (seen.loss + lambda_ * per_value) / options.lambda_samples
            log["loss"] += float(seen.loss.detach()) / options.lambda_samples
            log["bits"] += float(per_value.detach()) / options.lambda_samples
        total = total + parameters.mask_loss()
        total.backward()  # type: ignore[no-untyped-call]
        parameters.step()
        rate.step(schedule.rate_share(self.iteration))
        self.iteration += 1
        return log

    def _num_values(self) -> int:
        """Return what bits are divided by: see `RateSetup`."""
        return self.parameters.num_values if self.setup is None else self.setup.num_values

    def _draw_lambda(self) -> float:
        low, high = self.rate_options.lambda_range
        share = float(torch.rand((), generator=self.generator))
        return low * math.exp(math.log(high / low) * share)

    def begin_rate(self) -> JointRate:
        """Give the scene an entropy model, once, and leave out what isn't worth its bits."""
        if self.rate_options.masks == "learned":
            self.parameters.learn_masks(self.schedule.total - self.schedule.rate_from)
        scene, number = self.scene(), self.parameters.num_values
        rate = make_rate(scene, plan_rate(scene, self.rate_options, number), self.generator, self.device)
        squares = self._without_useless_slots(rate, is_first=True)
        scene = self.scene()
        self.setup = plan_rate(scene, self.rate_options, number)
        self.rate = make_rate(scene, self.setup, self.generator, self.device)
        octaves = wanted_octaves(squares, number)
        octaves += torch.log2(rate.scale) - torch.log2(self.rate.scale)
        set_importance(self.rate, octaves)
        self.rate.begin(mean_steps(self.rate, self.parameters, octaves), self.generator)
        return self.rate

    def _prune(self, rate: JointRate) -> JointRate:
        """Leave out slots that don't pay any more, and tell anew how coarse steps may be."""
        assert self.setup is not None
        squares = self._without_useless_slots(rate, is_first=False)
        fewer = make_rate(self.scene(), self.setup, self.generator, self.device)
        fewer.load(rate.state())
        set_importance(fewer, wanted_octaves(squares, self.setup.num_values))
        self.rate = fewer
        return fewer

    def _without_useless_slots(self, rate: JointRate, *, is_first: bool) -> torch.Tensor:
        """Leave out slots, and anchors without any; return squared derivatives (N, C) by what is left."""
        options, parameters = self.rate_options, self.parameters
        views = spread_views(self.cameras, _PRUNE_VIEWS)
        squares = squares_by_values(
            rate, parameters, views, self.dataset.background, self.generator, moves=not is_first
        )
        if options.masks != "measured":
            return squares
        lambda_ = math.sqrt(options.lambda_range[0] * options.lambda_range[1])
        bits = None
        if not is_first:
            bits = all_bits(rate, parameters, 256 * math.log2(lambda_), self.generator)
        prune_slots(parameters, squares, bits, lambda_ / self._num_values())
        kept = (parameters.masks() > 0).any(dim=1)
        parameters.keep(kept)
        return squares[kept]

    def scene(self) -> AnchorScene:
        """Return the scene as it is, not quantised."""
        return scene_from(self.parameters, self.voxel_size)

    def run(self, until: int, progress: Progress | None = None) -> None:
        """Go on until this many iterations are done."""
        while self.iteration < until:
            self.step()
            if progress is not None:
                progress("train", self.iteration, self.schedule.total)

    def test_psnr(self) -> float:
        """Return the mean PSNR of some held-out views."""
        return held_out_psnr(self.parameters.tensors(), self.dataset)

    def preview(self) -> UInt8Array:
        """Return a held-out photo and its render side by side, (H, 2 W, 3)."""
        return side_by_side(self.parameters.tensors(), self.dataset)

    def state(self) -> dict[str, Any]:
        """Return all that a training needs to go on, as tensors and plain values."""
        return {
            "version": __version__,
            "scene_options": asdict(self.scene_options),
            "iteration": self.iteration,
            "queue": list(self.queue),
            "steps": dict(self.steps),
            "voxel_size": self.voxel_size,
            "generator": self.generator.get_state(),
            "anchors": self.parameters.anchors,
            "leaves": {name: leaf.detach() for name, leaf in self.parameters.leaves.items()},
            "optimiser": self.parameters.optimiser.state_dict(),
            "learns_masks": self.parameters.learns_masks,
            "network_steps": dict(self.parameters.network_steps),
            "growth": self.growth.state(),
            "rate_options": None if self.rate is None else asdict(self.rate_options),
            "rate": None if self.rate is None else self.rate.state(),
            "setup": None if self.setup is None else torch.tensor(list(self.setup.tobytes())),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.iteration, self.queue = state["iteration"], list(state["queue"])
        self.steps, self.voxel_size = dict(state["steps"]), state["voxel_size"]
        parameters = SceneParameters(state["anchors"], state["leaves"], self.parameters.shape, self.device)
        if state["learns_masks"]:
            parameters.learn_masks(self.schedule.total - self.schedule.rate_from)
        parameters.optimiser.load_state_dict(state["optimiser"])
        self.parameters = parameters
        parameters.network_steps = dict(state["network_steps"])
        self.growth.load(state["growth"])
        if state["rate"] is not None:
            data = bytes(state["setup"].tolist())
            self.setup = unpack_setup(data, self.parameters.shape, self.rate_options)
            self.rate = make_rate(self.scene(), self.setup, self.generator, self.device)
            self.rate.load(state["rate"])
        self.generator.set_state(state["generator"])
