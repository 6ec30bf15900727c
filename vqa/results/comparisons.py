"""statistics.csv: which pairs of cells are compared, and what the tests say of each.

Families (each Holm-adjusted by itself, per metric): `modes` - every mode against OO of the same
experiment (the paper's Table VI); `samplers` - every Sample-K against all frames (Table VII);
`heads` - every control head against VSFA's.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from vqa.config import Study
from vqa.evaluation.statistics import Comparison, compare, holm, verdict
from vqa.results.contents import Contents, Pair
from vqa.results.evaluation import METRICS
from vqa.study.layout import Layout
from vqa.study.runs import read_run
from vqa.system.files import write_text


def compare_study(study: Study, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per comparison and metric, Holm-adjusted within family and metric."""
    settings = study.statistics
    values = {key: part.set_index("seed") for key, part in metrics.groupby(["dataset", "experiment", "mode"])}
    rows = []
    for pair in Contents(study).pairs:
        condition, baseline = (values[(pair.dataset, *cell)] for cell in (pair.condition, pair.baseline))
        counts = _part_sizes(study, pair)
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


def _part_sizes(study: Study, pair: Pair) -> dict[str, int]:
    """How many videos the first seed trains and tests on; random splits of a dataset agree in size."""
    experiment, mode = pair.condition
    folder = Layout.of(study).run(pair.dataset, experiment, mode[0], study.seeds[0])
    sizes: dict[str, int] = read_run(folder)["videos"]
    return sizes


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
    write_text(path, statistics.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def read_statistics(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=["", "nan", "NaN"], dtype={"flag": str}).fillna(
        {"flag": ""}
    )
