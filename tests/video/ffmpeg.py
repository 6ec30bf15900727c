"""The ffmpeg command of the imageio-ffmpeg wheel: it makes the videos of these tests and says what they show."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray


def ffmpeg(*arguments: object) -> str:
    """Run ffmpeg; returns what it says, raises where it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", "-nostdin", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stderr


def shown(path: Path) -> NDArray[np.uint8]:
    """Every frame that ffmpeg decodes, as RGB (frames, height, width, 3), turned as it turns them."""
    raw = path.with_suffix(".rgb")
    said = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", raw)
    width, height = map(int, re.findall(r"Video: rawvideo.*?, (\d+)x(\d+)", said)[-1])
    frames = np.fromfile(raw, np.uint8)
    raw.unlink()
    return frames.reshape(-1, height, width, 3)
