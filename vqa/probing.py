"""Headers of all videos, and `vqa check`: are the datasets what the config and the paper say?"""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from vqa import datasets
from vqa.config import DemoDataset, Study
from vqa.errors import UserError
from vqa.files import write_text
from vqa.manifest import Video
from vqa.splits import MIN_VIDEOS
from vqa.video import Header, probe

# Fang et al., Table I: number of videos and MOS range.
TABLE_I = {
    "konvid-1k": (1200, 1.220, 4.640),
    "live-qualcomm": (208, 16.562, 73.643),
    "cvd2014": (234, -6.500, 93.380),
    "live-vqc": (585, 6.224, 94.287),
}
_COLUMNS = ("video_id", "width", "height", "fps", "frames", "pixel_format", "error")


@dataclass(frozen=True)
class Probe:
    video_id: str
    header: Header | None
    error: str = ""


def probe_all(videos: list[Video], workers: int) -> list[Probe]:
    """Open every video, `workers` at a time; a bad one is reported, not raised."""

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


def check_datasets(study: Study, headers: bool, workers: int) -> tuple[str, bool]:
    """A summary of all datasets, and whether every one is ready."""
    blocks, ready = [], True
    for name, dataset in study.datasets.items():
        if isinstance(dataset, DemoDataset):
            blocks.append(f"{name}: {dataset.videos} synthetic clips, rendered by the workflow\n  ready")
            continue
        try:
            lines, problems = _check_one(name, dataset, study.results, headers, workers)
        except UserError as error:
            lines, problems = [], [str(error)]
        ready &= not problems
        marks = [f"  PROBLEM: {problem}" for problem in problems] or ["  ready"]
        blocks.append("\n".join([f"{name} ({dataset.reader})", *lines, *marks]))
    return "\n\n".join(blocks), ready


def _check_one(name: str, dataset, results: Path, headers: bool, workers: int) -> tuple[list[str], list[str]]:
    listing = datasets.list_videos(name, dataset, results)
    mos = [video.mos for video in listing.videos]
    total = len(mos) + len(listing.missing)
    lines = [
        f"  labels   {', '.join(str(path) for path in listing.metadata)}",
        f"  videos   {len(mos)} of {total} found, {len(listing.excluded)} excluded",
    ]
    problems = []
    if mos:
        lines.append(f"  MOS      {min(mos):.3f} to {max(mos):.3f}")
    if listing.missing:
        problems.append(f"{len(listing.missing)} videos are missing, first: {', '.join(listing.missing[:3])}")
    if len(mos) < MIN_VIDEOS:
        problems.append(f"{len(mos)} videos are too few; a split needs {MIN_VIDEOS}")
    if expected := TABLE_I.get(dataset.reader):
        count, low, high = expected
        same_count = total + len(listing.excluded) == count
        same_range = bool(mos) and abs(min(mos) - low) < 0.006 and abs(max(mos) - high) < 0.006
        if listing.excluded or listing.missing:
            same_range = bool(mos) and min(mos) > low - 0.006 and max(mos) < high + 0.006
        verdict = "as the paper's" if same_count and same_range else "NOT the paper's"
        lines.append(f"  Table I  {verdict} ({count} videos, MOS {low:.3f} to {high:.3f})")
        if not (same_count and same_range):
            problems.append("number of videos or MOS range differ from the paper's Table I")
    if headers and listing.videos:
        bad = [each.error for each in probe_all(listing.videos, workers) if each.error]
        lines.append(f"  headers  {len(mos) - len(bad)} of {len(mos)} open and decode their first frame")
        problems += bad[:5] + ([f"... and {len(bad) - 5} more"] if len(bad) > 5 else [])
    return lines, problems
