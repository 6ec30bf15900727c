"""How the runs of a cell resample the videos, which decides the test: by splits that overlap, or, where all share one
official test set, not at all, so that the test resamples its videos.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vqa.config import Study
from vqa.config.names import GIVEN_PARTS
from vqa.evaluation.bootstrap import resampled
from vqa.evaluation.statistics import Comparison, compare, compare_on_one_test_set
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
    """A value a run. splits: the validation and the test videos; n_train, n_test: the sizes of its parts."""

    splits: list[Split]
    n_train: list[int]
    n_test: list[int]

    @property
    def distinct(self) -> int:
        return len(set(self.splits))

    @property
    def one_test_set(self) -> bool:
        """Several runs, and all were tested on the same videos."""
        return len(self.splits) > 1 and len({test for _, test in self.splits}) == 1


def resampling(tested: str, folders: Sequence[Path]) -> Resampling:
    """Of the runs in `folders`, one a seed, on a dataset or one of its test sets."""
    splits = [_split(tested, folder) for folder in folders]
    sizes = [read_run(folder)["videos"] for folder in folders]
    named = tested != dataset_of(tested)
    n_test = [len(test) if named else n["test"] for n, (_, test) in zip(sizes, splits, strict=True)]
    return Resampling(splits, [n["train"] for n in sizes], n_test)


def _split(tested: str, folder: Path) -> Split:
    frame = predictions.read(folder / "predictions.csv")
    val = frozenset(frame.loc[frame["split"] == "val", "video_id"])
    return val, frozenset(test_parts(dataset_of(tested), frame)[tested]["video_id"])


class OneTestSet:
    """The runs of a cell, one a seed, all tested on the same videos. runs: `video_id, mos, score` of each."""

    def __init__(self, runs: Sequence[pd.DataFrame]):
        self.runs = [run.set_index("video_id").sort_index() for run in runs]
        self._resampled: dict[frozenset[str], dict[str, Array]] = {}

    @cached_property
    def videos(self) -> frozenset[str]:
        return frozenset(self.runs[0].index)

    def resampled(self, videos: frozenset[str]) -> dict[str, Array]:
        """Each metric on draws of `videos`, shape (seeds, draws)."""
        if videos not in self._resampled:
            chosen = [run[run.index.isin(videos)] for run in self.runs]
            found = [resampled(run["score"].to_numpy(), run["mos"].to_numpy()) for run in chosen]
            self._resampled[videos] = {name: np.stack([each[name] for each in found]) for name in found[0]}
        return self._resampled[videos]


def compare_resampled(
    metric: str, values: tuple[Array, Array], cells: Sequence[OneTestSet], margin: float, alpha: float
) -> Comparison:
    """Condition against baseline where both were tested on the same videos at every seed. values: of each seed."""
    a, b = values
    both = cells[0].videos & cells[1].videos
    known = np.isfinite(a - b)
    apart = [cell.resampled(both)[metric][known] for cell in cells]
    draws = (apart[0] - apart[1]).mean(axis=0) if known.any() else np.empty(0)
    return compare_on_one_test_set(a, b, draws, len(both), margin, alpha)


class Runs:
    """What the tests of a study must know of the runs behind a cell."""

    def __init__(self, study: Study):
        self._layout = Layout.of(study)
        self._given = study.splits.method in GIVEN_PARTS
        self._drawn = cache(self._resampling)
        self._rows = cache(self._one_test_set)

    def compare(
        self, metric: str, values: tuple[Array, Array], cells: Sequence[CellRuns], margin: float, alpha: float
    ) -> Comparison:
        """Condition against baseline, by what their seeds resample: splits, or nothing where parts are given."""
        if all(map(self.on_one_test_set, cells)):
            return compare_resampled(metric, values, [self._rows(cell) for cell in cells], margin, alpha)
        drawn = self._drawn(cells[0])
        return compare(*values, drawn.n_train, drawn.n_test, margin, alpha, drawn.splits)

    def on_one_test_set(self, cell: CellRuns) -> bool:
        return self._given and self._drawn(cell).one_test_set

    def _folders(self, cell: CellRuns) -> list[Path]:
        place = dataset_of(cell.tested), cell.experiment, cell.mode[0]
        return [self._layout.run(*place, seed) for seed in cell.seeds]

    def _resampling(self, cell: CellRuns) -> Resampling:
        return resampling(cell.tested, self._folders(cell))

    def _one_test_set(self, cell: CellRuns) -> OneTestSet:
        return OneTestSet([test_scores(folder, cell.tested, cell.mode[1]) for folder in self._folders(cell)])
