"""Scene to bytes: weigh errors, fit (or load a fit), code, decode to check (SPEC "Encoder notes")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.compact import compact as compact_scene
from hemgs_codec.context.order import Order
from hemgs_codec.decoder import check_decodes
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.distortion.cache import load_weights, store_weights, weights_key
from hemgs_codec.distortion.views import ViewSet, choose_views
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.encoder_checks import (
    check_options,
    check_refinement,
    check_start,
    check_values,
    suits_priors,
)
from hemgs_codec.fit.cache import cache_directory, obtain_fit
from hemgs_codec.fit.options import DEFAULT_EFFORT, EncodeOptions
from hemgs_codec.passes import CodingPass, Refinement
from hemgs_codec.prior.library import default_prior
from hemgs_codec.prior.prior import Prior
from hemgs_codec.progress import Progress
from hemgs_codec.refine import Targets
from hemgs_codec.render.camera import Camera
from hemgs_codec.scene import GaussianScene
from hemgs_codec.targets import largest_of_size, smallest_of_psnr
from hemgs_codec.threads import use_threads
from hemgs_format.errors import SceneError

DEFAULT_LAMBDA = 2e-3
WeightRule = Literal["rendered", "analytic"]


def encode(
    scene: GaussianScene,
    *,
    lambda_: float = DEFAULT_LAMBDA,
    target_size: int | None = None,
    target_psnr: float | None = None,
    cameras: Sequence[Camera] | None = None,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    weights: WeightRule | Weights = "rendered",
    compact: Literal["auto"] | float | None = None,
    refine: int = 0,
    images: str | Path | None = None,
    seed: int = 0,
    effort: int = DEFAULT_EFFORT,
    iterations: int | None = None,
    order: Order = "permuted",
    context: int = 20,
    window: int = 25,
    position_bits: int | None = None,
    verify: bool = True,
    cache: bool = True,
    model: str | Path | None = None,
    prior: Literal["default"] | Prior | None = "default",
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Compress a scene into the bytes of an .hgs file.

    Parameters
    ----------
    scene
        N Gaussians.
    lambda_
        Weight of the rate, 1e-7 .. 1.6e-2: larger is smaller and coarser. Where a target is given, the
        search for it starts here.
    target_size
        Bytes that the file mustn't exceed: the finest file that doesn't is returned.
    target_psnr
        dB that renders of the decoded scene must keep to the original's, on average over the views held out
        (all views, where that would leave none): the smallest file that does is returned.
    cameras, background
        Views that people will look from, and what is behind the scene. None: views are made up. Views that
        are held out (`cameras.held_out`) aren't used to measure weights.
    weights
        What errors cost: measured in renders, or the analytic rule, or given.
    compact
        Leave out and merge Gaussians first: a ratio, or as long as rate and distortion gain. None: don't.
    refine
        Steps of moving values to where they look right and cost little at lambda_, in one view each of those
        that aren't held out. Can't be had together with a target.
    images
        Folder of the cameras' photos, to refine towards them instead of renders of the scene.
    seed
        Of the fit.
    effort
        0 .. 9: how long to fit. 0: not at all, the prior's networks do.
    iterations
        Length of the fit; None: by effort and scene size.
    order, context, window
        Coding order, most decoded neighbours that predict a Gaussian, and the odd number of voxels an axis to
        look in.
    position_bits
        Bits an axis of the lattice; None: by lambda_.
    verify
        Decode the result and compare before returning it.
    cache
        Look for a fit of this scene in the user's cache directory, and keep a new one there.
    model
        A file to keep the fit in, or to take it from.
    prior
        Networks that a fit starts from, and that cost the file nothing: the one that ships, or a given one,
        which readers must have too. None, or no contexts: everything is fitted and sent.
    device
        Where networks run when a fit codes, as in `decode`; the fit itself runs on the CPU.
    threads
        CPU threads; None: the machine's cores.
    progress
        Called with stage, done and total.

    Returns
    -------
    bytes
        The same for the same scene, options, machine and threads.

    Raises
    ------
    SceneError
        The scene or an option can't be coded, or a target can't be met.
    """
    scene.validate()
    check_values(scene)
    options = EncodeOptions(
        seed=seed,
        effort=effort,
        iterations=iterations,
        order=order,
        context=context,
        window=window,
        position_bits=position_bits,
    )
    check_options(lambda_, options)
    if target_size is not None and target_psnr is not None:
        raise SceneError("a file has one target: expected a size or a PSNR, not both")
    check_refinement(refine, target_size is not None or target_psnr is not None, images, cameras)
    original = scene
    with use_threads(threads) as used_threads:
        views = None
        if weights == "rendered" or target_psnr is not None or compact is not None or refine:
            views = choose_views(scene, cameras, background, progress)
        if compact is not None and views is not None:
            scene = compact_scene(
                scene, views.measured, background, target=compact, lambda_=lambda_, progress=progress
            ).scene
        attributes = profile.attributes_from_scene(scene)
        measured = _weights(scene, attributes, weights, views, seed, used_threads, cache, progress)
        channels = gaussian_channels(scene, attributes, original.num_gaussians)
        if prior == "default":
            prior = default_prior(channels.shape) if suits_priors(options) else None
        check_start(options, prior)
        if prior is not None:
            measured = measured.sent()  # priors read steps from it
        fitted = obtain_fit(channels, measured, options, used_threads, model, cache, progress, prior)
        refinement = None
        if refine and views is not None:
            targets = Targets(original, views, Path(images) if images is not None else None)
            refinement = Refinement(scene, targets, refine, seed)
        job = CodingPass(channels, measured, fitted, position_bits, refinement, device, progress)
        if target_size is not None:
            data = largest_of_size(job, target_size, lambda_)
        elif target_psnr is not None and views is not None:
            data = smallest_of_psnr(job, original, views, target_psnr, lambda_)
        else:
            data = job(lambda_)
        if verify:
            check_decodes(data, device, progress)
    return data


def _weights(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64],
    rule: WeightRule | Weights,
    views: ViewSet | None,
    seed: int,
    threads: int,
    cache: bool,
    progress: Progress | None,
) -> Weights:
    if isinstance(rule, Weights):
        rule.check(attributes.shape)
        return rule
    if rule == "analytic":
        return analytic_weights(attributes)
    if views is None:
        raise SceneError(f"weights {rule!r} are unknown: expected rendered or analytic")
    from hemgs_codec.distortion.measured import measured_weights

    path = cache_directory() / f"{weights_key(scene, views, seed, threads).hex()[:32]}.npz"
    measured = load_weights(path, attributes.shape) if cache else None
    if measured is None:
        measured = measured_weights(
            scene, attributes, views.measured, views.background, seed=seed, progress=progress
        )
        if cache:
            store_weights(path, measured)
    return measured
