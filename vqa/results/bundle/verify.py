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
from vqa.features.index import read_index
from vqa.protocol import predictions
from vqa.protocol.split_files import read_split_file, split_file
from vqa.protocol.splits import kind
from vqa.results import comparisons, evaluation, videos
from vqa.results.bundle.compare import METRIC, TEST, Differences, compare_csv, compare_text
from vqa.results.bundle.opened import extract, load_study, opened
from vqa.results.bundle.places import SPLITS
from vqa.results.contents import MATRIX
from vqa.results.leftovers import WRITTEN
from vqa.results.study_data import StudyData
from vqa.results.tables import write_tables
from vqa.study.grid import Grid, RunId
from vqa.study.parts import parts_of, scores_of
from vqa.system.errors import UserError

_UNREAD = (".h5", ".pt", ".png", ".pdf")
_METRICS = ("dataset", "test_set", "experiment", "mode", "seed")
_STATISTICS = ("family", "dataset", "test_set", "experiment", "mode", "baseline_experiment", "baseline_mode", "metric")
_VIDEOS = ("dataset", "test_set", "experiment", "video_id")
_PER_VIDEO = {"videos.csv": _VIDEOS, "sensitivity.csv": _VIDEOS}
_KEYED = {"metrics.csv": _METRICS, "statistics.csv": _STATISTICS} | _PER_VIDEO


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
            found.differences += _told(lambda: [*_strangers(StudyData(study)), *_predictions(StudyData(study))])
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
    except (ValueError, KeyError, TypeError, IndexError, OSError, csv.Error) as error:
        return [f"cannot be computed again ({type(error).__name__}: {error})"]


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
        if (
            name not in _KEYED and file.name != MATRIX and found == Differences()
        ):  # else the last digit printed may be another
            for path in (file.with_suffix(".md"), file.with_suffix(".tex")):
                yield from compare_text(f"tables/{path.name}", there[path], path.read_text())


def _strangers(data: StudyData) -> Iterator[str]:
    """Tables and runs that the study does not name: nothing would be computed again of them."""
    folder = data.results / "tables"
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if path.name not in {*data.contents.table_files, WRITTEN}:
            yield f"{path}: is no table of the study"
    own = {data.layout.run_folder(run) for run in (*data.grid.runs, *data.grid.by_scene)}
    for path in sorted(data.results.glob("runs*/**/predictions.csv")):
        if path.parent not in own:
            yield f"{path.parent}: is no run of the study"


def _predictions(data: StudyData) -> Iterator[str]:
    """What the predictions say of labels and parts, against the manifest and the splits that a seed gives."""
    for dataset in data.study.datasets:
        labels = {video.video_id: video.mos for video in data.manifest(dataset)}
        seeds = data.study.seeds_on(dataset)
        parts = {seed: parts_of(data.study, dataset, data.manifest(dataset), seed) for seed in seeds}
        for seed, drawn in parts.items():
            file = split_file(SPLITS, dataset, seed)
            if read_split_file(file) != dict(drawn):
                yield f"{file}: is not the split that seed {seed} gives"
        for run in (*data.grid.runs, *data.grid.by_scene):
            if run.dataset == dataset:
                own = parts_of(data.study, dataset, data.manifest(dataset), run.seed, run.by_scene)
                yield from _run(data, run, labels, dict(own))


def _run(data: StudyData, run: RunId, labels: dict[str, float], parts: dict[str, str]) -> Iterator[str]:
    where = f"predictions of {run.dataset}, {run.experiment}, train order {run.order}, seed {run.seed}"
    where += ", by scene" * run.by_scene
    frame = predictions.read(data.layout.run_folder(run) / "predictions.csv")
    for row in frame.itertuples():
        name: Any = row.video_id
        if parts.get(name) != row.split:
            yield f"{where}: '{name}' is in part {row.split}, its seed puts it in {parts.get(name, 'none')}"
            return
        if labels[name] != row.mos:
            yield f"{where}: MOS of '{name}' is {row.mos}, the labels say {labels[name]}"
            return
    if data.grid.is_given(run):
        given = scores_of(data.study, run.experiment, run.dataset, run.seed)
        wanted_rows = given.tested(data.manifest(run.dataset), parts, run.seed)
        if predictions.to_csv(wanted_rows) != (data.layout.run_folder(run) / "predictions.csv").read_text():
            yield f"{where}: are not the scores of {given.path}"
        return
    wanted = _indexed(data, run) & {name for name, part in parts.items() if kind(part) == "test"}
    for order in "OS":
        told = set(frame.loc[frame["split"].map(kind).eq("test") & frame["test_order"].eq(order), "video_id"])
        if lacking := sorted(wanted - told):
            yield f"{where}: '{lacking[0]}' is a test video without a score in order {order}"
            return


def _indexed(data: StudyData, run: RunId) -> set[str]:
    """The videos that have features of every backbone of the run."""
    layout, variants = data.layout, data.grid.variants_of(run.experiment)
    return set.intersection(*(set(read_index(layout.index(run.dataset, each.slug))) for each in variants))
