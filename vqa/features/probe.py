"""Headers of all videos, and `vqa check`: are the datasets what the config and the paper say?"""

import csv
import io
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import write_text
from vqa.system.isolation import guarded_each
from vqa.video import Header, probe

# Bytes a pixel of the frame, measured: HEVC of 10 bits with four threads held 57, and may keep more references.
_DECODER_BYTES = 64
_NETWORK_BYTES = 320  # `Extractor.bytes_per_pixel` in float32, and the queue's frames
_COLUMNS = ("video_id", "width", "height", "fps", "frames", "pixel_format", "error")


@dataclass(frozen=True)
class Probe:
    video_id: str
    header: Header | None
    error: str = ""


def decode_mb(width: int, height: int) -> float:
    """MB that the decoder of one video of this frame size holds, beside its libraries."""
    return width * height * _DECODER_BYTES / 1e6


def network_mb(width: int, height: int, clip_length: int = 1) -> float:
    """MB of activations that one frame, or cube of `clip_length` frames, of this size costs in float32.

    A batch holds at least one, so a job needs no less, however small its budget; width and height are what the
    network is given: 112 x 112 for cropped cubes. Half of it in bfloat16 and float16.
    """
    return width * height * clip_length * _NETWORK_BYTES / 1e6


def probe_all(videos: list[Video], workers: int) -> list[Probe]:
    """Open every video, in `workers` processes; a bad one, such as one that crashes its decoder, is reported.

    Raises `RunError` for one that cannot be read: nothing is known of it.
    """
    named = {video.path: video for video in videos}
    paths, hint = [video.path for video in videos], "download it again, re-encode it or exclude it"
    probes = []
    with ExitStack() as stack:
        readers = [guarded_each(_header, paths[start::workers], named, hint=hint) for start in range(workers)]
        for reader in readers:
            stack.enter_context(closing(reader))
        for number, video in enumerate(tqdm(videos, desc="probe", unit="video", disable=None)):
            found = next(readers[number % workers])
            header, error = (None, str(found)) if isinstance(found, UserError) else (found, "")
            probes.append(Probe(video.video_id, header, error))
    return probes


def _header(path: str, named: dict[str, Video]) -> Header:
    return probe(named[path])


def write_probes(output: Path, probes: list[Probe]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in probes:
        h = each.header
        facts = (h.width, h.height, h.fps, h.frames, h.pixel_format) if h else ("",) * 5
        writer.writerow([each.video_id, *("" if fact is None else fact for fact in facts), each.error])
    write_text(output, buffer.getvalue())


def first_problem(probes: list[Probe]) -> str:
    """One line on the videos that cannot be read; empty if all can."""
    bad = [each.error for each in probes if each.error]
    more = f" (and {len(bad) - 1} more bad videos)" if len(bad) > 1 else ""
    return f"{bad[0]}{more}" if bad else ""
