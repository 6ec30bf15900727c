"""Decoding alone: as `vqa extract` does it, with a network that does nothing, against the ffmpeg command."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import imageio_ffmpeg
import torch

from tests.benchmarks.measure import CORES, Results, run
from vqa.features.network import Network
from vqa.features.stream import stream
from vqa.manifest import Video

SIZES = {"640x360": 240, "960x540": 240, "1920x1080": 96, "3840x2160": 48}  # frames of each clip
CODECS = {
    "H.264": ["-c:v", "libx264", "-pix_fmt", "yuv420p"],
    "HEVC": ["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"],
    "VP9": ["-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "31", "-cpu-used", "8", "-pix_fmt", "yuv420p"],
}
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
_TIMES = 3


class Nothing:
    """An extractor that takes every frame as it is and computes nothing."""

    mean = torch.zeros(3)
    clip_length = smallest = 1

    def prepare(self, frame):
        return frame

    def batch_size(self, pixels, memory_mb):
        return max(1, int(20e6 / (3 * pixels)))  # of 20 MB, as a network's are

    def __call__(self, frames):
        return torch.zeros(len(frames), 1)


def make_clip(path: Path, size: str, frames: int, codec: Sequence[str]) -> None:
    """A zoom into the Mandelbrot set: smooth motion and fine detail."""
    source = ["-f", "lavfi", "-i", f"mandelbrot=size={size}:rate=24", "-frames:v", str(frames)]
    subprocess.run([FFMPEG, "-y", "-v", "error", *source, *codec, str(path)], check=True)


def speed(root: Path, results: Results, quick: bool = False) -> None:
    """Frames/s by decoders, size and codec, four clips each; the peak memory of the process that decodes."""
    for codec, flags in CODECS.items():
        for size, frames in SIZES.items():
            if (codec != "H.264" and size != "960x540") or (quick and size != "640x360"):
                continue
            clip = root / f"{codec}-{size}.mkv"
            make_clip(clip, size, frames, flags)
            for decoders in range(1, CORES + 1):
                found = [decode([clip] * 4, decoders) for _ in range(_TIMES)]
                plain = [4 * (frames - 1) / ffmpeg_seconds([clip] * 4, decoders) for _ in range(_TIMES)]
                ours, peak = median(each["rate"] for each in found), max(each["peak_mb"] for each in found)
                results.add(
                    f"decode {codec} {size}, {decoders} at once, frames/s; peak MB",
                    f"{ours:.0f}; {peak:.0f}", f"{median(plain):.0f} (ffmpeg)", f"{ours / median(plain):.2f}x",
                )  # fmt: skip


def memory(root: Path, results: Results, quick: bool = False) -> None:
    """Peak memory at 1920x1080 by decoders and length."""
    lengths = (48, 96) if quick else (48, 192, 768)
    for decoders in range(1, CORES + 1):
        peaks = []
        for frames in lengths:
            clip = root / f"long-{frames}.mkv"
            if not clip.exists():
                make_clip(clip, "1920x1080", frames, CODECS["H.264"])
            peaks.append(f"{decode([clip] * 2 * decoders, decoders)['peak_mb']:.0f}")
        told = " / ".join(map(str, lengths))
        results.add(f"decode 1920x1080, {decoders} at once, {told} frames, peak MB", " / ".join(peaks))


def decode(clips: Sequence[Path], decoders: int) -> dict[str, float]:
    """In a process of its own, whose memory counts."""
    command = [sys.executable, "-m", "tests.benchmarks.decoding", decoders, *clips]
    found: dict[str, float] = json.loads(run(_on_cores(decoders, command)).output)
    return found


def ffmpeg_seconds(clips: Sequence[Path], threads: int) -> float:
    """Of all frames but the first: a process that ends there is taken off, as ours is timed once it has started."""

    def seconds(clip: Path, *frames: object) -> float:
        nowhere = [*frames, "-f", "rawvideo", "-pix_fmt", "rgb24", "-y", "/dev/null"]
        return run(_on_cores(threads, [FFMPEG, "-v", "error", "-threads", threads, "-i", clip, *nowhere])).seconds

    return sum(seconds(clip) - seconds(clip, "-frames:v", 1) for clip in clips)


def _on_cores(count: int, command: Sequence[object]) -> list[object]:
    """ffmpeg's `-threads 1` decodes, converts and writes in a thread each: cores are what both have as many of."""
    return ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:count])), *command]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoders", type=int)
    parser.add_argument("clips", nargs="+", type=Path)
    arguments = parser.parse_args()
    network = Network(Nothing(), 1000, decoders=arguments.decoders)
    started, frames = time.perf_counter(), 0
    for clip, _ in stream([Video(str(n), str(path), 1.0) for n, path in enumerate(arguments.clips)], network, "pyav"):
        frames += clip.decoded.frames
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": frames / seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
