"""What the result of each rule depends on, beside the flags its command is given, so that the two cannot drift.

Each `*_depends` is one sorted-JSON string for Snakemake's params: exactly what the result depends on, with the
version of its stage, never a device, a thread count or a memory budget. A config key left at its default is
no part of it if the key came after version 0.1 (`vqa.config.identity`).
"""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vqa.config import (
    BackboneSettings,
    Dataset,
    DemoDataset,
    Experiment,
    Extraction,
    ImportedFeatures,
    LabelsDataset,
    PresetDataset,
    Run,
    Study,
    identity,
)
from vqa.config.base import PERFORMANCE, added
from vqa.config.heads import source
from vqa.config.names import GIVEN_PARTS
from vqa.config.versions import DEMO_VERSION, EVALUATION_VERSION, FEATURE_VERSION, TRAINING_VERSION
from vqa.features.identity import imported_settings, settings_of
from vqa.manifest import Video
from vqa.system.files import canonical, digest
from vqa.video.raw import is_raw
from vqa.video.versions import libraries


def demo_depends(dataset: DemoDataset) -> str:
    return canonical({"version": DEMO_VERSION, **identity(dataset, include=set(dataset.rendered()))})


def demo_flags(dataset: DemoDataset) -> str:
    chosen = identity(dataset, include=set(dataset.rendered()))
    return _joined(part for key, value in chosen.items() for part in (f"--{key}", value))


def manifest_depends(dataset: Dataset, videos: Sequence[Video]) -> str:
    """The rows say all. What version 0.1 knew of settings stands beside them as it wrote it, null permutations too."""
    settings: dict[str, Any] = {}
    if not isinstance(dataset, LabelsDataset | PresetDataset):
        later = {"buckets", "on_bad_video", *added(dataset)}
        settings = identity(dataset, exclude=later) | {"permutations": None}
    return canonical({"reader": settings, "videos": digest([video.row() for video in videos])})


def probe_depends(dataset: Dataset, sources: str) -> str:
    return canonical({"on_bad_video": dataset.on_bad_video, "sources": sources})


def extract_depends(
    backbone: str,
    settings: BackboneSettings,
    extraction: Extraction,
    dataset: Dataset,
    bucket: int,
    videos: Sequence[Video],
    sources: str,
) -> str:
    """videos: those of the bucket; sources: what identifies the content of all that it reads."""
    return canonical(
        {
            **settings_of(backbone, settings, extraction),
            "version": FEATURE_VERSION,
            "libraries": libraries(extraction.decoder),
            "sources": sources,
            "videos": digest([_read_as(video) for video in sorted(videos, key=lambda video: video.video_id)]),
            "bucket": [bucket, dataset.buckets],
            "on_bad_video": dataset.on_bad_video,
        }
    )


def _read_as(video: Video) -> dict[str, Any]:
    """What a shard takes from the labels: of raw YUV, its rate and length too."""
    told = {"fps": video.fps, "frames": video.frames} if is_raw(video) else {}
    return video.source() | {key: value for key, value in told.items() if value}


def extract_flags(backbone: str, settings: BackboneSettings, extraction: Extraction, dataset: Dataset) -> str:
    chosen = {
        "backbone": backbone,
        **identity(settings, exclude={"network", "weights"}, exclude_none=True),
        **identity(extraction, exclude=PERFORMANCE),
        "on-bad-video": dataset.on_bad_video,
    }
    return _joined(part for key, value in chosen.items() for part in (_flag(key), value))


def import_depends(
    backbone: str, every: int, given: ImportedFeatures, dataset: Dataset, videos: Sequence[Video], sources: str
) -> str:
    """videos: all of the dataset; sources: what identifies the content of the files."""
    named = sorted((video.video_id, video.path, video.fps or 0.0) for video in videos)
    return canonical(
        {
            **imported_settings(backbone, every, given),
            "version": FEATURE_VERSION,
            "sources": sources,
            "videos": digest(named),
            "on_bad_video": dataset.on_bad_video,
        }
    )


def import_flags(backbone: str, every: int, given: ImportedFeatures, dataset: Dataset) -> str:
    names = given.names.model_dump(exclude_none=True, exclude_defaults=True) if given.names else {}
    chosen = {
        "backbone": backbone,
        "every": every,
        **given.model_dump(exclude={"names"}, exclude_none=True),
        **{"names" if key == "path" else key: value for key, value in names.items()},
        "on-bad-video": dataset.on_bad_video,
    }
    return _joined(part for key, value in chosen.items() for part in (_flag(key), value))


def index_depends() -> str:
    return canonical({"version": FEATURE_VERSION})


def train_depends(run: Run, permutations: Sequence[str], split_files: Sequence[str] = ()) -> str:
    """permutations, split_files: the SHA-256 of the file that stored or given splits are read from."""
    parts: dict[str, Any] = {"version": TRAINING_VERSION, "run": identity(run, exclude=PERFORMANCE)}
    if permutations:
        parts["permutations"] = list(permutations)
    if split_files:
        parts["split_files"] = list(split_files)
    if code := source(run.head):
        parts["source"] = code
    return canonical(parts)


def train_flags(
    run: Run,
    permutations: Sequence[Path],
    split_files: Sequence[Path] = (),
    init: Sequence[Path] = (),
    joined: Sequence[Path] = (),
) -> str:
    """joined: the indexes of further backbones, whose features stand beside the first one's."""
    files = (("--permutations", permutations), ("--split-file", split_files), ("--init", init), ("--join", joined))
    named = [(flag, path) for flag, paths in files for path in paths]
    return " ".join([flags(run, exclude=PERFORMANCE), *(_joined(pair) for pair in named)])


def predictions_depends(scores: str, permutations: Sequence[str], split_files: Sequence[str]) -> str:
    """Of scores that others made. Each the SHA-256 of a file, as in `train_depends`."""
    given = {"scores": scores, "permutations": list(permutations), "split_files": list(split_files)}
    return canonical({"version": TRAINING_VERSION, **{key: value for key, value in given.items() if value}})


def predictions_flags(
    experiment: Experiment, dataset: Dataset, split: str, permutations: Sequence[Path], split_files: Sequence[Path]
) -> str:
    words: list[Any] = ["--split", split, "--columns", canonical(experiment.columns)]
    words += [word for path in permutations for word in ("--permutations", path)]
    words += [word for path in split_files for word in ("--split-file", path)]
    words += [word for video_id in dataset.exclude for word in ("--exclude", video_id)]
    return _joined([*words, *["--same-scores"] * experiment.same_scores])


def cross_depends(study: Study) -> str:
    """Version 0.1 computed in float32 whatever the head was trained in."""
    precision = study.training.precision
    rounded = {} if precision == "float32" else {"precision": precision}
    return canonical({"version": TRAINING_VERSION, "datasets": sorted(study.datasets), **rounded})


def cross_flags(targets: Sequence[tuple[str | Path, ...]]) -> str:
    """targets: (dataset, manifest, index) each, with the indexes of all joined features."""
    return _joined(part for target in targets for part in ("--dataset", ":".join(map(str, target))))


def evaluate_depends(study: Study, pairs: Iterable[Any]) -> str:
    """pairs: what is compared, each a dataclass. All in the config's order, in which metrics and tests are written."""
    return canonical(
        {
            "version": EVALUATION_VERSION,
            "cells": [[name, *e.modes, *_own_share(study, name)] for name, e in study.experiments.items()],
            "pairs": [astuple(pair) for pair in pairs],
            "datasets": list(study.datasets),
            "seeds": list(study.seeds),
            "statistics": identity(study.statistics),
            **({"splits": study.splits.method} if study.splits.method in GIVEN_PARTS else {}),
        }
    )


def _own_share(study: Study, experiment: str) -> list[dict[str, Any]]:
    """An experiment's datasets and seeds, where they are not the study's."""
    own = {"datasets": study.datasets_of(experiment), "seeds": list(study.seeds_of(experiment))}
    other = {key: value for key, value in own.items() if value != list(getattr(study, key))}
    return [other] if other else []


def tables_depends(study: Study) -> str:
    return _shown(study, without={"name", "plots"})


def figures_depends(study: Study) -> str:
    return _shown(
        study.model_copy(
            update={
                "plots": study.plots.model_copy(update={"thumbnails": False}),
                "splits": study.splits.model_copy(update={"scenes": ()}),
            }
        ),
        without={"name", "cross_dataset"},
    )


def videos_depends(study: Study) -> str:
    return canonical(
        {
            "version": EVALUATION_VERSION,
            "trained": [
                [name, *_own_share(study, name)]
                for name, e in study.experiments.items()
                if any(mode[0] == "O" for mode in e.modes)
            ],
            "datasets": list(study.datasets),
            "seeds": list(study.seeds),
            "alpha": study.statistics.alpha,
        }
    )


def shown_depends(study: Study) -> str:
    """The decoder counts where pictures are made."""
    pictures = {"decoder": study.extraction.decoder} if study.plots.thumbnails else {}
    return canonical({"version": EVALUATION_VERSION, **pictures})


def report_depends(study: Study) -> str:
    """The report prints the whole study, and only it changes with a device or a number of threads."""
    return _in_order(identity(study, exclude_none=True))


def _shown(study: Study, without: set[str]) -> str:
    values = identity(study, exclude=without | {"results", "shared"}, exclude_none=True)
    for section in ("extraction", "training"):
        values[section] = {key: value for key, value in values[section].items() if key not in PERFORMANCE}
    return _in_order(values)


def _in_order(values: dict[str, Any]) -> str:
    """As JSON in the config's order, which tables follow."""
    return f"{EVALUATION_VERSION} {json.dumps(values, separators=(',', ':'))}"


def flags(settings: BaseModel, exclude: set[str]) -> str:
    """Settings as command-line flags, in a fixed order: `--batch-size 16 --lr 1e-05 ...`."""
    values = sorted(identity(settings, exclude=exclude).items())
    return _joined(part for key, value in values for part in (_flag(key), _text(value)))


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _text(value: Any) -> str:
    return canonical(value) if isinstance(value, bool | dict) else str(value)


def _joined(parts: Iterable[Any]) -> str:
    """The words of a command line, each quoted for the shell."""
    return shlex.join(str(part) for part in parts)
