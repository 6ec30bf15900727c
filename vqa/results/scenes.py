"""Do scenes that training and test share flatter? The same trainings on random splits and on splits by scene.

Random splits put videos of one scene into training and into test; splits by scene do not. Both draw their test videos
anew at every seed, so that their difference has the corrected resampled interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vqa.evaluation.metrics import evaluate
from vqa.evaluation.statistics import Comparison, compare
from vqa.manifest import Video
from vqa.protocol.splits import kind
from vqa.results.resampling import Array, Resampling, resampling
from vqa.results.study_data import StudyData
from vqa.results.test_sets import test_scores
from vqa.study.parts import parts_of
from vqa.study.runs import require_own_runs

QUESTION = "Do scenes that training and test share flatter?"
METRICS = ("srocc", "plcc")


@dataclass(frozen=True)
class Flattery:
    """A cell, trained and tested in order: `metric` on each seed's random split and on its split by scene, NaN where
    one of both is undefined.

    test: of random less by scene. shared: of the random splits' test videos, the part whose scene training shows, too.
    """

    dataset: str
    experiment: str
    metric: str
    random: Array
    by_scene: Array
    test: Comparison
    shared: float

    @property
    def told_apart(self) -> bool:
        """Whether there are runs enough for an interval, and their test sets not too much alike."""
        return not self.test.flag.startswith("few-")


def flatteries(data: StudyData) -> list[Flattery]:
    """Of every cell and metric, in the order of the config. Raises `UserError` for a run of another study."""
    require_own_runs(data.grid, data.grid.by_scene)
    cells = dict.fromkeys((run.dataset, run.experiment) for run in data.grid.by_scene)
    return [found for cell in cells for found in _cell(data, *cell)]


def _cell(data: StudyData, dataset: str, experiment: str) -> list[Flattery]:
    runs = data.runs_of(dataset, experiment, "OO")
    folders = [[data.layout.run_folder(replace(run, by_scene=by)) for run in runs] for by in (False, True)]
    drawn = [resampling(dataset, own, method) for own, method in zip(folders, ("random", "scene"), strict=True)]
    random, by_scene = (_measured(dataset, own) for own in folders)
    videos = data.manifest(dataset)
    shared = float(np.mean([shared_scenes(videos, parts_of(data.study, dataset, videos, run.seed)) for run in runs]))
    found = []
    for metric in METRICS:
        both = np.isfinite(random[metric] - by_scene[metric])
        first, second = (np.where(both, each[metric], np.nan) for each in (random, by_scene))
        test = apart((first, second), drawn, data.study.statistics.alpha)
        found.append(Flattery(dataset, experiment, metric, first, second, test, shared))
    return found


def _measured(dataset: str, folders: Sequence[Path]) -> dict[str, Array]:
    """Each metric of the runs in `folders`, frames in order, (runs,)."""
    scores = [test_scores(folder, dataset, "O") for folder in folders]
    found = [evaluate(each["score"].to_numpy(), each["mos"].to_numpy()) for each in scores]
    return {metric: np.array([getattr(each, metric) for each in found]) for metric in METRICS}


def apart(values: tuple[Array, Array], drawn: Sequence[Resampling], alpha: float) -> Comparison:
    """Of random splits less by scene. values: one a seed; drawn: how the splits of each resample the videos.

    By the larger of both ratios of test to training videos, and of both shares of common test videos.
    """
    ratio = np.maximum(*(np.divide(each.n_test, each.n_train) for each in drawn))
    return compare(*values, 1, ratio, np.nan, alpha, np.maximum(*(each.common for each in drawn)))


def shared_scenes(videos: Sequence[Video], parts: Mapping[str, str]) -> float:
    """The part of the test videos whose scene training shows, too."""
    scenes = {video.video_id: video.scene for video in videos}
    trained = {scenes[name] for name, part in parts.items() if part == "train"}
    tested = [name for name, part in parts.items() if kind(part) == "test"]
    return sum(scenes[name] in trained for name in tested) / len(tested)


def sentence(found: Sequence[Flattery], alpha: float) -> str:
    """SROCC over cells, as a paper could quote it."""
    chosen = [each for each in found if each.metric == "srocc" and each.told_apart]
    if not chosen and any(each.test.flag == "few-splits" for each in found):
        return "No interval: of so few scenes the runs draw test sets that are too much alike."
    if not chosen:
        return "No interval: no cell has a defined SROCC in three runs of both."
    apart = [each.test.difference for each in chosen]
    span = f"{apart[0]:+.3f} in 1 cell"
    if len(chosen) > 1:
        span = f"{np.mean(apart):+.3f} on average over {len(chosen)} cells ({min(apart):+.3f} to {max(apart):+.3f})"
    above = sum(each.test.ci_low > 0 for each in chosen)
    return (
        f"Against splits by scene, random splits, which share scenes, move mean SROCC by {span}; the "
        f"{100 * (1 - alpha):g} % interval lies above 0 in {above} of them."
    )


def answer(data: StudyData) -> list[tuple[str, str, list[str]]]:
    """(question, answer, no lines) of the summary; nothing where the study sets no splits beside its own."""
    if not data.study.splits.scenes:
        return []
    return [(QUESTION, sentence(flatteries(data), data.study.statistics.alpha), [])]
