"""Videos of rendered frames, by ffmpeg."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from hemgs_codec.atomic import atomic_write
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_format.errors import HgsError

_CONTAINERS = (".mp4", ".mkv", ".mov")


class VideoError(HgsError):
    """There is no ffmpeg, or it fails."""


def check_video(target: Path) -> str:
    """Return ffmpeg's path, having checked that a video of this name can be made.

    Raises
    ------
    VideoError
        There is no ffmpeg on the PATH, or the target's suffix is of no container for H.264.
    """
    if target.suffix.lower() not in _CONTAINERS:
        raise VideoError(f"{target}: a video's name ends in {', '.join(_CONTAINERS)}")
    path = shutil.which("ffmpeg")
    if path is None:
        raise VideoError("a video needs ffmpeg, which isn't on the PATH: install it (apt install ffmpeg, …)")
    return path


def write_video(
    frames: Iterable[UInt8Array], target: Path, *, width: int, height: int, fps: int = 30, force: bool = False
) -> None:
    """Write frames (height, width, 3) uint8 as H.264; the target's suffix picks the container.

    The video appears whole or not at all: it is made in a temporary folder first.

    Raises
    ------
    VideoError
        As `check_video`, or ffmpeg fails.
    OSError
        The target exists and ``force`` isn't set, or can't be written.
    """
    ffmpeg = check_video(target)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / f"video{target.suffix}"
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
        # H.264 of the usual kind has even sizes: an odd one gets a line more
        form = [
            "-vf",
            "pad=ceil(iw/2)*2:ceil(ih/2)*2",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-crf",
            "18",
        ]
        command = [ffmpeg, "-loglevel", "error", *source, *form, "-an", str(part)]
        log = Path(folder) / "log"
        with log.open("wb") as complaints:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=complaints, stderr=complaints)
        assert process.stdin is not None
        try:
            for frame in frames:
                process.stdin.write(frame.tobytes())
            process.stdin.close()
            process.wait()
        except BrokenPipeError:
            process.wait()  # it gave up, and has said why
        finally:
            process.kill()  # nothing to a process that has ended; else there is an error or an interrupt
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        if process.returncode != 0 or not part.is_file():
            lines = log.read_text(errors="replace").strip().splitlines() or [
                f"exit status {process.returncode}"
            ]
            raise VideoError(f"ffmpeg can't write {target}: {lines[-1]}")
        with part.open("rb") as whole, atomic_write(target, force=force) as stream:
            shutil.copyfileobj(whole, stream)
