"""What a job asks of the machine, from the sizes known before anything runs.

Rates are generous multiples of the measured ones, since a scheduler kills what overruns;
a retry multiplies them by its attempt. Imports no torch.
"""

import math

from vqa.config import Run

_EXTRACT_MINUTES_PER_VIDEO = {"cpu": 20.0, "cuda": 1.0}  # 15 s of 1920x1080; on the CPU of one thread
_TRAIN_SECONDS = {"cpu": 0.02, "cuda": 0.002}  # per video and epoch, 240 frames of 4096 features
_FEATURES_MB = 4.0  # of a video: 500 rows of 4096 in float16


def extract_minutes(videos: int, device: str, threads: int) -> int:
    workers = threads if device == "cpu" else 1
    return 15 + math.ceil(videos * _EXTRACT_MINUTES_PER_VIDEO[device] / workers)


def extract_mb(memory_mb: int, device: str) -> int:
    """The activations' budget beside the libraries, which CUDA's nearly double."""
    return memory_mb + (1500 if device == "cpu" else 3000)


def train_minutes(run: Run, videos: int, clip_length: int, device: str) -> int:
    thinned = clip_length * max(run.sampler, 1)
    epochs = max([run.epochs, *map(int, run.tune.get("epochs", ()))]) * math.prod(map(len, run.tune.values()))
    return 15 + math.ceil(epochs * videos * _TRAIN_SECONDS[device] / thinned / 60)


def train_mb(videos: int, clip_length: int, device: str) -> int:
    """Mapped features count for a job that reads them, though its neighbours share the pages."""
    return math.ceil((1200 if device == "cpu" else 3000) + videos * _FEATURES_MB / clip_length)


def listing_minutes(videos: int) -> int:
    """Of a job that opens every video or shard of a dataset once."""
    return 10 + math.ceil(videos / 50)
