"""statistics.csv: which pairs of cells are compared, and what the tests say of each.

Families (each Holm-adjusted by itself, per metric): `modes` - every mode against OO of the same
experiment (the paper's Table VI); `samplers` - every Sample-K against all frames (Table VII);
`heads` - every control head against VSFA's.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from vqa.files import write_text
from vqa.results.evaluation import METRICS, read_run
from vqa.statistics import Comparison, compare, holm, verdict
from vqa.study import Grid, RunId


@dataclass(frozen=True)
class Pair:
    """`condition` against `baseline`: (experiment, mode) each, on one dataset."""

    family: str
    dataset: str
    condition: tuple[str, str]
    baseline: tuple[str, str]


def pairs(grid: Grid) -> Iterator[Pair]:
    experiments = grid.study.experiments
    for dataset in grid.study.datasets:
        for name, experiment in experiments.items():
            for mode in experiment.modes:
                if mode != "OO" and "OO" in experiment.modes:
                    yield Pair("modes", dataset, (name, mode), (name, "OO"))
        for name, base in grid.sampler_groups:
            yield Pair("samplers", dataset, (name, "OO"), (base, "OO"))
        for name, base in grid.head_groups:
            yield Pair("heads", dataset, (name, "OO"), (base, "OO"))


def compare_study(grid: Grid, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison and metric, Holm-adjusted within family and metric."""
    settings = grid.study.statistics
    values = {key: part.set_index("seed") for key, part in metrics.groupby(["dataset", "experiment", "mode"])}
    rows = []
    for pair in pairs(grid):
        condition, baseline = (values[(pair.dataset, *cell)] for cell in (pair.condition, pair.baseline))
        counts = _part_sizes(grid, pair)
        for metric in METRICS:
            margin = settings.margin if metric != "rmse" else float("nan")
            result = compare(
                condition[metric].to_numpy(),
                baseline[metric].to_numpy(),
                counts["train"],
                counts["test"],
                margin,
                1 - settings.alpha,
            )
            rows.append(_row(pair, metric, result))
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    for _, family in frame.groupby(["family", "metric"]):
        frame.loc[family.index, "p_holm"] = holm(family["p_corrected"].to_numpy())
    frame["verdict"] = [
        verdict(Comparison(**{name: row[name] for name in _FIELDS}), row["p_holm"], settings.alpha)
        for row in frame.to_dict("records")
    ]
    return frame


def _part_sizes(grid: Grid, pair: Pair) -> dict[str, int]:
    """How many videos the first seed trains and tests on; random splits of a dataset agree in size."""
    experiment, mode = pair.condition
    order = "O" if mode[0] == "O" else "S"
    return read_run(grid.run_dir(RunId(pair.dataset, experiment, order, grid.study.seeds[0])))["videos"]


_FIELDS = list(Comparison.__dataclass_fields__)
_COLUMNS = [
    "family",
    "dataset",
    "experiment",
    "mode",
    "baseline_experiment",
    "baseline_mode",
    "metric",
    *_FIELDS,
    "p_holm",
    "verdict",
]


def _row(pair: Pair, metric: str, result: Comparison) -> dict:
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
    write_text(path, statistics.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read_statistics(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=["", "nan", "NaN"], dtype={"flag": str}).fillna(
        {"flag": ""}
    )
