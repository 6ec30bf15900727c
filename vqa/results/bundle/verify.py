"""`vqa verify`: are a bundle's files whole, and do its numbers follow from its predictions?"""

import contextlib
import csv
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vqa.config import Study
from vqa.config.versions import EVALUATION_VERSION
from vqa.protocol.split_files import read_split_file, split_file
from vqa.results import comparisons, evaluation, videos
from vqa.results.bundle.archive import Bundle
from vqa.results.bundle.compare import METRIC, TEST, compare_csv, compare_text
from vqa.results.bundle.contents import Choice, Contents
from vqa.results.bundle.opened import extract, load_study, opened
from vqa.results.bundle.places import ABOUT, README, SPLITS, labels
from vqa.results.bundle.runs import differs
from vqa.results.contents import MATRIX
from vqa.results.study_data import StudyData
from vqa.results.tables import write_tables
from vqa.study.grid import Grid
from vqa.study.parts import parts_of
from vqa.system.errors import UserError, one_line

_OTHERS = 10  # are named
_UNREAD = (".h5", ".pt", ".png", ".pdf")
_METRICS = ("dataset", "test_set", "experiment", "mode", "seed")
_STATISTICS = ("family", "dataset", "test_set", "experiment", "mode", "baseline_experiment", "baseline_mode", "metric")
_VIDEOS = ("dataset", "test_set", "experiment", "video_id")
_PER_VIDEO = {"videos.csv": _VIDEOS, "sensitivity.csv": _VIDEOS}
_KEYED = {"metrics.csv": _METRICS, "statistics.csv": _STATISTICS} | _PER_VIDEO
_UNUSABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError, csv.Error)


@dataclass
class Found:
    """A line each. computed: whether there was enough to compute the numbers again."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    computed: bool = True


def verify(path: Path) -> Found:
    """Raises `UserError` where a file is not what the bundle says. Nothing of the bundle is run."""
    found = Found()
    with opened(path) as (bundle, about), tempfile.TemporaryDirectory(prefix="vqa-verify-") as folder:
        extract(bundle, Path(folder), lambda name: not name.endswith(_UNREAD))
        found.checked.append(f"files: {len(bundle.entries)} are as the bundle names them, by their SHA-256")
        found.unchecked.append("figures and report: by their SHA-256 only")
        with contextlib.chdir(folder):
            study = load_study(Path(folder), path)
            if about.get("with_mos") is False:
                found.unchecked.append("metrics, tests and tables: the bundle was made without MOS")
                found.computed = False
                return found
            found.differences += _told(lambda: list(_others(StudyData(study), bundle, about)))
            found.differences += _told(lambda: list(_predictions(StudyData(study))))
            if not found.differences:
                grid = Grid(study)
                found.checked.append(
                    f"predictions: {len(grid.runs) + len(grid.by_scene)} runs have the labels and splits of the study"
                )
            differences, largest = _recomputed(study)
            found.differences += differences
            if not differences:
                exact = "to the last digit" if largest == 0 else f"within {largest:.1g} of the value"
                found.checked.append(f"{', '.join(_KEYED)} and tables: computed again, equal {exact}")
    made = about.get("versions")
    if found.differences and isinstance(made, dict) and made.get("EVALUATION_VERSION") != EVALUATION_VERSION:
        found.unchecked.append(f"made with {made}, computed again with version {EVALUATION_VERSION} of the evaluation")
    return found


def _told(compute: Callable[[], list[str]]) -> list[str]:
    """What is wrong in a line, also where it cannot be computed at all."""
    try:
        return compute()
    except UserError as error:
        return [str(error)]
    except _UNUSABLE as error:
        return [f"cannot be computed again ({one_line(error)})"]


def _recomputed(study: Study) -> tuple[list[str], float]:
    """What does not follow from the predictions, and the largest difference that was taken for rounding."""
    largest = [0.0]

    def compute() -> list[str]:
        data = StudyData(study)
        there = {path: path.read_text() for path in _numbers(data)}
        _compute(study)
        return list(_differences(data, there, largest))

    return _told(compute), max(largest)


def _compute(study: Study) -> None:
    """Over what the bundle holds: the tables are those of the new numbers."""
    metrics = evaluation.evaluate_study(study)
    evaluation.write_metrics(study.results / "metrics.csv", metrics)
    comparisons.write_statistics(study.results / "statistics.csv", comparisons.compare_study(study, metrics))
    for name, frame in zip(_PER_VIDEO, videos.describe_videos(study), strict=True):
        videos.write(study.results / name, frame)
    write_tables(StudyData(study), study.results / "tables")


def _numbers(data: StudyData) -> list[Path]:
    results = data.results
    tables = [results / "tables" / name for name in data.contents.table_files]
    return [*(results / name for name in _KEYED), *tables]


def _differences(data: StudyData, there: dict[Path, str], largest: list[float]) -> Iterator[str]:
    """there: what the bundle holds; on the disk is what was computed."""
    for name in (*_KEYED, *(f"tables/{file}" for file in data.contents.table_files if file.endswith(".csv"))):
        file = data.results / name
        tolerance = METRIC if name == "metrics.csv" else TEST
        found = compare_csv(name, there[file], file.read_text(), _KEYED.get(name, ()), tolerance)
        largest.append(found.largest)
        yield from found.lines
        if name not in _KEYED and file.name != MATRIX and not found.lines:
            for path in (file.with_suffix(".md"), file.with_suffix(".tex")):
                yield from compare_text(f"tables/{path.name}", there[path], path.read_text(), found.largest > 0)


def _others(data: StudyData, bundle: Bundle, about: dict[str, Any]) -> Iterator[str]:
    """Files that no bundle of this study has, and labels that are not those of the manifests."""
    for name in filter(lambda name: name.endswith(_UNREAD), bundle.entries):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    choice = Choice(about.get("with_features") is True, thumbnails=about.get("with_thumbnails") is not False)
    own = dict(Contents(data, choice).members())
    others = sorted(bundle.entries.keys() - own.keys() - {ABOUT, README})
    yield from (f"{name}: is no file of this study" for name in others[:_OTHERS])
    if len(others) > _OTHERS:
        yield f"{len(others) - _OTHERS} more files are none of this study"
    for name in map(str, map(labels, data.study.datasets)):
        if Path(name).read_bytes() != own[name]:
            yield f"{name}: has other videos or labels than results/manifests"


def _predictions(data: StudyData) -> Iterator[str]:
    """What the predictions say of labels and parts, against the manifest and the splits that a seed gives."""
    for dataset in data.study.datasets:
        listed = data.manifest(dataset)
        labels = {video.video_id: video.mos for video in listed}
        parts = {seed: parts_of(data.study, dataset, listed, seed) for seed in data.study.seeds_on(dataset)}
        for seed, drawn in parts.items():
            file = split_file(SPLITS, dataset, seed)
            if read_split_file(file) != dict(drawn):
                yield f"{file}: is not the split that seed {seed} gives"
        for run in (*data.grid.runs, *data.grid.by_scene):
            if run.dataset == dataset:
                own = parts_of(data.study, dataset, listed, run.seed, True) if run.by_scene else parts[run.seed]
                yield from differs(data, run, labels, own)
