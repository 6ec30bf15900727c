"""Headers of all videos, and `vqa check`: are the datasets what the config and the paper say?"""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import write_text
from vqa.video import Header, probe

_COLUMNS = ("video_id", "width", "height", "fps", "frames", "pixel_format", "error")


@dataclass(frozen=True)
class Probe:
    video_id: str
    header: Header | None
    error: str = ""


def probe_all(videos: list[Video], workers: int) -> list[Probe]:
    """Open every video, `workers` at a time; a bad one is reported, not raised.

    Raises `RunError` for one that cannot be read: nothing is known of it.
    """

    def one(video: Video) -> Probe:
        try:
            return Probe(video.video_id, probe(video))
        except UserError as error:
            return Probe(video.video_id, None, str(error))

    with ThreadPoolExecutor(workers) as pool:
        return list(tqdm(pool.map(one, videos), total=len(videos), desc="probe", unit="video", disable=None))


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
