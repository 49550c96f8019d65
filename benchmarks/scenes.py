"""The scenes by name, and scenes made from them: crops and side-by-side copies of a given size.

Making a scene imports the codec; finding one doesn't, so scripts that measure other processes stay small.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks import ROOT
from benchmarks.provenance import content_hash

if TYPE_CHECKING:
    from hemgs_codec import GaussianScene

SCENES = ("chair", "mic", "desk", "bonsai", "gsplat_new", "kacy", "train1000")
_RAW = ROOT.parent / "shared" / "data" / "splats" / "raw"
_BUNDLED = ROOT / "examples" / "chair.ply"
_GAP = 1.1  # of a scene's extent, to the next one beside it
_JITTER = 0.02  # of each value's standard deviation: copies are like, not equal
_MEAN_JITTER = 0.3  # of the Gaussian's own size


def scene_path(name: str, data: Path | None) -> Path:
    """Return the .ply of a scene: NAME/point_cloud.ply or NAME.ply in ``data``; the bundled chair without it.

    Raises
    ------
    click.ClickException
        There is no such scene.
    """
    folder = data if data is not None else _RAW
    candidates = [folder / name / "point_cloud.ply", folder / f"{name}.ply"]
    if name == "chair":
        candidates.append(_BUNDLED)
    for path in candidates:
        if path.is_file():
            return path
    raise click.ClickException(f"scene {name!r} isn't in {folder.name}: name its folder with --data")


def known_scenes(data: Path | None) -> list[str]:
    """Return the names of the scenes that are there."""
    folder = data if data is not None else _RAW
    return [
        name
        for name in SCENES
        if (folder / name / "point_cloud.ply").is_file() or (folder / f"{name}.ply").is_file()
    ] or ["chair"]


@dataclass(frozen=True)
class Surroundings:
    """What lies beside a scene's .ply, all of which may be lacking.

    Attributes
    ----------
    cameras, images : Path or None
        cameras.json, and the folder of its photos.
    background : tuple of 3 floats
        By metrics.json; black if that doesn't say.
    """

    cameras: Path | None
    images: Path | None
    background: tuple[float, float, float]

    @property
    def options(self) -> tuple[str, ...]:
        """What `hemgs encode` is told of the views; nothing without cameras."""
        name = "white" if self.background[0] > 0 else "black"
        return () if self.cameras is None else ("--cameras", str(self.cameras), "--background", name)


def surroundings(ply: Path) -> Surroundings:
    """Look beside a scene's .ply."""
    cameras, facts, images = (ply.parent / name for name in ("cameras.json", "metrics.json", "images"))
    known = json.loads(facts.read_text()) if facts.is_file() else {}
    red, green, blue = known.get("background") or (0.0, 0.0, 0.0)
    return Surroundings(
        cameras if cameras.is_file() else None,
        images if images.is_dir() else None,
        (float(red), float(green), float(blue)),
    )


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data."""
    return click.option(
        "--data",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of scenes, as NAME/point_cloud.ply or NAME.ply; ../shared/data/splats/raw if not given.",
    )(command)


def scene_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --scene, which may be repeated."""
    return click.option(
        "--scene", "names", multiple=True, help="Scene to measure, may be repeated; all if not given."
    )(command)


def identify(name: str, path: Path) -> dict[str, Any]:
    """Return what a row says of its scene: name, content hash, bytes."""
    return {"scene": name, "scene_sha256": content_hash(path), "original_bytes": path.stat().st_size}


def morton_crop(scene: GaussianScene, count: int) -> GaussianScene:
    """Return ``count`` Gaussians that lie together: the middle slice of the Morton order."""
    from hemgs_codec.lattice import fit_lattice, index_for_bits
    from hemgs_codec.location.morton import morton_sort

    if not 0 < count <= scene.num_gaussians:
        raise click.ClickException(f"a crop of {count} Gaussians was asked of {scene.num_gaussians}")
    lattice = fit_lattice(scene.means, index_for_bits(16))
    first = (scene.num_gaussians - count) // 2
    return scene.take(morton_sort(lattice.quantise(scene.means))[first : first + count])


def side_by_side(scenes: list[GaussianScene], count: int, seed: int) -> GaussianScene:
    """Return a scene of ``count`` Gaussians: the given scenes in a row along x, over and over.

    Later rounds are jittered, so that no scene occurs twice. All must have the same SH degree.
    """
    import numpy as np

    from hemgs_codec import GaussianScene

    names = ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN")
    rng = np.random.default_rng(seed)
    parts: list[dict[str, Any]] = []
    total, left = 0, 0.0
    while total < count:
        for source in scenes:
            arrays = {name: getattr(source, name).astype(np.float64) for name in names}
            size = np.exp(arrays["log_scales"].mean(axis=1, keepdims=True))
            if len(parts) >= len(scenes):
                for name in names[1:]:
                    noise = rng.standard_normal(arrays[name].shape)
                    arrays[name] += _JITTER * noise * arrays[name].std(axis=0)
                arrays["means"] += _MEAN_JITTER * size * rng.standard_normal((len(size), 3))
            low, high = arrays["means"].min(axis=0), arrays["means"].max(axis=0)
            arrays["means"] += np.array([left - low[0], -low[1], -low[2]])
            left += _GAP * float(high[0] - low[0])
            parts.append(arrays)
            total += len(size)
            if total >= count:
                break
    joined = {name: np.concatenate([part[name] for part in parts])[:count] for name in names}
    return GaussianScene(
        **{name: np.ascontiguousarray(array, dtype=np.float32) for name, array in joined.items()}
    )
