"""How the runs of a cell resample the videos, which decides the test: by splits that overlap, or, where all share one
official test set, not at all, so that the test resamples its videos.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vqa.config import Study
from vqa.config.names import GIVEN_PARTS
from vqa.evaluation.bootstrap import NAMES, resampled
from vqa.evaluation.statistics import (
    Comparison,
    compare,
    compare_on_one_test_set,
    corrected_ttest,
    one_test_set_ttest,
)
from vqa.protocol import predictions
from vqa.results.test_sets import dataset_of, test_parts, test_scores
from vqa.study.layout import Layout
from vqa.study.runs import read_run

Array = NDArray[np.float64]
Split = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class CellRuns:
    """The runs of `seeds` behind a cell; tested: a dataset, or one of its test sets."""

    tested: str
    experiment: str
    mode: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Resampling:
    """A value a run. splits: the validation and the test videos; n_train, n_test: the sizes of its parts.

    method: by which the study is split.
    """

    splits: list[Split]
    n_train: list[int]
    n_test: list[int]
    method: str

    @cached_property
    def common(self) -> Array:
        """The share of its test videos that a run has in common with another, (runs, runs).

        Of parts that are drawn, only whether all are: how many are by chance, the corrected tests expect. On one test
        set, runs that were validated on other videos are told apart.
        """
        tests = [test for _, test in self.splits]
        if self.method == "files" and not self.one_test_set:
            return np.array([[len(a & b) / math.sqrt(len(a) * len(b)) for b in tests] for a in tests])
        drawn: Sequence[Hashable] = self.splits if self.one_test_set else tests
        return np.array([[float(a == b) for b in drawn] for a in drawn])

    @cached_property
    def one_test_set(self) -> bool:
        """Several runs, and all were tested on the same videos, which the user gave."""
        same = len(self.splits) > 1 and len({test for _, test in self.splits}) == 1
        return same and self.method in GIVEN_PARTS


def resampling(tested: str, folders: Sequence[Path], method: str) -> Resampling:
    """Of the runs in `folders`, one a seed, on a dataset or one of its test sets."""
    splits = [_split(tested, folder) for folder in folders]
    sizes = [read_run(folder)["videos"] for folder in folders]
    named = tested != dataset_of(tested)
    n_test = [len(test) if named else n["test"] for n, (_, test) in zip(sizes, splits, strict=True)]
    return Resampling(splits, [n["train"] for n in sizes], n_test, method)


def _split(tested: str, folder: Path) -> Split:
    frame = predictions.read(folder / "predictions.csv")
    val = frozenset(frame.loc[frame["split"] == "val", "video_id"])
    return val, frozenset(test_parts(dataset_of(tested), frame)[tested]["video_id"])


class OneTestSet:
    """The runs of a cell, one a seed, all tested on the same videos. runs: `video_id, mos, score` of each; metrics:
    those that are asked for.
    """

    def __init__(self, runs: Sequence[pd.DataFrame], metrics: Sequence[str] = NAMES):
        self._metrics = metrics
        self.runs = [run.set_index("video_id").sort_index() for run in runs]
        self._resampled: dict[frozenset[str], dict[str, Array]] = {}

    @cached_property
    def videos(self) -> frozenset[str]:
        return frozenset(self.runs[0].index)

    def resampled(self, videos: frozenset[str]) -> dict[str, Array]:
        """Each metric on draws of `videos`, shape (seeds, draws)."""
        if videos not in self._resampled:
            chosen = [run[run.index.isin(videos)] for run in self.runs]
            found = [resampled(run["score"].to_numpy(), run["mos"].to_numpy(), metrics=self._metrics) for run in chosen]
            self._resampled[videos] = {name: np.stack([each[name] for each in found]) for name in found[0]}
        return self._resampled[videos]


def compare_resampled(
    metric: str, values: tuple[Array, Array], cells: Sequence[OneTestSet], margin: float, alpha: float
) -> Comparison:
    """Condition against baseline where both were tested on the same videos at every seed. values: of each seed."""
    draws, videos = mean_apart(metric, values, cells)
    return compare_on_one_test_set(*values, draws, videos, margin, alpha)


def mean_apart(metric: str, values: tuple[Array, Array], cells: Sequence[OneTestSet]) -> tuple[Array, int]:
    """How far two cells are apart on each draw of the videos of both, on average over seeds; how many videos."""
    both = cells[0].videos & cells[1].videos
    known = np.isfinite(values[0] - values[1])
    apart = [cell.resampled(both)[metric][known] for cell in cells]
    return (apart[0] - apart[1]).mean(axis=0) if known.any() else np.empty(0), len(both)


class Runs:
    """What the tests of a study must know of the runs behind a cell."""

    def __init__(self, study: Study):
        self._layout = Layout.of(study)
        self._method = study.splits.method
        self._drawn = cache(self._resampling)
        self._rows = cache(self._one_test_set)
        self._ranks = cache(lambda cell: self._one_test_set(cell, ("srocc",)))

    def compare(
        self, metric: str, values: tuple[Array, Array], cells: Sequence[CellRuns], margin: float, alpha: float
    ) -> Comparison:
        """Condition against baseline, by what their seeds resample: splits, or nothing where parts are given."""
        if all(map(self.on_one_test_set, cells)):
            return compare_resampled(metric, values, [self._rows(cell) for cell in cells], margin, alpha)
        drawn = self._drawn(cells[0])
        return compare(*values, drawn.n_train, drawn.n_test, margin, alpha, drawn.common)

    def p_differs(self, values: tuple[Array, Array], cells: Sequence[CellRuns], like: CellRuns) -> float:
        """`p_corrected` of `compare` on SROCC, and no more. like: a cell of these seeds, whose splits are theirs."""
        if all(map(self.on_one_test_set, cells)):
            both = [self._ranks(cell) for cell in cells]
            draws, videos = mean_apart("srocc", values, both)
            return one_test_set_ttest(*values, draws, videos).p
        drawn = self._drawn(like)
        return corrected_ttest(*values, drawn.n_train, drawn.n_test, drawn.common).p

    def on_one_test_set(self, cell: CellRuns) -> bool:
        return self._method in GIVEN_PARTS and self._drawn(cell).one_test_set

    def _folders(self, cell: CellRuns) -> list[Path]:
        place = dataset_of(cell.tested), cell.experiment, cell.mode[0]
        return [self._layout.run(*place, seed) for seed in cell.seeds]

    def _resampling(self, cell: CellRuns) -> Resampling:
        return resampling(cell.tested, self._folders(cell), self._method)

    def _one_test_set(self, cell: CellRuns, metrics: Sequence[str] = NAMES) -> OneTestSet:
        return OneTestSet([test_scores(folder, cell.tested, cell.mode[1]) for folder in self._folders(cell)], metrics)
