"""Fits kept on disk, by a hash of the scene and every fit option, so that another λ is one coding pass."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hemgs_codec.atomic import atomic_write
from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.centre import centred_model
from hemgs_codec.fit.fitted import FittedModel, pack_fitted, unpack_fitted
from hemgs_codec.fit.options import EncodeOptions, fit_length
from hemgs_codec.prior.prior import Prior
from hemgs_codec.progress import Progress
from hemgs_codec.version import __version__
from hemgs_format.errors import HgsError, SceneError


def cache_directory() -> Path:
    """Return the user's cache directory for fits: $HEMGS_CACHE, else hemgs in $XDG_CACHE_HOME or ~/.cache."""
    if os.environ.get("HEMGS_CACHE"):
        return Path(os.environ["HEMGS_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hemgs"


def fit_key(
    scene: ChannelScene, weights: Weights, options: EncodeOptions, threads: int, prior: Prior | None
) -> bytes:
    """Hash all that a fit depends on: scene, weights, options, threads, prior and version."""
    digest = hashlib.sha256()
    settings = sorted(asdict(options).items())
    digest.update(repr((__version__, settings, threads, None if prior is None else prior.id)).encode())
    scene.update_digest(digest)
    importance = np.zeros(0) if weights.importance is None else weights.importance
    for array in (weights.values, weights.positions, importance):
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()


def load_fit(path: Path, key: bytes, *, explicit: bool) -> FittedModel | None:
    """Return the fit in a file, None where there is none.

    Parameters
    ----------
    explicit : bool
        True for a file that the user named: one that doesn't fit is refused. In the cache it's just not used.

    Raises
    ------
    HgsError
        Only if explicit: the file is damaged, or of another scene or other options.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        if explicit:
            raise
        return None
    try:
        fitted, found = unpack_fitted(data)
    except HgsError:
        if explicit:
            raise
        return None
    if found != key:
        if explicit:
            raise SceneError(
                f"{path} holds a fit of another scene or of other options: name another file, or remove it"
            )
        return None
    return fitted


def store_fit(path: Path, fitted: FittedModel, key: bytes) -> None:
    """Keep a fit; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, force=True) as stream:
        stream.write(pack_fitted(fitted, key))


def obtain_fit(
    scene: ChannelScene,
    weights: Weights,
    options: EncodeOptions,
    threads: int,
    model: str | Path | None,
    cache: bool,
    progress: Progress | None,
    prior: Prior | None,
) -> FittedModel:
    """Load the fit of this scene, or make and keep it; a fit that isn't kept anywhere needs no key.

    Parameters
    ----------
    threads
        CPU threads in use: sums of a fit depend on them.
    model
        The file that the user named for it.
    cache
        Whether to look in the cache, and to keep a new one there.
    """
    if model is None and not cache:
        return make_fit(scene, weights, options, progress, prior)
    key = fit_key(scene, weights, options, threads, prior)
    path = Path(model) if model is not None else cache_directory() / f"{key.hex()[:32]}.fit"
    fitted = load_fit(path, key, explicit=model is not None)
    if fitted is None:
        fitted = make_fit(scene, weights, options, progress, prior)
        if model is not None:
            store_fit(path, fitted, key)
        else:
            try:
                store_fit(path, fitted, key)
            except OSError as error:  # a long fit mustn't have been in vain
                warnings.warn(f"the fit isn't kept: {error}", stacklevel=3)
    return fitted


def make_fit(
    scene: ChannelScene,
    weights: Weights,
    options: EncodeOptions,
    progress: Progress | None = None,
    prior: Prior | None = None,
) -> FittedModel:
    """Fit a model as long as options say; not at all, if they say so and there is a prior."""
    if prior is not None and not fit_length(scene.count, options):
        return centred_model(scene, weights, options, prior)
    from hemgs_codec.fit.fit import fit_model  # with torch, which takes seconds to import

    return fit_model(scene, weights, options, progress=progress, prior=prior)
