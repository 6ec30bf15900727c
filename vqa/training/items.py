"""The videos of a run: their features, mapped from the shards, and their labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from vqa.features.index import Entry, open_features
from vqa.features.joined import Joined
from vqa.features.mapping import Mapped
from vqa.manifest import Video
from vqa.protocol.splits import Part, kind
from vqa.system.errors import UserError


@dataclass(frozen=True)
class Item:
    """A video as the trainer sees it. features: (T, D), read by `numpy.asarray`; label: scaled MOS; rate: rows a
    second.
    """

    video_id: str
    features: NDArray[Any] | Mapped | Joined
    mos: float
    label: float
    rate: float | None = None


def load_items(
    videos: Sequence[Video], index: dict[str, Entry], parts: Mapping[str, str], label_scale: str, features_mb: int = 0
) -> tuple[dict[Part, list[Item]], float]:
    """The videos of each part, sorted by id, with labels MOS / scale; returns the scale too.

    features_mb: megabytes of features that may stay mapped; 0: all.
    """
    videos = [video for video in sorted(videos, key=lambda v: v.video_id) if video.video_id in index]
    counted = videos if label_scale == "dataset" else [v for v in videos if parts[v.video_id] == "train"]
    scale = max((abs(video.mos) for video in counted), default=0.0)
    if scale == 0:
        raise UserError("all MOS are zero, or no training video is left; check the manifest")
    items: dict[Part, list[Item]] = {"train": [], "val": [], "test": []}
    found = open_features([index[video.video_id] for video in videos], features_mb)
    for video, rows in zip(videos, found, strict=True):
        item = Item(video.video_id, rows.features, video.mos, video.mos / scale, rows.rate)
        items[kind(parts[video.video_id])].append(item)
    for part, members in items.items():
        if not members:
            raise UserError(f"no {part} videos are left after the split; give more videos")
    return items, scale
