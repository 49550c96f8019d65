"""A training's directory: checkpoints, log, previews, and in the end its result.

::

    out/
        options.json      what was asked for
        checkpoint.pt     to go on from after a kill, with the same result
        scene.pt          the scene as it was before it had an entropy model, for others to branch from
        log.jsonl         a line every hundred iterations
        previews/         a held-out view now and then, photo beside render
        …                 see `result`
"""

from __future__ import annotations

import json
import pickle
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from hemgs_codec.atomic import atomic_write
from hemgs_codec.progress import Progress
from hemgs_codec.threads import use_threads
from hemgs_codec.train.dataset import Dataset
from hemgs_codec.train.finish import finish
from hemgs_codec.train.options import RateOptions, SceneOptions
from hemgs_codec.train.result import FIT_NAME, Finished, read_result, write_result
from hemgs_codec.train.trainer import Trainer
from hemgs_codec.version import __version__
from hemgs_format.errors import SceneError

CHECKPOINT_NAME, SCENE_NAME, LOG_NAME, OPTIONS_NAME = "checkpoint.pt", "scene.pt", "log.jsonl", "options.json"
LOG_INTERVAL, CHECKPOINT_INTERVAL, PREVIEW_INTERVAL = 100, 500, 2500


def train(
    dataset: Dataset,
    folder: Path,
    scene: SceneOptions | None = None,
    rate: RateOptions | None = None,
    *,
    resume: bool = False,
    branch_from: Path | None = None,
    until: int | None = None,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Finished | None:
    """Train an anchor scene and its entropy model.

    Parameters
    ----------
    folder
        Made where it doesn't exist; may hold no other training unless ``resume``.
    resume
        Go on from the checkpoint in the folder. The result is the one that an uninterrupted training has.
    branch_from
        The folder of another training with the same scene options: begin where it got its entropy model.
    until
        Stop after this many iterations, to be resumed; None: at the end.
    device
        A torch device.
    threads
        CPU threads; None: the machine's cores. Results depend on them in the last bits.

    Returns
    -------
    Finished or None
        What `encode_anchors` takes; None if stopped before the end.

    Raises
    ------
    SceneError
        The folder's training has other options, or there is none to go on from.
    OSError
        A file can't be read or written.
    """
    scene, rate = scene or SceneOptions(), rate or RateOptions()
    options = {"scene": asdict(scene), "rate": asdict(rate), "dataset": dataset.name}
    is_done = _open_folder(folder, options, resume=resume)
    if is_done:
        return read_result(folder)
    with use_threads(threads):
        trainer = Trainer(dataset, scene, rate, device)
        if (folder / CHECKPOINT_NAME).is_file():
            _go_on(trainer, folder / CHECKPOINT_NAME)
        elif branch_from is not None:
            _go_on(trainer, branch_from / SCENE_NAME)
        _run(trainer, folder, min(until or scene.iterations, scene.iterations), progress)
        if trainer.iteration < scene.iterations or trainer.rate is None or trainer.setup is None:
            return None
        finished = finish(trainer.scene(), trainer.setup, trainer.rate)
        write_result(folder, finished, dataset, scene.iterations)
    return finished


def _open_folder(folder: Path, options: dict[str, Any], *, resume: bool) -> bool:
    """Make a folder or check the one that is there; True if its training is done."""
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / OPTIONS_NAME
    wanted = json.loads(json.dumps(options))
    if known.is_file():
        if not resume:
            raise FileExistsError(f"{folder} holds a training already: --resume goes on with it")
        found = json.loads(known.read_text())
        if found != wanted:
            differing = [
                f"{key} is {found.get(part, {}).get(key)!r}, not {value!r}"
                for part in ("scene", "rate")
                for key, value in wanted[part].items()
                if found.get(part, {}).get(key) != value
            ]
            raise SceneError(f"{folder} was trained with other options: {'; '.join(differing) or 'data set'}")
    else:
        with atomic_write(known) as stream:
            stream.write(json.dumps(options, indent=1).encode())
    return (folder / FIT_NAME).is_file()


def _run(trainer: Trainer, folder: Path, until: int, progress: Progress | None) -> None:
    """Iterate, and write down what happens."""
    log = _Log(folder / LOG_NAME, trainer.iteration)
    while trainer.iteration < until:
        if trainer.iteration == trainer.schedule.rate_from and not (folder / SCENE_NAME).is_file():
            _save(trainer, folder / SCENE_NAME)
        log.add(trainer.step())
        done = trainer.iteration
        if done % LOG_INTERVAL == 0 or done == until:
            log.write(trainer)
        if done % PREVIEW_INTERVAL == 0:
            _preview(trainer, folder / "previews")
        if done % CHECKPOINT_INTERVAL == 0 or done == until:
            _save(trainer, folder / CHECKPOINT_NAME)
        if progress is not None:
            progress("train", done, trainer.schedule.total)


class _Log:
    """Means of what iterations return, a JSON line at a time; lines of iterations done again are dropped."""

    def __init__(self, path: Path, iteration: int) -> None:
        self.path, self.start, self.count = path, time.perf_counter(), 0
        self.sums: dict[str, float] = {}
        lines = path.read_text().splitlines() if path.is_file() else []
        kept = [line for line in lines if json.loads(line)["iteration"] <= iteration]
        with atomic_write(path, force=True) as stream:
            stream.write("".join(line + "\n" for line in kept).encode())

    def add(self, values: dict[str, float]) -> None:
        """Take in one iteration's values."""
        self.count += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def write(self, trainer: Trainer) -> None:
        """Write a line about the iterations since the last one."""
        now = time.perf_counter()
        line: dict[str, float | int | str] = {
            "iteration": trainer.iteration,
            "phase": trainer.schedule.phase(trainer.iteration - 1),
            "anchors": trainer.parameters.num_anchors,
            **{name: round(total / self.count, 6) for name, total in self.sums.items()},
            "seconds_per_iteration": round((now - self.start) / self.count, 4),
        }
        if trainer.iteration % (5 * LOG_INTERVAL) == 0:
            line["psnr"] = round(trainer.test_psnr(), 3)
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        self.sums, self.count, self.start = {}, 0, time.perf_counter()


def _preview(trainer: Trainer, folder: Path) -> None:
    """Write a held-out view: photo beside render."""
    folder.mkdir(exist_ok=True)
    with atomic_write(folder / f"{trainer.iteration:06d}.png", force=True) as stream:
        Image.fromarray(trainer.preview()).save(stream, "PNG")


def _save(trainer: Trainer, path: Path) -> None:
    with atomic_write(path, force=True) as stream:
        torch.save(trainer.state(), stream)


def _go_on(trainer: Trainer, path: Path) -> None:
    """Bring a trainer to the state in a file."""
    if not path.is_file():
        raise SceneError(f"{path} is missing: there is nothing to go on from")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, ValueError) as error:
        raise SceneError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or state.get("version") != __version__:
        raise SceneError(f"{path} isn't the state of a training by version {__version__}")
    if state["scene_options"] != asdict(trainer.scene_options):
        raise SceneError(
            f"{path} is of a scene with {state['scene_options']}, expected {asdict(trainer.scene_options)}"
        )
    trainer.load(state)
