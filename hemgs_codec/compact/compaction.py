"""The call that compacts a scene: what it aims at, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hemgs_codec.compact.rounds import Operations, Rounds
from hemgs_codec.progress import Progress
from hemgs_codec.render import Camera, render
from hemgs_codec.scene import GaussianScene
from hemgs_codec.threads import use_threads
from hemgs_format.errors import SceneError

IMAGE_WEIGHT = 12.0
"""κ: D = κ · mean squared error of the images, beside λ · bits per coded value."""
BITS_PER_GAUSSIAN = 50.0
"""What the codec spends on a Gaussian, unless told better."""
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


def training_views(cameras: Sequence[Camera], most: int = 32) -> list[Camera]:
    """Return at most ``most`` views, evenly spread, that aren't marked as held out (all, if all are)."""
    views = [camera for camera in cameras if camera.split != "test"] or list(cameras)
    count = min(most, len(views))
    return [views[k * len(views) // count] for k in range(count)]


def compact(
    scene: GaussianScene,
    cameras: Sequence[Camera],
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    target: Literal["auto"] | float = "auto",
    lambda_: float = 2e-3,
    bits_per_gaussian: float = BITS_PER_GAUSSIAN,
    image_weight: float = IMAGE_WEIGHT,
    operations: Operations = "both",
    correct: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> CompactResult:
    """Remove and merge Gaussians of a scene that its images hardly show.

    Parameters
    ----------
    scene
        N Gaussians.
    cameras
        Views that tell what is seen; `training_views` chooses them. Time is proportional to their number.
    background
        Linear RGB behind the scene.
    target
        "auto": as long as λR falls by more than D rises. A number r >= 1: until N / r are left.
    lambda_, bits_per_gaussian
        For "auto": weight of the rate, and what each Gaussian less saves.
    image_weight
        κ of D = κ · mean squared error.
    operations
        "prune" or "merge" alone, for measurements; what no view sees goes always.
    correct
        Correct DC colours on the way.
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
        references = [render(scene, camera, background)[0] for camera in cameras]
        values = sum(reference.size for reference in references)
        to_distortion = image_weight / values
        num_values = scene.num_gaussians * (_OTHER_CHANNELS + 3 * scene.shN.shape[1])
        price = lambda_ * bits_per_gaussian / num_values  # λR by Gaussian
        rounds = Rounds(scene, cameras, background, references, operations, correct, progress)
        if target == "auto":
            error = rounds.while_worth_it(price / to_distortion)
        else:
            error = rounds.until(max(1, round(scene.num_gaussians / target)))
    left = rounds.scene.num_gaussians
    return CompactResult(
        scene=rounds.scene,
        num_input=scene.num_gaussians,
        num_unseen=rounds.num_unseen,
        num_pruned=rounds.num_pruned,
        num_merged=rounds.num_merged,
        mse=error / values,
        cost=to_distortion * error + price * left,
        cost_before=price * scene.num_gaussians,
    )
