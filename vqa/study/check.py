"""`vqa check`: are the datasets what the config and the paper say?"""

from collections.abc import Sequence

from vqa import datasets
from vqa.config import Dataset, DemoDataset, Study
from vqa.datasets.vsfa_info import stored_permutation
from vqa.evaluation.metrics import MIN_VIDEOS as MIN_TESTED
from vqa.features.probe import probe_all
from vqa.manifest import Video
from vqa.protocol.splits import MIN_VIDEOS, sizes, split
from vqa.system.errors import UserError

# Fang et al., Table I: number of videos and MOS range.
TABLE_I = {
    "konvid-1k": (1200, 1.220, 4.640),
    "live-qualcomm": (208, 16.562, 73.643),
    "cvd2014": (234, -6.500, 93.380),
    "live-vqc": (585, 6.224, 94.287),
}


def check_datasets(study: Study, headers: bool, workers: int) -> tuple[str, bool]:
    """A summary of all datasets, and whether every one is ready."""
    blocks, ready = [], True
    for name, dataset in study.datasets.items():
        lines: list[str] = []
        problems: list[str] = []
        try:
            if isinstance(dataset, DemoDataset):
                lines = _check_demo(dataset, study)
            else:
                lines, problems = _check_one(name, dataset, study, headers, workers)
        except UserError as error:
            problems = [str(error)]
        ready &= not problems
        marks = [f"  PROBLEM: {problem}" for problem in problems] or ["  ready"]
        blocks.append("\n".join([f"{name} ({dataset.reader})", *lines, *marks]))
    return "\n\n".join(blocks), ready


def _check_demo(dataset: DemoDataset, study: Study) -> list[str]:
    """The clips are not there yet; their names and scenes are known."""
    clips = [(name, f"scene-{number % dataset.scenes:02d}") for number, name in enumerate(dataset.clip_ids)]
    videos = [Video(name, name, 0.0, scene=scene) for name, scene in clips if name not in dataset.exclude]
    lines = [f"  videos   {len(videos)} synthetic clips, rendered by the workflow"]
    return lines + _parts(study, dataset, videos)


def _check_one(name: str, dataset: Dataset, study: Study, headers: bool, workers: int) -> tuple[list[str], list[str]]:
    listing = datasets.list_videos(name, dataset, study.results)
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
    else:
        lines += _parts(study, dataset, listing.videos)
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


def _parts(study: Study, dataset: Dataset, videos: Sequence[Video]) -> list[str]:
    """The sizes of the seeds' parts, and a warning where a test part is too small for any metric."""
    counted = []
    for seed in study.seeds:
        named = dataset.permutations if study.splits.method == "stored" else None
        stored = stored_permutation(named, seed) if named else None
        counted.append(sizes(split(videos, seed, study.splits.method, stored)))
    ranges = {part: (min(n[part] for n in counted), max(n[part] for n in counted)) for part in counted[0]}
    told = ", ".join(f"{part} {low}" + (f" to {high}" if high > low else "") for part, (low, high) in ranges.items())
    lines = [f"  parts    {told}"]
    if ranges["test"][0] < MIN_TESTED:
        lines.append(
            f"  WARNING: a test part of {ranges['test'][0]} is too small for any metric, which needs {MIN_TESTED} "
            "videos: its results will be undefined; give more videos"
        )
    return lines
