"""Where a trainer's run keeps an anchor scene."""

from __future__ import annotations

import re
from pathlib import Path

from hemgs_format.errors import SceneError

PLY_NAME = "point_cloud.ply"
_SETTINGS_NAME = "cfg_args"
# Written by a printed argparse.Namespace; it is read as text, since evaluating it would run what it says.
_VOXEL_SIZE = re.compile(r"\bvoxel_size=([0-9.]+(?:e[+-]?[0-9]+)?)", re.IGNORECASE)


def iteration_folder(run: Path, iteration: int) -> Path:
    """Directory of one iteration of a run."""
    return run / "point_cloud" / f"iteration_{iteration}"


def find_iteration(folder: Path) -> Path:
    """Find the directory that holds ``point_cloud.ply``.

    Parameters
    ----------
    folder
        That directory, the run's, whose highest ``point_cloud/iteration_N`` is taken, or ``point_cloud``.

    Raises
    ------
    SceneError
        If it is none of them.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "doesn't exist"
        raise SceneError(f"{folder} {what}, expected the directory of a run or of one iteration")
    if (folder / PLY_NAME).is_file():
        return folder
    for parent in (folder / "point_cloud", folder):
        iterations = _iterations(parent)
        if iterations:
            newest = iterations[max(iterations)]
            if not (newest / PLY_NAME).is_file():
                raise SceneError(f"{newest}, the highest iteration, has no {PLY_NAME}")
            return newest
    raise SceneError(f"{folder} has neither {PLY_NAME} nor point_cloud/iteration_N with one")


def trained_voxel_size(iteration: Path) -> float | None:
    """Read the voxel size from the settings that the trainer left; None without any, or where it chose."""
    iteration = iteration.resolve()
    places = [iteration]
    if iteration.parent.name == "point_cloud":
        places.append(iteration.parent.parent)
    for place in places:
        path = place / _SETTINGS_NAME
        found = _VOXEL_SIZE.search(path.read_text("utf-8", "replace")) if path.is_file() else None
        if found is not None:
            return _positive(found[1])
    return None


def _iterations(parent: Path) -> dict[int, Path]:
    if not parent.is_dir():
        return {}
    matches = ((re.fullmatch(r"iteration_([0-9]+)", path.name), path) for path in parent.iterdir())
    return {int(match[1]): path for match, path in matches if match is not None and path.is_dir()}


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value > 0 else None
