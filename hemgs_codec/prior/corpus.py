"""The scenes that a prior learns from, known by the bytes of their files.

A shipped prior says which scenes it has seen by their hashes, and a scene that it is judged by mustn't be
among them, nor anything that was made from the same capture: `folds` keeps all of that together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.cameras import read_cameras
from hemgs_codec.cameras.json_file import matrix, read_json
from hemgs_codec.distortion.cache import load_weights, store_weights
from hemgs_codec.distortion.measured import measured_weights
from hemgs_codec.distortion.views import Background, choose_views
from hemgs_codec.distortion.weights import GEOMETRY_SHARE, Weights
from hemgs_codec.encoder_checks import check_values
from hemgs_codec.ply import read_ply
from hemgs_codec.prior.augment import Augmentation, augment
from hemgs_codec.progress import Progress
from hemgs_codec.scene import GaussianScene
from hemgs_codec.version import __version__
from hemgs_format.errors import SceneError

CAMERAS, METRICS = "cameras.json", "metrics.json"
"""Files beside a scene that say where it is looked at from and what is behind it."""
_POINT_CLOUD = "point_cloud"  # what trainers call every scene's file
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A scene of a corpus: its file, and the SHA-256 of the file's bytes in hexadecimal."""

    path: Path
    hash: str


@dataclass(frozen=True, eq=False)
class CorpusScene:
    """A scene to learn from, or a variation of it, and what errors in it cost.

    Attributes
    ----------
    name
        For people.
    hash
        Of the file that it, and all its variations, come from.
    """

    name: str
    hash: str
    scene: GaussianScene
    weights: Weights

    def varied(self, rng: np.random.Generator, options: Augmentation | None = None) -> CorpusScene:
        """Return a random variation, as `augment` makes it."""
        scene, weights = augment(self.scene, self.weights, rng, options)
        return replace(self, scene=scene, weights=weights)

    def halved(self) -> CorpusScene:
        """Return it with values in half precision, positions aside, and weights to a hundredth or so.

        That is far below any step, so nothing is lost to learn from, and a corpus travels in half the bytes.
        """
        scene, weights = self.scene, self.weights
        return replace(
            self,
            scene=replace(
                scene,
                log_scales=_in_half(scene.log_scales),
                quats=_in_half(scene.quats),
                opacity_logits=_in_half(scene.opacity_logits),
                sh0=_in_half(scene.sh0),
                shN=_in_half(scene.shN),
            ),
            weights=replace(
                weights,
                values=_logarithm_in_half(weights.values),
                positions=_logarithm_in_half(weights.positions),
            ),
        )


def scene_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def list_corpus(paths: Iterable[Path]) -> tuple[Entry, ...]:
    """Hash the scenes of a corpus; sorted by hash, so that it's the same wherever its files lie.

    Raises
    ------
    SceneError
        Two files are the same: their scene would count twice.
    """
    entries: dict[str, Entry] = {}
    for path in paths:
        entry = Entry(path, scene_hash(path))
        if entry.hash in entries:
            raise SceneError(f"{path} and {entries[entry.hash].path} are the same file: leave one out")
        entries[entry.hash] = entry
    return tuple(entries[key] for key in sorted(entries))


def folds(hashes: Iterable[str], number: int, sources: Mapping[str, str] | None = None) -> dict[str, int]:
    """Deal scenes out to ``number`` folds, sources as evenly as may be: a fold 0 .. number - 1 for each hash.

    It depends on nothing but the arguments, and not on the hashes' order.

    Parameters
    ----------
    sources
        For the hash of a scene that was made from another (compressed, trained again from the same photos)
        the other's hash, or any name that all from that source share. Such scenes share a fold.

    Raises
    ------
    SceneError
        There are fewer sources than folds, or one is made from itself.
    """
    sources = sources or {}
    roots = {key: _root(key, sources) for key in hashes}
    distinct = sorted(set(roots.values()))
    if not 1 <= number <= len(distinct):
        raise SceneError(f"{len(distinct)} scenes of different sources don't fill {number} folds")
    fold_of = {root: place % number for place, root in enumerate(distinct)}
    return {key: fold_of[root] for key, root in roots.items()}


def load_member(path: Path, cache: Path, *, seed: int = 0, progress: Progress | None = None) -> CorpusScene:
    """Read a scene, and its weights from the cache or else from renders.

    It is looked at from the cameras.json in its folder, but for the views held out, or from views made up; in
    front of the background that metrics.json tells, or of black.

    Parameters
    ----------
    cache
        Folder of weights, one .npz for each scene, views, background and seed.
    seed
        Of the disturbances that weights are measured with.

    Raises
    ------
    SceneError
        It is no scene that could be encoded, or a file beside it isn't what it should be.
    """
    scene = read_ply(path)
    check_values(scene)
    key = scene_hash(path)
    background, cameras = background_of(path.parent / METRICS), path.parent / CAMERAS
    looked = scene_hash(cameras) if cameras.is_file() else ""
    made_by = repr((__version__, GEOMETRY_SHARE, seed, background, looked))
    settings = hashlib.sha256(made_by.encode()).hexdigest()
    kept = cache / f"{key[:32]}-{settings[:16]}.npz"
    channels = profile.SH_CHANNEL + 3 * scene.shN.shape[1]
    weights = load_weights(kept, (scene.num_gaussians, channels))
    if weights is None:
        attributes = profile.attributes_from_scene(scene)
        views = choose_views(scene, read_cameras(cameras) if looked else None, background, progress)
        weights = measured_weights(
            scene, attributes, views.measured, background, seed=seed, progress=progress
        )
        store_weights(kept, weights)
    name = path.parent.name if path.stem == _POINT_CLOUD else path.stem
    return CorpusScene(name, key, scene, weights)


def background_of(metrics: Path) -> Background:
    """Return the background that a training's metrics tell, black where they don't."""
    content = read_json(metrics) if metrics.is_file() else {}
    if not isinstance(content, dict) or "background" not in content:
        return (0.0, 0.0, 0.0)
    red, green, blue = matrix(content, "background", str(metrics), (3,)).tolist()
    return (red, green, blue)


def _in_half(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32)


def _logarithm_in_half(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.exp2(np.log2(values).astype(np.float16).astype(np.float64))


def _root(key: str, sources: Mapping[str, str]) -> str:
    """Follow what a scene was made from to its beginning."""
    for _ in range(len(sources) + 1):
        if key not in sources:
            return key
        key = sources[key]
    raise SceneError(f"{key} is made from itself, says what scenes are made from")
