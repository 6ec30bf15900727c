"""What the result of each rule depends on, beside the flags its command is given, so that the two cannot drift.

Each `*_depends` is one sorted-JSON string for Snakemake's params: exactly what the result depends on, with the
version of its stage, never a device, a thread count or a memory budget. A config key left at its default is
no part of it if the key came after version 0.1 (`vqa.config.identity`).
"""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from vqa.config import BackboneSettings, Dataset, DemoDataset, Extraction, Run, Study, identity
from vqa.config.versions import DEMO_VERSION, EVALUATION_VERSION, FEATURE_VERSION, TRAINING_VERSION
from vqa.features.identity import settings_of
from vqa.manifest import Video
from vqa.system.files import canonical, digest

_DEMO = ("videos", "scenes", "width", "height", "seconds", "fps", "seed")


def demo_depends(dataset: DemoDataset) -> str:
    return canonical({"version": DEMO_VERSION, **identity(dataset, include=set(_DEMO))})


def demo_flags(dataset: DemoDataset) -> str:
    return " ".join(f"--{key} {getattr(dataset, key)}" for key in _DEMO)


def manifest_depends(dataset: Dataset, videos: Sequence[Video]) -> str:
    settings = identity(dataset, exclude={"buckets", "on_bad_video"})
    return canonical({"reader": settings, "videos": digest([(v.video_id, v.path, v.mos) for v in videos])})


def extract_depends(
    backbone: str,
    settings: BackboneSettings,
    extraction: Extraction,
    dataset: Dataset,
    bucket: int,
    videos: Sequence[Video],
) -> str:
    """videos: those of the bucket."""
    return canonical(
        {
            **settings_of(backbone, settings, extraction),
            "videos": digest([video.source() for video in videos]),
            "bucket": [bucket, dataset.buckets],
            "on_bad_video": dataset.on_bad_video,
        }
    )


def extract_flags(
    backbone: str, settings: BackboneSettings, extraction: Extraction, dataset: Dataset, bucket: int, device: str
) -> str:
    node = f" --node {settings.node}" if settings.node else ""
    return (
        f"--bucket {bucket}/{dataset.buckets} --backbone {backbone} --cube-input {settings.cube_input}{node}"
        f" --decoder {extraction.decoder} --precision {extraction.precision} --storage {extraction.storage}"
        f" --device {device} --on-bad-video {dataset.on_bad_video}"
    )


def index_depends() -> str:
    return canonical({"version": FEATURE_VERSION})


def train_depends(run: Run) -> str:
    return canonical({"version": TRAINING_VERSION, "run": identity(run, exclude={"threads", "device", "jobs_per_gpu"})})


def train_flags(run: Run, permutations: Sequence[Path], split_files: Sequence[Path] = ()) -> str:
    named = [("permutations", path) for path in permutations] + [("split-file", path) for path in split_files]
    return flags(run, exclude={"threads"}) + "".join(f" --{key} {shlex.quote(str(path))}" for key, path in named)


def cross_depends(study: Study) -> str:
    return canonical({"version": TRAINING_VERSION, "datasets": sorted(study.datasets)})


def cross_flags(targets: Sequence[tuple[str, Path, Path]]) -> str:
    """targets: (dataset, manifest, index) each."""
    return " ".join(f"--dataset {shlex.quote(':'.join(map(str, target)))}" for target in targets)


def evaluate_depends(study: Study) -> str:
    return canonical(
        {
            "version": EVALUATION_VERSION,
            "cells": {name: sorted(e.modes) for name, e in study.experiments.items()},
            "datasets": list(study.datasets),
            "seeds": list(study.seeds),
            "statistics": identity(study.statistics),
        }
    )


def results_depends(study: Study) -> str:
    """Tables, figures and report show the whole study; experiments keep the config's order, which tables follow."""
    shown = json.dumps(identity(study, exclude_none=True), separators=(",", ":"))
    return f"{EVALUATION_VERSION} {shown}"


def flags(settings: BaseModel, exclude: set[str]) -> str:
    """Settings as command-line flags, in a fixed order: `--batch-size 16 --lr 1e-05 ...`."""
    parts = []
    for key, value in sorted(identity(settings, exclude=exclude).items()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(f"--{key.replace('_', '-')} {text}")
    return " ".join(parts)
