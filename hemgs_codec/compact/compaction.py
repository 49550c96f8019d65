"""The call that compacts a scene: what it aims at, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hemgs_codec.compact.measure import stand
from hemgs_codec.compact.rounds import Operations, Rounds
from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR
from hemgs_codec.progress import Progress
from hemgs_codec.render import Camera, render
from hemgs_codec.scene import GaussianScene
from hemgs_codec.threads import use_threads
from hemgs_format.errors import SceneError

BITS_PER_GAUSSIAN = 40.0
"""What the codec spends on a Gaussian, about."""
SWEEPS = 2
"""Corrections of colours at the end."""
_OTHER_CHANNELS = 10  # opacity, scales, rotation, DC colour: what is coded of a Gaussian beside shN


@dataclass(frozen=True)
class CompactResult:
    """A compacted scene.

    Attributes
    ----------
    scene : GaussianScene
    num_input : int
        Gaussians before.
    num_unseen, num_pruned, num_merged : int
        Gaussians less for being in no view, by other removals, by mergers.
    mse : float
        Mean squared error of the views against the original's, over colours.
    cost, cost_before : float
        D + λR after and before.
    """

    scene: GaussianScene
    num_input: int
    num_unseen: int
    num_pruned: int
    num_merged: int
    mse: float
    cost: float
    cost_before: float

    @property
    def ratio(self) -> float:
        """Gaussians before by Gaussians after."""
        return self.num_input / self.scene.num_gaussians

    @property
    def psnr(self) -> float:
        """In dB, of the views against the original's; inf where they are equal."""
        return -10 * math.log10(self.mse) if self.mse > 0 else math.inf


def training_views(cameras: Sequence[Camera], most: int | None = None) -> list[Camera]:
    """Return at most ``most`` views, evenly spread, of those not marked as held out (of all, if all are)."""
    views = [camera for camera in cameras if camera.split != "test"] or list(cameras)
    count = len(views) if most is None else min(most, len(views))
    return [views[k * len(views) // count] for k in range(count)]


def compact(
    scene: GaussianScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    target: Literal["auto"] | float = "auto",
    lambda_: float = 2e-3,
    views: int = 64,
    operations: Operations = "both",
    correct: bool = True,
    sweeps: int = SWEEPS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CompactResult:
    """Remove and merge Gaussians of a scene that its images hardly show.

    Parameters
    ----------
    scene
        N Gaussians.
    cameras
        Views that tell what is seen: the more, the safer. Those marked as held out aren't looked through.
    background
        Linear RGB behind the scene.
    target
        "auto": as long as λR falls by more than D rises. A number r >= 1: until N / r are left.
    lambda_
        For "auto": weight of the rate. D is κ times the mean squared error.
    views
        Rounds look through this many of the cameras, evenly spread; all together are looked through once.
    operations
        "prune" or "merge" alone, for measurements; what no view sees goes always.
    correct, sweeps
        Correct DC colours on the way, and this often at the end.
    threads
        CPU threads; None: the machine's cores.
    progress
        Called with the stage "compact", Gaussians gone, and Gaussians to go (with "auto", at most).

    Returns
    -------
    CompactResult
        The same for the same input, on any number of threads.

    Raises
    ------
    SceneError
        There is no camera, or the target is neither "auto" nor a number >= 1.
    """
    if not cameras:
        raise SceneError("compaction needs at least one camera to see what matters")
    if target != "auto" and not 1 <= target < math.inf:
        raise SceneError(
            f"compaction target {target!r} is out of range: expected 'auto' or a number from 1 up"
        )
    scene.validate()
    with use_threads(threads):
        rounds = begin(scene, cameras, background, views=views, operations=operations, correct=correct)
        rounds.progress = progress
        price = lambda_ * BITS_PER_GAUSSIAN / (scene.num_gaussians * num_values(scene))  # λR by Gaussian
        to_distortion = LOSS_PER_SQUARED_ERROR / rounds.num_samples
        if target == "auto":
            rounds.while_worth_it(price / to_distortion)
        else:
            rounds.until(max(1, round(scene.num_gaussians / target)))
        if correct:
            rounds.settle(sweeps)
    return CompactResult(
        scene=rounds.scene,
        num_input=scene.num_gaussians,
        num_unseen=rounds.num_unseen,
        num_pruned=rounds.num_pruned,
        num_merged=rounds.num_merged,
        mse=rounds.mse,
        cost=LOSS_PER_SQUARED_ERROR * rounds.mse + price * rounds.scene.num_gaussians,
        cost_before=price * scene.num_gaussians,
    )


def num_values(scene: GaussianScene) -> int:
    """Return how many values of a Gaussian are coded beside its position; rates are bits by value."""
    return _OTHER_CHANNELS + 3 * int(scene.shN.shape[1])


def begin(
    scene: GaussianScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float],
    *,
    views: int,
    operations: Operations,
    correct: bool,
) -> Rounds:
    """Look at a scene through all cameras; what comes back goes on to one target after another."""
    seen = training_views(cameras)
    standing = stand(scene, seen, background)
    chosen = training_views(seen, views)
    references = [render(scene, camera, background)[0] for camera in chosen]
    return Rounds(scene, chosen, background, references, standing, operations, correct)
