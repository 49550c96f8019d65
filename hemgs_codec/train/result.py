"""What a training leaves for encoders: the scene and its entropy model.

::

    out/
        point_cloud/iteration_N/    the scene, as Scaffold-GS has it
        entropy.fit                 the entropy model, for any λ
        importance.npy              how coarse each anchor's steps may be
        cameras.json                the views that it was trained on, and those held out
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.read import read_anchor_scene
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.anchors.write import write_anchor_scene
from hemgs_codec.atomic import atomic_write
from hemgs_codec.cameras.inria import pack_cameras_json
from hemgs_codec.channel_scene import anchor_digest
from hemgs_codec.fit.fitted import FittedModel, pack_fitted, unpack_fitted
from hemgs_codec.train.dataset import Dataset
from hemgs_format.errors import SceneError

FIT_NAME, IMPORTANCE_NAME, CAMERAS_NAME = "entropy.fit", "importance.npy", "cameras.json"


@dataclass(frozen=True)
class Finished:
    """A trained scene, log2 of how coarse its anchors' steps may be (N,), and its entropy model."""

    scene: AnchorScene
    importance: npt.NDArray[np.float64]
    fitted: FittedModel


def write_result(folder: Path, finished: Finished, dataset: Dataset, iteration: int) -> None:
    """Write a result into a training's directory, replacing a former one.

    Raises
    ------
    OSError
        If writing fails.
    """
    write_anchor_scene(folder, finished.scene, iteration=iteration, force=True)
    with atomic_write(folder / IMPORTANCE_NAME, force=True) as stream:
        np.save(stream, finished.importance, allow_pickle=False)
    with atomic_write(folder / CAMERAS_NAME, force=True) as stream:
        views = [("train", photo) for photo in dataset.train] + [("test", photo) for photo in dataset.test]
        stream.write(pack_cameras_json([(photo.camera, split) for split, photo in views]))
    with atomic_write(folder / FIT_NAME, force=True) as stream:  # last: it says that all is there
        stream.write(pack_fitted(finished.fitted, anchor_digest(finished.scene)))


def read_result(folder: Path) -> Finished | None:
    """Read what `write_result` wrote; None where a directory holds an anchor scene only.

    Raises
    ------
    HgsError
        A file is damaged, or the entropy model is another scene's.
    OSError
        A file can't be read.
    """
    if not (folder / FIT_NAME).is_file():
        return None
    scene = read_anchor_scene(folder)
    fitted, key = unpack_fitted((folder / FIT_NAME).read_bytes())
    if key != anchor_digest(scene):
        raise SceneError(
            f"{folder / FIT_NAME} is of another scene than {folder} holds: train again, or remove it"
        )
    try:
        importance = np.load(folder / IMPORTANCE_NAME, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, EOFError) as error:
        raise SceneError(f"{folder / IMPORTANCE_NAME} is missing or damaged: {error}") from error
    if importance.shape != (scene.num_anchors,) or not np.isfinite(importance).all():
        raise SceneError(f"{folder / IMPORTANCE_NAME} doesn't fit the scene: train again")
    return Finished(scene, importance, fitted)
