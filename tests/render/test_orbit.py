"""The ring of cameras around a scene, and the video of what they see."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hemgs_codec.cameras import orbit_cameras
from hemgs_codec.cameras.layout import layout_of
from hemgs_codec.cameras.orbit import upright
from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_codec.scene import GaussianScene
from hemgs_codec.video import VideoError, write_video
from tests.views import cloud


def test_cameras_go_once_around_from_above() -> None:
    scene = cloud(100, 2)
    focus = layout_of(scene).focus
    up = np.array([0.0, -1, 0])
    cameras = orbit_cameras(scene, 8, width=40, height=30, up=up)
    away = np.array([camera.position - focus for camera in cameras])
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), np.linalg.norm(away[0]))
    np.testing.assert_allclose(away @ up, np.linalg.norm(away[0]) * np.sin(np.radians(20)))
    np.testing.assert_allclose(away[:4] + away[4:], 2 * (away[0] @ up) * np.tile(up, (4, 1)), atol=1e-9)
    assert (np.cross(away, np.roll(away, -1, axis=0)) @ up > 0).all()
    assert [camera.name for camera in cameras[:2]] == ["orbit_0000", "orbit_0001"]
    for camera in cameras:
        assert camera.world_to_camera[1, :3] @ up < 0  # image y is down
        np.testing.assert_allclose(camera.world_to_camera[:2, :3] @ (focus - camera.position), 0, atol=1e-9)


def test_the_chair_stands_upright(chair: GaussianScene) -> None:
    assert upright(chair, layout_of(chair)).tolist() == [0, 0, 1]


def frames(count: int = 3) -> Iterator[UInt8Array]:
    for number in range(count):
        yield np.full((15, 21, 3), 60 * number % 256, np.uint8)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_video_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "ffmpeg", 'for last; do :; done; /bin/cat > "$last"')
    monkeypatch.setenv("PATH", str(tmp_path))
    write_video(frames(), tmp_path / "turn.mp4", width=21, height=15)
    assert (tmp_path / "turn.mp4").read_bytes() == b"".join(frame.tobytes() for frame in frames())
    with pytest.raises(FileExistsError):
        write_video(frames(), tmp_path / "turn.mp4", width=21, height=15)


@pytest.mark.parametrize("fails", ["exit 3", "/bin/cat > /dev/null; exit 3"], ids=["at once", "at the end"])
def test_a_failing_ffmpeg_leaves_no_video_and_its_last_words(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "ffmpeg", f"echo Unknown encoder >&2; {fails}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VideoError, match=r"turn\.mp4: Unknown encoder"):
        write_video(frames(2000), tmp_path / "turn.mp4", width=21, height=15)
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]


def test_an_error_between_frames_leaves_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[UInt8Array]:
        yield from frames()
        raise KeyboardInterrupt

    script(tmp_path / "ffmpeg", 'for last; do :; done; /bin/cat > "$last"')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        write_video(broken(), tmp_path / "turn.mp4", width=21, height=15)
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffmpeg isn't here")
def test_ffmpeg_writes_every_frame_and_makes_sizes_even(tmp_path: Path) -> None:
    write_video(frames(), tmp_path / "turn.mp4", width=21, height=15, fps=10)
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries"]
    entries = "stream=width,height,nb_read_frames,r_frame_rate"
    found = subprocess.run(
        [*command, entries, "-of", "csv=p=0", str(tmp_path / "turn.mp4")],
        capture_output=True,
        check=True,
        text=True,
    )
    assert found.stdout.strip() == "22,16,10/1,3"
