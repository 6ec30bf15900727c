"""The demo dataset: its clips are rendered by the workflow (`vqa demo-data`)."""

from pathlib import Path
from typing import TypeGuard

from vqa.config import Dataset, DemoDataset
from vqa.datasets.common import Listing
from vqa.manifest import Video


def rendered(dataset: Dataset) -> TypeGuard[DemoDataset]:
    """Whether the workflow renders it: not where its labels are given by a manifest."""
    return isinstance(dataset, DemoDataset) and dataset.manifest is None


def folder(name: str, results: Path) -> Path:
    return results / "data" / name


def table(name: str, results: Path) -> Path:
    return folder(name, results) / "table.csv"


def scenes(dataset: DemoDataset) -> list[Video]:
    """The videos that count, with the scenes that they will show; `read` knows neither those nor their labels."""
    clips = [(clip, f"scene-{number % dataset.scenes:02d}") for number, clip in enumerate(dataset.clip_ids)]
    return [Video(clip, clip, 0.0, scene=scene) for clip, scene in clips if clip not in dataset.exclude]


def read(name: str, dataset: DemoDataset, results: Path) -> Listing:
    """Known from the config alone, so that the workflow can plan before the clips exist."""
    root = folder(name, results)
    # With the size that the table says too: one video has one fingerprint, whichever it is read from.
    videos = [
        Video(clip, str(root / f"{clip}.mp4"), mos=0.0, width=dataset.width, height=dataset.height)
        for clip in dataset.clip_ids
    ]
    return Listing(root=root, videos=videos, metadata=[table(name, results)])
