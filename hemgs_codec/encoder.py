"""Scene to bytes: fit (or load a fit), quantise and code, decode to check (SPEC "Encoder notes")."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.coding.centroids import fit_centroids
from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.coding.fields import Fields
from hemgs_codec.coding.runs import RUN_BITS, SceneCoder
from hemgs_codec.coding.walk import walk
from hemgs_codec.context.graph import build_graph
from hemgs_codec.context.order import ORDERS, Order
from hemgs_codec.decoder import decode, open_arithmetic
from hemgs_codec.distortion import Weights, analytic_weights
from hemgs_codec.fit.cache import cache_directory, fit_key, load_fit, store_fit
from hemgs_codec.fit.fit import EncodeOptions, choose_lattice, fit_model
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.location import encode_locations
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.frozen import pack_hash_grid, pack_networks
from hemgs_codec.model.units import LAMBDA_MAX, LAMBDA_MIN, lambda_to_q
from hemgs_codec.progress import Progress
from hemgs_codec.scene import GaussianScene
from hemgs_codec.threads import use_threads
from hemgs_format.container import Container, write_container
from hemgs_format.errors import HgsError, SceneError
from hemgs_format.metadata import pack_metadata
from hemgs_format.sections import Section

DEFAULT_LAMBDA = 2e-3
MAX_POSITION = 1e36
MAX_ATTRIBUTE = 1e6


def encode(
    scene: GaussianScene,
    *,
    lambda_: float = DEFAULT_LAMBDA,
    seed: int = 0,
    iterations: int | None = None,
    order: Order = "permuted",
    context: int = 20,
    window: int = 25,
    position_bits: int | None = None,
    weights: Weights | None = None,
    verify: bool = True,
    cache: bool = True,
    model: str | Path | None = None,
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
        Weight of the rate, 2.5e-4 .. 1.6e-2: larger is smaller and coarser.
    seed, iterations
        Of the fit; iterations None: by scene size.
    order, context, window
        Coding order, most decoded neighbours that predict a Gaussian, and the odd number of voxels an axis to
        look in.
    position_bits
        Bits an axis of the positions; None: by lambda_.
    weights
        What errors cost; None: the analytic rule.
    verify
        Decode the result and compare before returning it.
    cache
        Look for a fit of this scene in the user's cache directory, and keep a new one there.
    model
        A file to keep the fit in, or to take it from.
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
        The scene or an option can't be coded.
    """
    scene.validate()
    _check_values(scene)
    options = EncodeOptions(
        seed=seed,
        iterations=iterations,
        order=order,
        context=context,
        window=window,
        position_bits=position_bits,
    )
    _check_options(lambda_, options)
    with use_threads(threads) as used_threads:
        attributes = profile.attributes_from_scene(scene)
        if weights is None:
            weights = analytic_weights(attributes)
        weights.check(attributes.shape)
        key = fit_key(scene, weights, options, used_threads)
        path = Path(model) if model is not None else cache_directory() / f"{key.hex()[:32]}.fit"
        fitted = load_fit(path, key, explicit=model is not None) if cache or model is not None else None
        if fitted is None:
            fitted = fit_model(scene, attributes, weights, options, progress=progress)
            if model is not None:
                store_fit(path, fitted, key)
            elif cache:
                _try_to_store(path, fitted, key)
        lattice = choose_lattice(scene, weights, lambda_, position_bits)
        data, _ = encode_fitted(
            scene, attributes, weights, fitted, lattice, lambda_, device=device, progress=progress
        )
        if verify:
            _check_decodes(data, device, progress)
    return data


def _try_to_store(path: Path, fitted: FittedModel, key: bytes) -> None:
    """Keep a fit in the cache; where that can't be written to, a long fit mustn't have been in vain."""
    try:
        store_fit(path, fitted, key)
    except OSError as error:
        warnings.warn(f"the fit isn't kept: {error}", stacklevel=3)


def _check_values(scene: GaussianScene) -> None:
    """Refuse values whose squares or exponentials would leave floating point; no trained scene has any."""
    limits = {
        "means": MAX_POSITION,
        "log_scales": MAX_ATTRIBUTE,
        "opacity_logits": MAX_ATTRIBUTE,
        "sh0": MAX_ATTRIBUTE,
        "shN": MAX_ATTRIBUTE,
    }
    for name, limit in limits.items():
        beyond = (np.abs(getattr(scene, name).reshape(scene.num_gaussians, -1)) > limit).any(axis=1)
        if beyond.any():
            raise SceneError(
                f"{name} is beyond ±{limit:g} in {int(beyond.sum())} of {scene.num_gaussians} Gaussians, "
                f"first in row {int(beyond.argmax())}: remove them first"
            )


def _check_options(lambda_: float, options: EncodeOptions) -> None:
    if not LAMBDA_MIN <= lambda_ <= LAMBDA_MAX:
        raise SceneError(f"lambda {lambda_:g} is out of range: expected {LAMBDA_MIN:g} .. {LAMBDA_MAX:g}")
    if options.order not in ORDERS:
        raise SceneError(f"order {options.order!r} is unknown: expected one of {', '.join(ORDERS)}")
    if not 0 <= options.context <= 64:
        raise SceneError(f"context {options.context} is out of range: expected 0 .. 64")
    if not 1 <= options.window <= 255 or options.window % 2 == 0:
        raise SceneError(f"window {options.window} is out of range: expected an odd number of 1 .. 255")
    if options.position_bits is not None and not 1 <= options.position_bits <= 21:
        raise SceneError(f"position bits {options.position_bits} are out of range: expected 1 .. 21")
    if options.iterations is not None and options.iterations < 1:
        raise SceneError(f"iterations {options.iterations} are out of range: expected at least 1")


def encode_fitted(
    scene: GaussianScene,
    attributes: npt.NDArray[np.float64],
    weights: Weights | None,
    fitted: FittedModel,
    lattice: Lattice,
    lambda_: float,
    *,
    run_bits: int = RUN_BITS,
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[bytes, SceneCoder]:
    """Code a scene with a fit: the file, and the coder with its bits by channel.

    With weights symbols are chosen by rate and distortion; without, values are rounded.
    """
    geometry, scaling, model = fitted.geometry, fitted.scaling, fitted.model
    spec = model.spec
    coords = lattice.quantise(scene.means)
    by_morton = morton_sort(coords)
    coords = coords[by_morton]
    points = lattice.base_points(coords)
    graph = build_graph(
        coords,
        points,
        order=geometry.order,
        context=geometry.context,
        window=geometry.window,
        voxel_shift=geometry.voxel_shift,
    )
    ranked = graph.sequence
    rows = by_morton[ranked]
    prices = None
    if weights is not None:
        attributes = weights.with_importance(attributes)
        prices = weights.prices(lambda_)[rows] * scaling.channel_scales(spec.groups) ** 2
    places = lattice.places(scene.means, lattice.quantise(scene.means))[rows]
    coder = SceneCoder(scaling.normalise(attributes[rows], spec.groups), places, prices, run_bits)
    lambda_q = lambda_to_q(lambda_)
    walked = walk(
        model,
        open_arithmetic(model, device),
        graph,
        points[ranked],
        np.array(geometry.box),
        lattice.index - geometry.position_step,
        lambda_q,
        scaling.channel_scales(spec.groups) > 0,
        coder,
        progress,
        "encode",
    )
    centroids = (b"",) * len(spec.groups)
    if prices is not None:
        centroids = fit_centroids(walked, spec.groups, coder.values, prices)
    bits = lattice.bits(coords)
    fields = Fields(
        sh_degree=scene.sh_degree,
        lambda_q=lambda_q,
        lattice=lattice,
        position_bits=bits,
        geometry=geometry,
        scaling=scaling,
        spec=spec,
        centroids=centroids,
        symbols_sha256=b"",
    ).pack()
    fields["sha256"] = symbols_digest(fields, coords, walked.symbols, walked.parts, spec.groups)
    sections = (
        Section("META", pack_metadata(fields)),
        Section("LOCS", encode_locations(coords, bits)),
        Section("NETS", pack_networks(model)),
        Section("HASH", pack_hash_grid(model)),
        *coder.sections,
    )
    count = scene.num_gaussians
    return write_container(Container("gaussian", count, count, sections)), coder


def _check_decodes(data: bytes, device: str, progress: Progress | None) -> None:
    """Decode what was written; the decoder compares the symbols' hash itself."""
    try:
        decode(data, device=device, progress=progress)
    except HgsError as error:
        raise HgsError(f"the file just encoded doesn't decode ({error}): nothing was written") from error
