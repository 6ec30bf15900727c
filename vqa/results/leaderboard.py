"""The cells of each dataset, ranked by mean SROCC: what the leaderboard's table, matrix and figure show."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from vqa.evaluation.leaderboard import Leaderboard, leaderboard
from vqa.results.resampling import CellRuns, Runs
from vqa.results.study_data import StudyData
from vqa.results.test_sets import dataset_of


@dataclass(frozen=True)
class Board:
    """tested: a dataset, or one of its test sets; cells: (experiment, mode) -> metrics by seed, by rank."""

    tested: str
    cells: dict[tuple[str, str], pd.DataFrame]
    ranked: Leaderboard


@lru_cache(maxsize=1)
def boards(data: StudyData) -> list[Board]:
    """Of every dataset that is ranked, or each of its test sets."""
    runs, alpha = Runs(data.study), data.study.statistics.alpha
    tested = [name for name in data.tested_on() if dataset_of(name) in data.contents.ranked]
    return [_board(runs, name, _cells(data, name), alpha) for name in tested]


def _cells(data: StudyData, tested: str) -> dict[tuple[str, str], pd.DataFrame]:
    """In the order of the config."""
    own = data.metrics[data.metrics["dataset"] == tested].set_index("seed")
    return {(str(e), str(m)): part for (e, m), part in own.groupby(["experiment", "mode"], sort=False)}


def _board(runs: Runs, tested: str, cells: dict[tuple[str, str], pd.DataFrame], alpha: float) -> Board:
    names = list(cells)
    values = [dict(zip(cell.index.tolist(), cell["srocc"].tolist(), strict=True)) for cell in cells.values()]

    def test(a: int, b: int) -> float:
        seeds = tuple(seed for seed in values[a] if seed in values[b])
        if len(seeds) < 2:
            return float("nan")
        both = np.array([[values[cell][seed] for seed in seeds] for cell in (a, b)])
        like = next(name for name, own in zip(names, values, strict=True) if own.keys() >= {*seeds})
        compared = [CellRuns(tested, *names[cell], seeds) for cell in (a, b)]
        return runs.p_differs((both[0], both[1]), compared, CellRuns(tested, *like, seeds))

    ranked = leaderboard([cell["srocc"].mean() for cell in cells.values()], test, alpha)
    return Board(tested, {names[cell]: cells[names[cell]] for cell in ranked.order}, ranked)
