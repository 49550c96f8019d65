"""Anchor scene to bytes: the encoder of Gaussian scenes, on other channels (SPEC "Anchor profile")."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.network_coding import NETWORK_STEP, quantise_networks
from hemgs_codec.anchors.profile import take, used_anchors
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.weights import analytic_anchor_weights
from hemgs_codec.channel_scene import anchor_channels
from hemgs_codec.context.order import Order
from hemgs_codec.decoder import check_decodes
from hemgs_codec.distortion.weights import REFERENCE_LAMBDA, Weights
from hemgs_codec.encoder_checks import check_anchor_values, check_options, check_start
from hemgs_codec.fit.cache import obtain_fit
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.fit.options import DEFAULT_EFFORT, EncodeOptions
from hemgs_codec.passes import CodingPass
from hemgs_codec.progress import Progress
from hemgs_codec.targets import largest_of_size
from hemgs_codec.threads import use_threads
from hemgs_format.errors import SceneError


def encode_anchors(
    scene: AnchorScene,
    *,
    lambda_: float = REFERENCE_LAMBDA,
    target_size: int | None = None,
    fitted: FittedModel | None = None,
    importance: npt.NDArray[np.float64] | None = None,
    weights: Weights | None = None,
    network_step: float = NETWORK_STEP,
    seed: int = 0,
    effort: int = DEFAULT_EFFORT,
    iterations: int | None = None,
    order: Order = "permuted",
    context: int = 20,
    window: int = 25,
    position_bits: int | None = None,
    use_hash: bool = True,
    use_context: bool = True,
    use_earlier: bool = True,
    use_adaptation: bool = True,
    verify: bool = True,
    cache: bool = True,
    model: str | Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Compress an anchor scene into the bytes of an .hgs file.

    Anchors with no slot in use make no Gaussian: they are left out, and count in bits per anchor only.

    Parameters
    ----------
    scene
        N anchors.
    lambda_
        Weight of the rate, 1e-7 .. 1.6e-2.
    target_size
        Bytes that the file mustn't exceed: the finest file that doesn't is returned. The search starts at
        lambda_.
    fitted
        An entropy model that was trained together with the scene; None: one is fitted now.
    importance : (N,) float64 or None
        log2 of how coarse anchors' steps may be, that the given fit was trained with.
    weights
        What errors in the scene's channels cost, rows as in the scene. None: a guess from the values; where
        the fit is given, values are just rounded to the steps that it predicts.
    network_step
        Step of the rendering networks' weights: see `quantise_networks`.
    seed, effort, iterations, order, context, window
        Of the fit, as in `encode`; a given fit has its own. There is no prior, so effort is 1 or more.
    position_bits
        Bits an axis of the lattice; None: the scene's own lattice where it has one, else 16 bits.
    use_hash, use_context, use_earlier, use_adaptation
        Ablation switches of the fit: see `EncodeOptions`.
    verify, cache, model, device, threads, progress
        As in `encode`.

    Returns
    -------
    bytes
        The same for the same scene, options, machine and threads.

    Raises
    ------
    SceneError
        The scene or an option can't be coded, or no file is as small as asked for.
    """
    scene.validate()
    check_anchor_values(scene)
    options = EncodeOptions(
        seed=seed,
        effort=effort,
        iterations=iterations,
        order=order,
        context=context,
        window=window,
        position_bits=position_bits,
        use_hash=use_hash,
        use_context=use_context,
        use_earlier=use_earlier,
        use_adaptation=use_adaptation,
    )
    check_options(lambda_, options)
    check_start(options, None)
    shape = scene.networks.shape
    if importance is not None and importance.shape != (scene.num_anchors,):
        raise SceneError(f"importance is {importance.shape}, expected {(scene.num_anchors,)}")
    if fitted is not None and fitted.shape != shape:
        raise SceneError(f"the fit is one of {fitted.shape}, the scene has {shape}")
    rows = used_anchors(scene)
    if not len(rows):
        raise SceneError("no anchor has a slot in use: there is nothing to see, and nothing to code")
    with use_threads(threads) as used_threads:
        networks = quantise_networks(scene.networks, network_step)
        used = take(scene, rows)
        known = None if importance is None else importance[rows]
        channels = anchor_channels(used, networks, position_bits, scene.num_anchors, known)
        if weights is not None:
            weights.check((scene.num_anchors, channels.attributes.shape[1]))
            weights = weights.take(rows)
        if fitted is None:
            weights = weights or analytic_anchor_weights(channels.attributes, shape)
            fitted = obtain_fit(channels, weights, options, used_threads, model, cache, progress, None)
        job = CodingPass(channels, weights, fitted, position_bits, None, device, progress)
        data = job(lambda_) if target_size is None else largest_of_size(job, target_size, lambda_)
        if verify:
            check_decodes(data, device, progress)
    return data
