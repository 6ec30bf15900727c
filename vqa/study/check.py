"""`vqa check`: are the datasets what the config and the paper say?"""

from pathlib import Path

from vqa import datasets
from vqa.config import Dataset, DemoDataset, Study
from vqa.features.probe import probe_all
from vqa.protocol.splits import MIN_VIDEOS
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
        if isinstance(dataset, DemoDataset):
            blocks.append(f"{name}: {dataset.videos} synthetic clips, rendered by the workflow\n  ready")
            continue
        try:
            lines, problems = _check_one(name, dataset, study.store, headers, workers)
        except UserError as error:
            lines, problems = [], [str(error)]
        ready &= not problems
        marks = [f"  PROBLEM: {problem}" for problem in problems] or ["  ready"]
        blocks.append("\n".join([f"{name} ({dataset.reader})", *lines, *marks]))
    return "\n\n".join(blocks), ready


def _check_one(name: str, dataset: Dataset, results: Path, headers: bool, workers: int) -> tuple[list[str], list[str]]:
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
