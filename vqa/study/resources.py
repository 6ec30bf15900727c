"""What a job asks of the machine, from the sizes known before anything runs.

Rates are generous multiples of the measured ones, since a scheduler kills what overruns;
a retry multiplies them by its attempt. Imports no torch.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vqa.config import Run

_EXTRACT_MINUTES_PER_VIDEO = {"cpu": 20.0, "cuda": 1.0}  # 15 s of 1920x1080; on the CPU of one thread
_TRAIN_SECONDS = {"cpu": 0.02, "cuda": 0.002}  # per video and epoch, 240 frames of 4096 features
_FEATURES_MB = 4.0  # of a video: 500 rows of 4096 in float16
_FRAME = 1920 * 1080  # pixels, where no listing and no probe says
_ACTIVATIONS = 300  # bytes a pixel in float32 (`Extractor.bytes_per_pixel`)
_DECODING = 64  # bytes a pixel: some 16 frames that a decoder refers to, and those on their way to the network


def extract_minutes(videos: int, device: str, threads: int) -> int:
    workers = threads if device == "cpu" else 1
    return 15 + math.ceil(videos * _EXTRACT_MINUTES_PER_VIDEO[device] / workers)


def extract_mb(memory_mb: int, device: str, pixels: int | None, whole_frames: int, decoders: int) -> int:
    """Libraries, which CUDA's nearly double; activations, whose budget one large frame may pass; decoding.

    pixels: of the bucket's largest frame, if known. whole_frames: that the network sees at once; 0 if it crops.
    decoders: that work side by side.
    """
    frame = pixels or _FRAME
    activations = max(memory_mb, frame * whole_frames * _ACTIVATIONS / 1e6)
    return math.ceil((1500 if device == "cpu" else 3000) + activations + decoders * frame * _DECODING / 1e6)


def import_mb(source: int) -> int:
    """source: bytes of the file that holds all features, 0 for a file a video. A text may hold numbers of a digit."""
    return math.ceil(600 + 8 * source / 1e6)


def train_minutes(run: Run, videos: int, clip_length: int, device: str) -> int:
    thinned = clip_length * max(run.sampler, 1)
    epochs = max([run.epochs, *map(int, run.tune.get("epochs", ()))]) * math.prod(map(len, run.tune.values()))
    return 15 + math.ceil(epochs * videos * _TRAIN_SECONDS[device] / thinned / 60)


@dataclass(frozen=True)
class Sizes:
    """Of a dataset's features: rows of each video, and their dimension."""

    rows: tuple[int, ...]
    dim: int


@lru_cache(maxsize=256)
def sizes(index: str, mtime_ns: int) -> Sizes:
    """From the index at `index`, of that time stamp."""
    with open(index, newline="", encoding="utf-8") as file:
        found = [(int(row["rows"]), int(row["dim"])) for row in csv.DictReader(file)]
    return Sizes(tuple(rows for rows, _ in found), max((dim for _, dim in found), default=0))


def joined(found: Sequence[Sizes]) -> Sizes:
    """Of features that stand side by side at the rows of the finest."""
    return Sizes(max((sizes.rows for sizes in found), key=sum), sum(sizes.dim for sizes in found))


def train_mb(run: Run, found: Sizes, device: str) -> int:
    """Mapped features count for a job that reads them, though its neighbours share the pages. Of a batch as it
    enters the head there may be two: its buffer grows by being made anew.
    """
    mapped = sum(found.rows) * found.dim * 2
    if run.features_mb:
        mapped = min(mapped, run.features_mb * 10**6)
    longest = sorted(found.rows)[-run.batch_size :]
    batch = sum(math.ceil(rows / max(run.sampler, 1)) for rows in longest) * found.dim
    buffer = 2 * batch * (2 if run.precision == "bfloat16" else 4)
    return math.ceil((1200 if device == "cpu" else 3000) + (mapped + buffer) / 1e6)


def cross_mb(videos: int) -> int:
    """All datasets' features are mapped, one video after another."""
    return math.ceil(1200 + videos * _FEATURES_MB)


def listing_minutes(videos: int) -> int:
    """Of a job that opens every video or shard of a dataset once."""
    return 10 + math.ceil(videos / 50)
