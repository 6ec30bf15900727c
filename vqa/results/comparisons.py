"""statistics.csv: which pairs of cells are compared, and what the tests say of each.

Questions: `modes` - every mode against OO of the same experiment (the paper's Table VI); `samplers` - every
Sample-K against all frames (Table VII); `heads` - every other temporal model against VSFA's; `means` - every one
against the plain mean of frame scores; `init` - heads that begin from trained ones against those that begin anew;
`given` - predictions that others made against the first experiment that the study trains;
`cross` - any of these pairs, trained on one dataset and tested on the whole of another. A family, over which both p
are Holm-adjusted, is one question on one dataset, or one way between two, by one metric.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vqa.config import Study
from vqa.evaluation.statistics import Comparison, holm, verdict
from vqa.results.contents import Contents
from vqa.results.crossing import Crossing
from vqa.results.evaluation import METRICS
from vqa.results.pairs import ACROSS, WAY, Pair
from vqa.results.resampling import CellRuns, Runs, compare_resampled
from vqa.results.test_sets import apart, by_dataset, together
from vqa.study.grid import Grid
from vqa.system.files import write_text

_FAMILY = ["family", "dataset", "metric"]
_CELLS = ["family", "dataset", "experiment", "mode", "baseline_experiment", "baseline_mode", "metric"]
# As version 0.1 wrote them, then what came after.
_TESTS = ["n_seeds", "difference", "ci_low", "ci_high", "d_z"]
_TESTS += ["p_paired", "p_corrected", "p_wilcoxon", "p_tost", "flag", "p_holm", "verdict"]
_ADDED = ["n_splits", "spread", "tost_low", "tost_high", "p_tost_holm", "detectable", "provable", "unlike"]
COLUMNS = [*_CELLS, *_TESTS, *_ADDED]
_TEXTS = [*_CELLS, "flag", "verdict", "unlike"]  # `2014` and `nan` are names
_UNDEFINED = {name: ["", "nan"] for name in COLUMNS if name not in _TEXTS}


def compare_study(study: Study, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison and metric over the seeds that both cells have, Holm-adjusted within question,
    dataset and metric.
    """
    settings = study.statistics
    margins: dict[str, float] = {"srocc": settings.margin} | {**settings.margins}
    values = {key: part.set_index("seed") for key, part in metrics.groupby(["dataset", "experiment", "mode"])}
    runs, crossing = Runs(study), Crossing(study)
    rows = []
    for pair in _each_test_set(Contents(study).pairs, metrics):
        across = pair.dataset.split(WAY) if pair.family == ACROSS else []
        both = pair.condition, pair.baseline
        sides = [crossing.on_whole(*across, cell[0]) if across else values[(pair.dataset, *cell)] for cell in both]
        seeds = sides[0].index.intersection(sides[1].index, sort=False)
        compare: Callable[..., Comparison] = runs.compare
        cells: list[Any] = [CellRuns(pair.dataset, *cell, tuple(seeds)) for cell in both]
        if across:
            compare, cells = (
                compare_resampled,
                [crossing.as_one_test_set(*across, cell[0], tuple(seeds)) for cell in both],
            )
        told = {"unlike": unlike(study, pair)}
        for metric in METRICS:
            reached = tuple(side.loc[seeds, metric].to_numpy() for side in sides)
            result = compare(metric, reached, cells, margins.get(metric, float("nan")), settings.alpha)
            rows.append(_row(pair, metric, result) | told)
    return _judged(pd.DataFrame(rows, columns=COLUMNS), settings.alpha)


def _each_test_set(pairs: Iterable[Pair], metrics: pd.DataFrame) -> Iterator[Pair]:
    """Each pair on every test set that its dataset names."""
    tested_in = by_dataset(metrics)
    for pair in pairs:
        for tested in tested_in.get(pair.dataset, [pair.dataset]):
            yield replace(pair, dataset=tested)


def _judged(frame: pd.DataFrame, alpha: float) -> pd.DataFrame:
    for _, family in frame.groupby(_FAMILY):
        frame.loc[family.index, "p_holm"] = holm(family["p_corrected"].to_numpy())
        frame.loc[family.index, "p_tost_holm"] = holm(family["p_tost"].to_numpy())
    frame["verdict"] = [
        verdict(row["n_splits"], row["p_holm"], row["p_tost_holm"], alpha) for row in frame.to_dict("records")
    ]
    return frame


def unlike(study: Study, pair: Pair) -> str:
    """Settings in which condition and baseline differ beside what is compared: `batch_size 256 for 128`."""
    if any(study.experiments[cell[0]].predictions for cell in (pair.condition, pair.baseline)):
        return ""  # of the making of others' predictions nothing is known
    grid = Grid(study)
    compared = {"sampler", "head"}
    here, there = (grid.run_settings(cell[0]).model_dump(exclude=compared) for cell in (pair.condition, pair.baseline))
    return ", ".join(f"{key} {here[key]} for {there[key]}" for key in here if here[key] != there[key])


def _row(pair: Pair, metric: str, result: Comparison) -> dict[str, Any]:
    return {
        "family": pair.family,
        "dataset": pair.dataset,
        "experiment": pair.condition[0],
        "mode": pair.condition[1],
        "baseline_experiment": pair.baseline[0],
        "baseline_mode": pair.baseline[1],
        "metric": metric,
        **asdict(result),
    }


def write_statistics(path: Path, statistics: pd.DataFrame) -> None:
    write_text(path, apart(statistics).to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read_statistics(path: Path) -> pd.DataFrame:
    dtype = dict.fromkeys([*_TEXTS, "test_set"], str)
    return together(pd.read_csv(path, dtype=dtype, keep_default_na=False, na_values=_UNDEFINED))
