"""The demo dataset: its clips are rendered by the workflow (`vqa demo-data`)."""

from pathlib import Path

from vqa.config import DemoDataset
from vqa.datasets.common import Listing
from vqa.manifest import Video


def folder(name: str, results: Path) -> Path:
    return results / "data" / name


def table(name: str, results: Path) -> Path:
    return folder(name, results) / "table.csv"


def read(name: str, dataset: DemoDataset, results: Path) -> Listing:
    """Known from the config alone, so that the workflow can plan before the clips exist."""
    root = folder(name, results)
    # With the size that the table says too: one video has one fingerprint, whichever it is read from.
    videos = [
        Video(clip, str(root / f"{clip}.mp4"), mos=0.0, width=dataset.width, height=dataset.height)
        for clip in dataset.clip_ids
    ]
    return Listing(root=root, videos=videos, metadata=[table(name, results)])
